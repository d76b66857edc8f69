"""What every measurement here needs: a folder, two cores, an upstream, a bound in time, and an end to all that was started."""

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import load
import subjects

START_PATIENCE_S = 10
# As the caller gave them: a session keeps this program itself to one of them.
CORES = sorted(os.sched_getaffinity(0))


class Wrong(Exception):
    """The measurement does not hold: something was refused, lost, not logged or not the same work."""


class Session:
    """Started programs live as long as the `with` block, at most `bound` seconds."""

    def __init__(self, bound):
        self.bound = bound
        if len(CORES) < 2:
            raise Wrong("two cores are needed: one for the proxy, one for load and upstream")
        self.proxy_core, self.load_core = CORES[:2]
        self.started = []

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(self.bound)
        # This program's own work between rounds stays off the proxy's core.
        os.sched_setaffinity(0, {self.load_core})
        self.temporary = tempfile.TemporaryDirectory(prefix="side-by-side.")
        self.folder = Path(self.temporary.name)
        self.body_file = self.folder / "body.json"
        content = load.body()
        json.loads(content)
        if len(content) != load.BODY_BYTES:
            raise Wrong(f"the body has {len(content)} bytes, not {load.BODY_BYTES}")
        self.body_file.write_bytes(content)
        return self

    def __exit__(self, *_):
        # A second Ctrl-C must not leave half of them behind; each stop is bounded in time.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        signal.alarm(0)
        for process in reversed(self.started):
            process.stop()
        self.temporary.cleanup()

    def start_upstream(self):
        (self.upstream_port,) = subjects.free_ports(1)
        upstream = subjects.start_upstream(self.folder, self.load_core, self.upstream_port)
        self.started.append(upstream)
        until_answers(upstream, lambda: load.upstream_counters(self.upstream_port))

    def setting(self, prefixes, **more):
        gate = os.environ["GATE"]
        return subjects.Setting(self.folder, self.proxy_core, self.upstream_port, gate, prefixes, **more)

    def start_subject(self, name, setting):
        subject = subjects.start_subject(name, setting)
        self.started.append(subject.process)
        return subject

    def stop_subject(self, subject):
        self.started.remove(subject.process)
        subject.process.stop()


def number_from_environment(name, default, most):
    text = os.environ.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise ValueError(f"{name} must be a whole number from 1 to {most}, not {text!r}")
    return int(text)


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
        time.sleep(0.05)


def _too_long(_number, _frame):
    raise Wrong("the whole run took longer than its bound")


def run_main(main):
    """Runs a measurement; what went wrong is one line and not a traceback."""
    try:
        main()
    except (Wrong, RuntimeError, OSError) as problem:
        sys.exit(f"side-by-side: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
