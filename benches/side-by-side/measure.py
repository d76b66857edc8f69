"""The story of one scenario: start everything, prove that the work is the same, load in turns, report, end everything."""

import argparse
import json
import os
import re
import time
from collections import Counter

import load
import report
import subjects
from process import core_busy_us
from scenarios import SCENARIOS
from session import Session, Wrong, number_from_environment, run_main, until_answers

STATUS = re.compile(rb'"status": ?"?(-?\d+|null)')
# Log writers that work behind the requests get this long to catch up; their CPU in the meantime counts.
SETTLE_S = 0.4
LOG_PATIENCE_S = 5


def main():
    options = arguments()
    report.machine()
    wrong = []
    for name in options.scenarios:
        try:
            report.record(name, report.summary(measure(name, options)))
        except (Wrong, RuntimeError, OSError) as problem:
            # The others are measured all the same; the run fails in the end.
            wrong.append(f"{name}: {problem}")
            print(f"  {problem}", flush=True)
    if wrong:
        raise Wrong("; ".join(wrong))


def measure(name, options):
    scenario = SCENARIOS[name]
    names = [subject for subject in scenario.subjects if subject != "gate" or os.environ["GATE"]]
    if os.environ.get("AGAINST"):
        names = ["against", "gate"]
    # Bounded in time, whatever hangs.
    bound = 60 + (options.rounds + 1) * len(names) * (options.seconds + 8)
    with Session(bound) as session:
        if scenario.rate:
            load_is = f"{scenario.rate} a second"
        else:
            load_is = f"{load.WINDOW} at a time" if scenario.dropped else f"{load.CONNECTIONS} connections"
        print(f"scenario {name}: {scenario.what}; {load_is}, {options.rounds} rounds of {options.seconds} s each in turns; "
              f"proxy on core {session.proxy_core}, load and upstream on core {session.load_core}")
        return Measurement(scenario, names, session).run(options.rounds, options.seconds)


