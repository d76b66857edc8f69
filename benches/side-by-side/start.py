"""From the start of a program to the moment when it serves: twenty starts of each, in turns."""

import os
import socket
import statistics
import subprocess
import time

import report
import subjects
from process import log_of
from session import Session, Wrong, number_from_environment, run_main

PATIENCE_S = 10
# How often a port is tried: the error of the figure.
EVERY_S = 0.0005


def main():
    starts = number_from_environment("STARTS", 20, 1000)
    report.machine()
    names = ["nginx", "haproxy", "gate"]
    took = {name: [] for name in names}
    with Session(60 + starts * len(names) * 2) as session:
        print(f"start to ready: {starts} starts of each in turns; nexmo-gate says when it is ready (sd_notify), "
              "nginx and HAProxy are ready when their port accepts")
        session.start_upstream()
        setting = session.setting(subjects.admitted_prefixes(True))
        prepared = {name: subjects.prepare(name, setting) for name in names}
        for _ in range(starts):
            for name in names:
                took[name].append(start(name, *prepared[name], session))
    said = {}
    for name, all_ms in took.items():
        said[name] = {"median_ms": statistics.median(all_ms), "max_ms": max(all_ms)}
        print(f"  {name:<10} median {said[name]['median_ms']:.1f} ms, slowest {said[name]['max_ms']:.1f} ms")
    report.record("start", said)


def start(name, command, environment, folder, port, session):
    """Milliseconds from the start to ready."""
    words = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, open(log_of(name, folder), "ab") as output:
        words.unlink(missing_ok=True)
        manager.bind(str(words))
        manager.settimeout(PATIENCE_S)
        # The child inherits the core it shall have; a program in between would be a part of the figure.
        os.sched_setaffinity(0, {session.proxy_core})
        began = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=folder, env=environment | {"NOTIFY_SOCKET": str(words)},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )
        os.sched_setaffinity(0, {session.load_core})
        try:
            if name == "gate":
                while b"READY=1" not in manager.recv(4096):
                    pass
            else:
                wait_for_port(port, child, name)
            return (time.perf_counter() - began) * 1000
        finally:
            child.terminate()
            child.wait(timeout=PATIENCE_S)


def wait_for_port(port, child, name):
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection((subjects.LOAD, port), timeout=PATIENCE_S).close()
            return
        except ConnectionRefusedError:
            if child.poll() is not None or time.monotonic() > end:
                raise Wrong(f"{name} did not begin to accept") from None
            time.sleep(EVERY_S)


if __name__ == "__main__":
    run_main(main)
