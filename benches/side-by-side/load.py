"""What is sent: the measured load, and single probes that prove who is admitted and what reached the upstream."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import ssl
import subprocess
import time
from dataclasses import dataclass

from subjects import ACCOUNT, CONF, LOAD, SECRET

CONNECTIONS = 32
# Refused connections under way at a time.
WINDOW = 128
BODY_BYTES = 390
PATH = "/webhooks/inbound-message"
# What every client and every proxy here agrees on, or the work would not be the same.
CIPHER = ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)


def body():
    """A message such as the vendor sends, filled up to exactly BODY_BYTES."""
    head = (
        '{"channel":"sms","message_uuid":"aaaaaaaa-bbbb-cccc-dddd-0123456789ab","to":"15550001111",'
        '"from":"15550002222","timestamp":"2024-01-15T12:00:00Z","context_status":"none","message_type":"text",'
        '"usage":{"price":"0.0057","currency":"EUR"},"sms":{"num_messages":"1"},"text":"'
    )
    tail = '"}'
    text = "The quick brown fox jumps over the lazy dog. " * 10
    return (head + text[: BODY_BYTES - len(head) - len(tail)] + tail).encode()


def token():
    """What the vendor would sign this body with (HS256)."""
    claims = {
        "iat": int(time.time()), "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5", "iss": "Vonage",
        "payload_hash": hashlib.sha256(body()).hexdigest(), "api_key": ACCOUNT,
        "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    }
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    text = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{text}.{_base64(hmac.digest(SECRET.encode(), text.encode(), 'sha256'))}"


def _base64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(frozen=True)
class Load:
    """What the load saw in one round."""

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    error_status: int  # answers above 399
    broken: int  # connect, read, write and time-out errors
    connections: int = 0  # opened, where the load program says so
    resumed: int = 0  # of them, TLS sessions that were resumed
    answer_bytes: int = 0  # heard on connections that should be closed without a word


def pinned(core, *command):
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), *command]


def run(scenario, subject, seconds, core, body_file):
    """The load of a scenario, for some seconds."""
    if scenario.by_wrk:
        return run_wrk(scenario, subject.port, seconds, core, body_file)
    return run_own(scenario, subject, seconds, core, body_file)


def run_wrk(scenario, port, seconds, core, body_file):
    scheme = "https" if scenario.tls else "http"
    command = pinned(core, "wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(CONF / "load.lua"))
    command += [f"{scheme}://{LOAD}:{port}{PATH}"]
    environment = os.environ | {
        "BENCH_BODY": str(body_file), "BENCH_BODY_BYTES": str(BODY_BYTES), "BENCH_CLOSE": "1" if scenario.close else "0",
        "BENCH_TOKEN": token() if scenario.signed else "",
    }
    said = _said(command, seconds, environment)
    broken = said["connect"] + said["read"] + said["write"] + said["timeout"]
    return Load(said["requests"], said["duration_us"], said["p50_us"], said["p99_us"], said["status"], broken)


def run_own(scenario, subject, seconds, core, body_file):
    to = ["--to", f"{LOAD}:{subject.port}", "--seconds", str(seconds)]
    if scenario.dropped:
        # nginx refuses requests, not connections.
        speak = ["--speak"] if subject.name.startswith("nginx") else []
        command = [os.environ["LOADER"], "refused", *to, "--connections", str(WINDOW), *speak]
    else:
        command = [os.environ["LOADER"], "post", *to, *post_arguments(scenario, body_file)]
        command += ["--connections", str(CONNECTIONS)]
    said = _said(pinned(core, *command), seconds, os.environ)
    return Load(
        said["requests"], said["duration_us"], said["p50_us"], said["p99_us"], said["status"], said["broken"],
        said["connections"], said["resumed"], said.get("bytes", 0),
    )


def post_arguments(scenario, body_file):
    arguments = ["--path", PATH, "--body", str(body_file)]
    if scenario.tls:
        arguments.append("--resume" if scenario.resumed else "--tls")
    if scenario.close:
        arguments.append("--close")
    if scenario.rate:
        arguments += ["--rate", str(scenario.rate)]
    return arguments


def _said(command, seconds, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 15, check=False)
    line = re.search(r"^BENCH (.*)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or line is None:
        raise RuntimeError(f"the load failed with status {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return {key: int(value) for key, value in (pair.split("=") for pair in line[1].split())}


def probe(port, source, tls=False, signed=False):
    """One POST from the given loopback address: its status and body; (None, reason) when it was closed without an answer."""
    options = {"timeout": 5, "source_address": (source, 0)}
    if tls:
        connection = http.client.HTTPSConnection(LOAD, port, context=_anyone(), **options)
    else:
        connection = http.client.HTTPConnection(LOAD, port, **options)
    try:
        connection.connect()
        if tls and connection.sock.cipher() != CIPHER:
            raise RuntimeError(f"agreed on {connection.sock.cipher()}, expected {CIPHER}")
        more = {"Authorization": f"Bearer {token()}"} if signed else {}
        connection.request("POST", PATH, body(), {"Content-Type": "application/json"} | more)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except ConnectionRefusedError:
        raise  # it is not up yet
    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as closed:
        return None, str(closed).encode()
    finally:
        connection.close()


def _anyone():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def upstream_counters(port):
    """Connections accepted and requests taken by the upstream so far, this look included."""
    connection = http.client.HTTPConnection(LOAD, port, timeout=5)
    try:
        connection.request("GET", "/upstream-counters")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    accepted, _handled, requests = map(int, text.splitlines()[2].split())
    return accepted, requests
