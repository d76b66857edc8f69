"""Reloads beside traffic: latency with and without them, and what a list of a million prefixes costs."""

import http.client
import statistics
import subprocess
import threading
import time

import load
import report
import subjects
from scenarios import Scenario
from session import Session, Wrong, number_from_environment, run_main, until_answers

# Reloads a second. nginx starts a worker for each, and its old ones live on until their connections end.
GATE_PACE = 100
NGINX_PACE = 2
SETTLE_PATIENCE_S = 20
SETTLED_S = 0.5
MILLION = 1_000_000


def main():
    rounds = number_from_environment("ROUNDS", 3, 100)
    seconds = number_from_environment("SECONDS_EACH", 4, 600)
    rate = number_from_environment("RATE", 3000, 1_000_000)
    report.machine()
    traffic = Scenario("", rate=rate)
    with Session(120 + (rounds + 1) * 4 * (seconds + 8)) as session:
        print(f"reloads: {rate} POSTs a second on {load.CONNECTIONS} kept connections, {rounds} rounds of {seconds} s each in "
              f"turns, quiet and with {GATE_PACE} reloads a second (nginx: {NGINX_PACE}); each reload changes the list")
        session.start_upstream()
        setting = session.setting(subjects.admitted_prefixes(True))
        gate = Gate(session.start_subject("gate", setting), setting, session)
        nginx = Nginx(session.start_subject("nginx", setting), setting, session)
        said = {"gate": beside(gate, traffic, rounds, seconds, session), "nginx": beside(nginx, traffic, rounds, seconds, session)}
        report.record("reload", said)
        report.record("million", a_million(gate))
    if said["gate"]["broken"] or said["gate"]["errors"]:
        raise Wrong("requests were lost while nexmo-gate reloaded")


class Gate:
    """Reloads by writing the range file and asking for it: the answer comes when the new list is in force."""

    name, pace = "gate", GATE_PACE

    def __init__(self, subject, setting, session):
        self.subject, self.setting, self.folder = subject, setting, session.folder / "gate"
        until_answers(subject.process, lambda: load.probe(subject.port, subjects.FRIEND))
        self.admin = http.client.HTTPConnection(subjects.LOAD, setting.admin, timeout=30)

    def visit(self, number, reloads):
        """The n-th visit. Without a reload it writes and asks all the same: that is the load's work in both rounds."""
        # The added one alternates, so that no reload finds what is in force already.
        prefixes = self.setting.prefixes + ([f"192.0.2.{number % 2 * 16}/28"] if reloads else [])
        if reloads:
            subjects.write_ranges(self.folder, prefixes)
            self.ask("POST", "/reload")
        else:
            (self.folder / "unread.txt").write_text("".join(f"{prefix}\n" for prefix in prefixes))
            self.ask("GET", "/healthz")

    def ask(self, method, path):
        self.admin.request(method, path)
        answer = self.admin.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise Wrong(f"{method} {path}: {answer.status} {said[:300]!r}")
        self.admin.close()

    def settle(self):
        """The answer to a reload came when it was in force."""

    def generation(self):
        self.admin.request("GET", "/metrics")
        text = self.admin.getresponse().read().decode()
        self.admin.close()
        lines = [line for line in text.splitlines() if line.startswith("nexmo_gate_generation ")]
        if not lines:
            raise Wrong("the metrics name no generation")
        return int(float(lines[0].split()[1]))


class Nginx:
    """Reloads by changing its configuration and `nginx -s reload`."""

    name, pace = "nginx", NGINX_PACE

    def __init__(self, subject, _setting, session):
        self.subject, self.folder = subject, session.folder / "nginx"
        self.config = self.folder / "nginx.conf"
        self.text = self.config.read_text()
        until_answers(subject.process, lambda: load.probe(subject.port, subjects.FRIEND))

    def visit(self, number, reloads):
        if reloads:
            self.config.write_text(self.text.replace("deny all;", f"allow 192.0.2.{number % 2 * 16}/28;\n        deny all;"))
            command = ["nginx", "-p", str(self.folder), "-c", str(self.config), "-s", "reload"]
            subprocess.run(command, check=True, capture_output=True, timeout=10)

    def settle(self):
        """Until one worker is left: what the old ones break belongs to the round that reloaded."""
        end = time.monotonic() + SETTLE_PATIENCE_S
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < SETTLED_S:
            if len(self.subject.process.family()) != 2:
                quiet_since = time.monotonic()
            if time.monotonic() > end:
                raise Wrong("nginx: workers of before the reload are still there")
            time.sleep(0.05)


