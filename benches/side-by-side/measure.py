"""The story of one measurement: start everything, prove that the work is the same, load in turns, report, end everything."""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import load
import report
import subjects
from process import core_busy_us

SCENARIOS = {
    "post": "POST of 390 bytes, kept connections, admitted",
    "denied": "the same POST from an address that no prefix holds: 403 and no upstream",
    "newconn": "the same POST, a new connection for each request",
}
STATUS = re.compile(rb'"status": ?"?(-?\d+|null)')
# Log writers that work behind the requests get this long to catch up; their CPU in the meantime counts.
SETTLE_S = 0.4
LOG_PATIENCE_S = 5
START_PATIENCE_S = 10


class Wrong(Exception):
    """The measurement does not hold: something was refused, lost, not logged or not the same work."""


def main():
    options = arguments()
    names = ["nginx", "nginx-buffered", "haproxy"] + (["gate"] if options.gate else [])
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Wrong("two cores are needed: one for the proxy, one for load and upstream")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    # Bounded in time, whatever hangs.
    bound = 30 + (options.rounds + 1) * len(names) * (options.seconds + 8)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(bound)
    # This program's own work between rounds stays off the proxy's core.
    os.sched_setaffinity(0, {cores[1]})
    report.machine(options.gate)
    print(f"scenario {options.only}: {SCENARIOS[options.only]}; {load.CONNECTIONS} connections, "
          f"{options.rounds} rounds of {options.seconds} s each in turns; "
          f"proxy on core {cores[0]}, load and upstream on core {cores[1]}")
    with tempfile.TemporaryDirectory(prefix="side-by-side.") as folder:
        Measurement(options, names, cores, Path(folder)).run()


def arguments():
    parser = argparse.ArgumentParser(prog="run", description="Compares nexmo-gate with nginx and HAProxy; see README.md.")
    parser.add_argument("--only", choices=SCENARIOS, default="post", help="the scenario (default: %(default)s)")
    options = parser.parse_args()
    options.gate = os.environ.get("GATE") or None
    for name, default, most in (("ROUNDS", 3, 100), ("SECONDS_EACH", 4, 600)):
        text = os.environ.get(name, str(default))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            parser.error(f"{name} must be a whole number from 1 to {most}, not {text!r}")
    options.rounds = int(os.environ.get("ROUNDS", "3"))
    options.seconds = int(os.environ.get("SECONDS_EACH", "4"))
    return options


def too_long(_number, _frame):
    raise Wrong("the whole run took longer than its bound")


