"""Memory: of a proxy with 64 busy connections, and of each of 10,000 that idle after one request."""

import os
import resource
import subprocess
import time

import load
import report
import subjects
from scenarios import Scenario
from session import Session, Wrong, number_from_environment, run_main, until_answers

BUSY = 64
# The one prefix that covers every address that the load sends from.
LOOPBACK = ["127.0.0.0/8"]
HOLD_PATIENCE_S = 60


def main():
    idle = number_from_environment("IDLE", 10_000, 60_000)
    report.machine()
    files = raise_files(3 * idle)
    said = {}
    for tls in (False, True):
        word = "TLS" if tls else "plain"
        with Session(60 + 3 * 2 * HOLD_PATIENCE_S) as session:
            print(f"memory, {word}: {BUSY} busy connections, then {idle} that idle after one POST each")
            session.start_upstream()
            setting = session.setting(LOOPBACK, tls=tls, connections=idle + 500)
            for name in ("nginx", "haproxy", "gate"):
                if files < 1.5 * idle:
                    raise Wrong(f"{files} file descriptors are too few for {idle} connections; raise ulimit -n, or set IDLE")
                busy_mb, each_kb = measure(name, setting, session, idle, tls)
                print(f"  {name:<10} {BUSY} busy: {busy_mb:.1f} MB; each of {idle} idle: {each_kb:.2f} KB", flush=True)
                said[f"{name} {word}"] = {"busy_mb": busy_mb, "each_kb": each_kb}
    report.record("idle", said)


def raise_files(wanted):
    """As many descriptors as may be had, up to `wanted`: the soft limit, and with the right to it the hard one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, hard), max(wanted, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def measure(name, setting, session, idle, tls):
    subject = session.start_subject(name, setting)
    until_answers(subject.process, lambda: load.probe(subject.port, subjects.FRIEND, tls))
    arguments = ["--to", f"{subjects.LOAD}:{subject.port}", *load.post_arguments(Scenario("", tls=tls), session.body_file)]
    busy = load.pinned(session.load_core, os.environ["LOADER"], "post", *arguments, "--connections", str(BUSY), "--seconds", "3")
    with subprocess.Popen(busy, stdout=subprocess.PIPE, text=True) as sender:
        time.sleep(2.5)
        busy_mb = subject.process.resident_kb() / 1024
        said = sender.communicate(timeout=15)[0]
    if sender.returncode != 0 or " status=0 broken=0 " not in said:
        raise Wrong(f"{name}: the busy connections failed: {said}")
    before = settled_kb(subject.process)
    hold = load.pinned(session.load_core, os.environ["LOADER"], "hold", *arguments, "--connections", str(idle))
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        # A session is bounded in time: this cannot wait for ever.
        if holder.stdout.readline() != f"HELD {idle}\n":
            raise Wrong(f"{name}: {idle} connections could not be held open")
        each_kb = (settled_kb(subject.process) - before) / idle
        said = holder.communicate("", timeout=30)[0]
    if holder.returncode != 0 or subject.process.died():
        raise Wrong(f"{name}: {subject.process.died() or said}")
    session.stop_subject(subject)
    return busy_mb, each_kb


def settled_kb(process):
    """Resident memory once it has stopped changing."""
    last = -1
    for _ in range(20):
        now = process.resident_kb()
        if now == last:
            return now
        last = now
        time.sleep(0.5)
    return last


if __name__ == "__main__":
    run_main(main)