def beside(proxy, traffic, rounds, seconds, session):
    """Medians of p99 quiet and with reloads, their ratio round by round, and every error."""
    quiet_ms, reloading_ms, reloads, errors, broken = [], [], 0, 0, 0
    print(f"  {proxy.name:<8}{'round':>6}{'quiet p50':>12}{'p99 ms':>9}{'reloading p50':>15}{'p99 ms':>9}{'reloads/s':>11}{'errors':>8}{'broken':>8}")
    for number in range(rounds + 1):
        proxy.settle()
        quiet, _ = one(proxy, traffic, seconds, session, reloading=False)
        beside_it, count = one(proxy, traffic, seconds, session, reloading=True)
        if quiet.error_status or quiet.broken:
            raise Wrong(f"{proxy.name}: {quiet.error_status} errors and {quiet.broken} broken requests without a reload")
        if not number:
            continue  # warmed up
        quiet_ms.append(quiet.p99_us / 1000)
        reloading_ms.append(beside_it.p99_us / 1000)
        reloads, errors, broken = reloads + count, errors + beside_it.error_status, broken + beside_it.broken
        print(f"  {'':<8}{number:>6}{quiet.p50_us / 1000:>12.2f}{quiet.p99_us / 1000:>9.2f}{beside_it.p50_us / 1000:>15.2f}"
              f"{beside_it.p99_us / 1000:>9.2f}{count / seconds:>11.0f}{beside_it.error_status:>8}{beside_it.broken:>8}", flush=True)
    ratio = report.ratio(f"{proxy.name} p99, reloading/quiet", [b / a for a, b in zip(quiet_ms, reloading_ms, strict=True)])
    return {
        "quiet_p99_ms": statistics.median(quiet_ms), "reloading_p99_ms": statistics.median(reloading_ms), "ratio": ratio,
        "reloads_per_s": reloads / rounds / seconds, "errors": errors, "broken": broken,
    }


def one(proxy, traffic, seconds, session, reloading):
    """One round: what the load saw, and how many reloads there were."""
    stop, problems, count = threading.Event(), [], 0

    def visits():
        nonlocal count
        began = time.monotonic()
        while not stop.wait(max(0.0, began + count / proxy.pace - time.monotonic())):
            try:
                proxy.visit(count, reloading)
            except (OSError, http.client.HTTPException, subprocess.SubprocessError, Wrong) as problem:
                problems.append(problem)
                return
            count += 1

    before = proxy.generation() if proxy.name == "gate" else 0
    visitor = threading.Thread(target=visits)
    visitor.start()
    try:
        # Errors are judged by the caller: nginx's are a part of what is measured.
        seen = load.run_own(traffic, proxy.subject, seconds, session.load_core, session.body_file)
    finally:
        stop.set()
        visitor.join()
    if problems or proxy.subject.process.died():
        raise Wrong(f"{proxy.name}: {proxy.subject.process.died() or problems[0]}")
    if proxy.name == "gate":
        published = proxy.generation() - before
        # A list that changes again while it is being read is published once for both.
        if not (count * 0.95 <= published <= count if reloading else published == 0):
            raise Wrong(f"{count} reloads were asked for and {published} published")
    return seen, count if reloading else 0


def a_million(gate):
    """Time from the question to the answer that the list is in force, three times, and memory before and with it."""
    before_mb = gate.subject.process.resident_kb() / 1024
    seconds = []
    for more in range(3):
        prefixes = gate.setting.prefixes + [f"{32 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.0/28" for n in range(MILLION + more)]
        subjects.write_ranges(gate.folder, prefixes)
        began = time.monotonic()
        gate.ask("POST", "/reload")
        seconds.append(time.monotonic() - began)
    with_mb = gate.subject.process.resident_kb() / 1024
    status, _ = load.probe(gate.subject.port, subjects.FRIEND)
    stranger, _ = load.probe(gate.subject.port, subjects.STRANGER)
    if (status, stranger) != (200, 403):
        raise Wrong(f"with a million prefixes a friend was told {status} and a stranger {stranger}")
    said = {"load_s": statistics.median(seconds), "before_mb": before_mb, "with_mb": with_mb}
    print(f"a million prefixes: loaded in {said['load_s']:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), "
          f"{before_mb:.0f} MB before, {with_mb:.0f} MB with them")
    return said


if __name__ == "__main__":
    run_main(main)
