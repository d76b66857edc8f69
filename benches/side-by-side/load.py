"""What is sent: the measured load by wrk, and single probes that prove who is admitted and what reached the upstream."""

import http.client
import os
import re
import subprocess
from dataclasses import dataclass

from subjects import CONF, LOAD

CONNECTIONS = 32
BODY_BYTES = 390
PATH = "/webhooks/inbound-message"


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


@dataclass(frozen=True)
class Load:
    """What wrk saw in one round."""

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    error_status: int  # answers above 399
    broken: int  # connect, read, write and time-out errors


def run_wrk(port, seconds, core, close, body_file):
    command = ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core)]
    command += ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(CONF / "load.lua")]
    command += [f"http://{LOAD}:{port}{PATH}"]
    environment = os.environ | {
        "BENCH_BODY": str(body_file), "BENCH_BODY_BYTES": str(BODY_BYTES), "BENCH_CLOSE": "1" if close else "0",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 10, check=False)
    line = re.search(r"^BENCH (.*)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or line is None:
        raise RuntimeError(f"wrk failed with status {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
    said = {key: int(value) for key, value in (pair.split("=") for pair in line[1].split())}
    broken = said["connect"] + said["read"] + said["write"] + said["timeout"]
    return Load(said["requests"], said["duration_us"], said["p50_us"], said["p99_us"], said["status"], broken)


def probe(port, source):
    """One POST from the given loopback address: its status and body."""
    connection = http.client.HTTPConnection(LOAD, port, timeout=5, source_address=(source, 0))
    try:
        connection.request("POST", PATH, body(), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


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
