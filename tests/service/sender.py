"""A sender of webhooks.

Usage: sender.py ask SOURCE HOST PORT PATH
           prints the status, or `refused`, `timeout`, `broken`
       sender.py load SOURCE HOST PORT PATH STOPFILE
           sends until STOPFILE exists (at most 60 s), then prints one JSON object: how many requests
           were sent and what became of them. Nothing is ever tried twice. STOPFILE.busy appears when 200
           have been answered: from then on there is load.
       sender.py burst SOURCE HOST PORT PATH COUNT
           sends COUNT requests as fast as they are answered, many at once on each of a few connections, and
           prints how many were answered
With OVER_TLS in the environment it speaks TLS, and takes any certificate.
"""

import collections
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import time

BODY = b'{"from":"447700900000","to":"447700900001","text":"hello"}'
FIELDS = {"Content-Type": "application/json"}
TIMEOUT = 20
NEW, KEPT = 4, 4
LINES, AT_ONCE = 4, 100
BUSY = 200


def connection(source, host, port):
    if "OVER_TLS" in os.environ:
        any_certificate = ssl.create_default_context()
        any_certificate.check_hostname, any_certificate.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(
            host, port, timeout=TIMEOUT, source_address=(source, 0), context=any_certificate
        )
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT, source_address=(source, 0))


def send(line, path):
    """What became of one request, and whether the connection may be used again."""
    try:
        line.request("POST", path, BODY, FIELDS)
        answer = line.getresponse()
        answer.read()
        return str(answer.status), not answer.will_close
    except ConnectionRefusedError:
        return "refused", False
    except TimeoutError:
        return "timeout", False
    except (OSError, http.client.HTTPException) as error:
        return f"broken ({type(error).__name__})", False


def ask(source, host, port, path):
    line = connection(source, host, port)
    print(send(line, path)[0].split()[0])


def load(source, host, port, path, stop):
    until = time.monotonic() + 60
    seen, slowest, lock = collections.Counter(), [0.0], threading.Lock()

    def sender(keeps):
        line = None
        while time.monotonic() < until and not os.path.exists(stop):
            if line is None:
                line = connection(source, host, port)
            began = time.monotonic()
            outcome, again = send(line, path)
            took = time.monotonic() - began
            with lock:
                seen[outcome] += 1
                slowest[0] = max(slowest[0], took)
                if seen["200"] == BUSY:
                    open(stop + ".busy", "w").close()
            if not (keeps and again):
                line.close()
                line = None
            time.sleep(0.005)

    threads = [threading.Thread(target=sender, args=(n < KEPT,)) for n in range(KEPT + NEW)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"sent": sum(seen.values()), "outcomes": seen, "slowest_s": round(slowest[0], 3)}))


def burst(source, host, port, path, count):
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    answered = [0] * LINES

    def sender(place):
        with socket.create_connection((host, port), TIMEOUT, (source, 0)) as line:
            while answered[place] < int(count) // LINES:
                line.sendall(request * AT_ONCE)
                received = b""
                while received.count(b"HTTP/1.1 ") < AT_ONCE:
                    more = line.recv(65536)
                    if not more:
                        return
                    received += more
                answered[place] += AT_ONCE

    threads = [threading.Thread(target=sender, args=(place,)) for place in range(LINES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(answered))


command, source, host, port, *rest = sys.argv[1:]
{"ask": ask, "load": load, "burst": burst}[command](source, host, int(port), *rest)