class Measurement:
    def __init__(self, options, names, cores, folder):
        self.options, self.names, self.folder = options, names, folder
        self.proxy_core, self.load_core = cores[0], cores[1]
        self.denied = options.only == "denied"
        self.log_read = dict.fromkeys(names, 0)  # bytes of each access log already judged
        self.body_file = folder / "body.json"
        self.started = []

    def run(self):
        content = load.body()
        json.loads(content)
        if len(content) != load.BODY_BYTES:
            raise Wrong(f"the body has {len(content)} bytes, not {load.BODY_BYTES}")
        self.body_file.write_bytes(content)
        try:
            self.start()
            report.heading()
            rounds = {name: [] for name in self.names}
            for number in range(self.options.rounds + 1):
                for name in self.names:
                    # Round 0 warms up: judged for errors like the others, not counted.
                    one = self.measure(self.subjects[name], self.options.seconds if number else min(2, self.options.seconds))
                    if number:
                        report.row(str(number), name, one)
                        rounds[name].append(one)
            report.summary(rounds)
        finally:
            # A second Ctrl-C must not leave half of them behind; each stop is bounded in time.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
                signal.signal(number, signal.SIG_IGN)
            for process in reversed(self.started):
                process.stop()

    def start(self):
        (self.upstream_port,) = subjects.free_ports(1)
        upstream = subjects.start_upstream(self.folder, self.load_core, self.upstream_port)
        self.started.append(upstream)
        until_answers(upstream, lambda: load.upstream_counters(self.upstream_port))
        self.subjects = {}
        for name in self.names:
            subject = subjects.start_subject(
                name, self.folder, self.proxy_core, self.upstream_port, not self.denied, self.options.gate
            )
            self.started.append(subject.process)
            self.subjects[name] = subject
            self.prove_allowlist(subject)
            self.log_read[name] = settled_size(subject.process.log)

    def prove_allowlist(self, subject):
        """The list is really in force, in both directions, before anything is measured."""
        until_answers(subject.process, lambda: load.probe(subject.port, subjects.FRIEND))
        expected = {subjects.FRIEND: 200, subjects.STRANGER: 403, subjects.LOAD: 403 if self.denied else 200}
        for source, status in expected.items():
            got, content = load.probe(subject.port, source)
            if got != status or (got == 200 and content != b'{"status":"ok"}'):
                raise Wrong(f"{subject.name}: a POST from {source} got {got} {content[:80]!r}, expected {status}")

    def measure(self, subject, seconds):
        process = subject.process
        connections, forwarded = load.upstream_counters(self.upstream_port)
        cpu, busy, began = process.cpu_us(), core_busy_us(self.proxy_core), time.monotonic()
        result = load.run_wrk(subject.port, seconds, self.load_core, self.options.only == "newconn", self.body_file)
        time.sleep(SETTLE_S)
        cpu, busy = process.cpu_us() - cpu, core_busy_us(self.proxy_core) - busy
        elapsed_us = (time.monotonic() - began) * 1_000_000
        connections_after, forwarded_after = load.upstream_counters(self.upstream_port)
        # The second look at the counters was itself one connection and one request.
        connections, forwarded = connections_after - connections - 1, forwarded_after - forwarded - 1
        self.judge_load(subject, result, connections, forwarded)
        lines = self.judge_log(subject, result)
        return report.Round(
            cpu_us=cpu / result.requests, rate=result.requests / (result.duration_us / 1_000_000),
            p50_ms=result.p50_us / 1000, p99_ms=result.p99_us / 1000, resident_mb=process.resident_kb() / 1024,
            busy=100 * cpu / result.duration_us, others=100 * max(0, busy - cpu) / elapsed_us,
            upstream_connections=connections, log_lines=lines / result.requests,
        )

    def judge_load(self, subject, result, connections, forwarded):
        if subject.process.died():
            raise Wrong(subject.process.died())
        if result.requests == 0 or result.broken:
            raise Wrong(f"{subject.name}: {result.requests} requests, {result.broken} of them broke off")
        refused = result.requests if self.denied else 0
        if result.error_status != refused:
            raise Wrong(f"{subject.name}: {result.error_status} of {result.requests} answers were errors, expected {refused}")
        # wrk stops with requests on their way: they reach the upstream and are not in its count.
        most = 0 if self.denied else result.requests + load.CONNECTIONS
        least = 0 if self.denied else result.requests
        if not least <= forwarded <= most:
            raise Wrong(f"{subject.name}: {forwarded} requests reached the upstream, {least} to {most} expected")
        if connections > 2 * load.CONNECTIONS + result.requests // 100:
            raise Wrong(f"{subject.name}: {connections} upstream connections for {result.requests} requests: they are not kept")

    def judge_log(self, subject, result):
        """Every request has its line, with the status that was sent. Returns the number of lines."""
        enough = 0 if self.denied and subject.may_sum_up_denials else result.requests
        expected = b"403" if self.denied else b"200"
        deadline = time.monotonic() + LOG_PATIENCE_S
        while True:
            with open(subject.process.log, "rb") as log:
                log.seek(self.log_read[subject.name])
                content = log.read()
            lines = content.count(b"\n")
            if lines >= enough or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if lines < enough:
            raise Wrong(f"{subject.name}: {lines} access-log lines for {result.requests} requests")
        self.log_read[subject.name] = settled_size(subject.process.log)
        said = Counter(STATUS.findall(content))
        # wrk stops with one request on its way on each connection: those lines may say that the sender left.
        if said[expected] < enough or lines - said[expected] > load.CONNECTIONS:
            raise Wrong(f"{subject.name}: the access log says {dict(said)}, expected {enough} times {expected}")
        if lines:
            self.judge_line(subject, next(line for line in content.splitlines() if expected in STATUS.findall(line)))
        return lines

    def judge_line(self, subject, line):
        event = json.loads(line)
        if (event.get("client_ip"), event.get("path")) != (subjects.LOAD, load.PATH):
            raise Wrong(f"{subject.name}: the access log does not name client and path: {line!r}")


def until_answers(process, ask):
    deadline = time.monotonic() + START_PATIENCE_S
    while True:
        try:
            return ask()
        except OSError as refused:
            if process.died():
                raise Wrong(process.died()) from refused
            if time.monotonic() > deadline:
                raise Wrong(f"{process.name} did not answer within {START_PATIENCE_S} s: {refused}") from refused
            time.sleep(0.02)


def settled_size(path):
    """The size of a log once it has stopped growing: the last lines of a round must not count for the next."""
    size = -1
    while path.stat().st_size != size:
        size = path.stat().st_size
        # Longer than any of the writers holds lines back (nginx-buffered: a quarter of a second).
        time.sleep(SETTLE_S)
    return size


if __name__ == "__main__":
    try:
        main()
    except (Wrong, RuntimeError, OSError) as problem:
        sys.exit(f"side-by-side: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