def arguments():
    parser = argparse.ArgumentParser(prog="run", description="Compares nexmo-gate with nginx and HAProxy; see README.md.")
    parser.add_argument("--only", metavar="NAME[,NAME]", help=f"scenarios, of: {', '.join(SCENARIOS)} (default: post)")
    parser.add_argument("--all", action="store_true", help="every scenario")
    options = parser.parse_args()
    options.scenarios = list(SCENARIOS) if options.all else (options.only or "post").split(",")
    for name in options.scenarios:
        if name not in SCENARIOS:
            parser.error(f"no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
    try:
        options.rounds = number_from_environment("ROUNDS", 3, 100)
        options.seconds = number_from_environment("SECONDS_EACH", 4, 600)
    except ValueError as problem:
        parser.error(str(problem))
    return options


class Measurement:
    def __init__(self, scenario, names, session):
        self.scenario, self.names, self.session = scenario, names, session
        self.log_read = dict.fromkeys(names, 0)  # bytes of each access log already judged

    def run(self, rounds, seconds):
        self.start()
        report.heading()
        measured = {name: [] for name in self.names}
        for number in range(rounds + 1):
            for name in self.names:
                # Round 0 warms up: judged for errors like the others, not counted.
                one = self.measure(self.subjects[name], seconds if number else min(2, seconds))
                if number:
                    report.row(str(number), name, one)
                    measured[name].append(one)
        return measured

    def start(self):
        scenario, session = self.scenario, self.session
        session.start_upstream()
        prefixes = subjects.admitted_prefixes(not scenario.denied, scenario.prefixes)
        setting = session.setting(prefixes, tls=scenario.tls, dropped=scenario.dropped, signed=scenario.signed)
        self.subjects = {}
        for name in self.names:
            subject = self.subjects[name] = session.start_subject(name, setting)
            self.prove_allowlist(subject)
            self.log_read[name] = settled_size(subject.process.log)

    def prove_allowlist(self, subject):
        """The list is really in force, in both directions, before anything is measured."""
        until_answers(subject.process, lambda: load.probe(subject.port, subjects.FRIEND, self.scenario.tls, self.scenario.signed))
        refused = None if self.scenario.dropped else 403
        self.prove(subject, subjects.FRIEND, 200)
        self.prove(subject, subjects.STRANGER, refused)
        self.prove(subject, subjects.LOAD, refused if self.scenario.denied else 200)

    def prove(self, subject, source, status):
        got, content = load.probe(subject.port, source, self.scenario.tls, self.scenario.signed)
        if got != status or (got == 200 and content != b'{"status":"ok"}'):
            raise Wrong(f"{subject.name}: a POST from {source} got {got} {content[:80]!r}, expected {status}")

    def measure(self, subject, seconds):
        process, session = subject.process, self.session
        connections, forwarded = load.upstream_counters(session.upstream_port)
        cpu, busy, began = process.cpu_us(), core_busy_us(session.proxy_core), time.monotonic()
        result = load.run(self.scenario, subject, seconds, session.load_core, session.body_file)
        time.sleep(SETTLE_S)
        cpu, busy = process.cpu_us() - cpu, core_busy_us(session.proxy_core) - busy
        elapsed_us = (time.monotonic() - began) * 1_000_000
        connections_after, forwarded_after = load.upstream_counters(session.upstream_port)
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
        scenario = self.scenario
        if subject.process.died():
            raise Wrong(subject.process.died())
        if result.requests == 0 or result.broken:
            raise Wrong(f"{subject.name}: {result.requests} requests, {result.broken} of them broke off")
        refused = result.requests if scenario.denied and not scenario.dropped else 0
        if result.error_status != refused:
            raise Wrong(f"{subject.name}: {result.error_status} of {result.requests} answers were errors, expected {refused}")
        # wrk stops with requests on their way: they reach the upstream and are not in its count.
        most = 0 if scenario.denied else result.requests + load.CONNECTIONS
        least = 0 if scenario.denied else result.requests
        if not least <= forwarded <= most:
            raise Wrong(f"{subject.name}: {forwarded} requests reached the upstream, {least} to {most} expected")
        # nexmo-gate lets a connection rest for 25 ms: at 40,000 requests a second that takes more than a thousand of them.
        if connections > 2 * load.CONNECTIONS + result.requests // 10:
            raise Wrong(f"{subject.name}: {connections} upstream connections for {result.requests} requests: they are not kept")
        if not scenario.by_wrk:
            self.judge_connections(subject, result)

    def judge_connections(self, subject, result):
        scenario = self.scenario
        if result.connections != result.requests:
            raise Wrong(f"{subject.name}: {result.connections} connections for {result.requests} requests")
        # The first connection of each sender has nothing to resume.
        least = result.requests - load.CONNECTIONS - result.requests // 100 if scenario.resumed else 0
        most = result.requests if scenario.resumed else 0
        if not least <= result.resumed <= most:
            raise Wrong(f"{subject.name}: {result.resumed} of {result.requests} sessions were resumed, {least} to {most} expected")
        if result.answer_bytes:
            raise Wrong(f"{subject.name}: {result.answer_bytes} bytes were said on connections that it should drop")
        if scenario.dropped:
            self.prove(subject, subjects.FRIEND, 200)
        rate = result.requests / (result.duration_us / 1_000_000)
        # A machine that stands still for a moment loses some; what is compared is the CPU of each.
        if scenario.rate and not 0.8 < rate / scenario.rate < 1.05:
            raise Wrong(f"{subject.name}: {rate:.0f} requests a second, {scenario.rate} wanted")

    def judge_log(self, subject, result):
        """Every request has its line, with the status that was sent. Returns the number of lines."""
        scenario = self.scenario
        enough = 0 if scenario.dropped or (scenario.denied and subject.may_sum_up_denials) else result.requests
        expected = b"403" if scenario.denied else b"200"
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
        if scenario.dropped:
            return lines
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


def settled_size(path):
    """Size of a log that nobody adds to any more."""
    size = -1
    while size != path.stat().st_size:
        size = path.stat().st_size
        # Longer than any of the writers holds lines back (nginx-buffered: a quarter of a second).
        time.sleep(SETTLE_S)
    return size


if __name__ == "__main__":
    run_main(main)
