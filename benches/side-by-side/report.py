"""What is printed: the machine, each round, the medians and the ratios. No judgement of good or bad lives here."""

import json
import os
import platform
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Round:
    """One subject, once."""

    cpu_us: float  # per request, the proxy's own processes
    rate: float  # requests a second
    p50_ms: float
    p99_ms: float
    resident_mb: float
    busy: float  # share of its core that the proxy used, in percent
    others: float  # share of that core that anything else used, in percent
    upstream_connections: int  # opened during the round
    log_lines: float  # access-log lines a request


COLUMNS = (
    ("cpu_us", "CPU us/req", "{:.2f}"), ("rate", "req/s", "{:.0f}"), ("p50_ms", "p50 ms", "{:.2f}"),
    ("p99_ms", "p99 ms", "{:.2f}"), ("resident_mb", "RSS MB", "{:.1f}"), ("busy", "busy %", "{:.0f}"),
    ("others", "others %", "{:.0f}"), ("upstream_connections", "up conns", "{:.0f}"), ("log_lines", "log/req", "{:.3f}"),
)


def machine():
    """The machine and what stood beside each other on it: figures mean nothing without."""
    gate = os.environ["GATE"]
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )
    versions = [_first_line("nginx", "-v"), _first_line("haproxy", "-v"), _first_line("wrk", "-v")]
    versions.append(_first_line(gate, "--version") if gate else "nexmo-gate: SKIPPED")
    line = f"{model} | {os.cpu_count()} cores | Linux {platform.release()} | " + " | ".join(versions)
    print(f"machine: {line}", flush=True)
    record("machine", line)


def record(name, value):
    """Adds a result to the file that RESULTS names, for the table of `benches/all`."""
    if path := os.environ.get("RESULTS"):
        with open(path, "a", encoding="utf-8") as results:
            print(json.dumps({name: value}), file=results)


def _first_line(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10, check=False)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else f"{command[0]}: no version"


def heading():
    print("  " + f"{'':>4} {'':<15}" + "".join(f"{title:>11}" for _field, title, _form in COLUMNS), flush=True)


def row(label, name, one):
    cells = "".join(f"{form.format(getattr(one, field)):>11}" for field, _title, form in COLUMNS)
    print(f"  {label:>4} {name:<15}{cells}", flush=True)


def summary(rounds):
    """`rounds` maps a subject's name to its rounds, in the order measured. Returns medians and ratios by name."""
    said = {}
    for name, all_rounds in rounds.items():
        middle = Round(*(statistics.median(getattr(one, field) for one in all_rounds) for field in Round.__annotations__))
        row("med", name, middle)
        said[name] = vars(middle)
    for rival in rounds:
        if rival == "gate" or "gate" not in rounds:
            continue
        # Each round against the rival's round next to it: what disturbed the machine then, disturbed both.
        pairs = list(zip(rounds["gate"], rounds[rival], strict=True))
        for field, what in (("cpu_us", "CPU a request"), ("rate", "requests/s"), ("p99_ms", "p99")):
            values = [getattr(ours, field) / max(getattr(theirs, field), 1e-9) for ours, theirs in pairs]
            said[f"gate/{rival} {field}"] = ratio(f"gate/{rival} {what}", values)
    return said


def ratio(what, values):
    """Prints a ratio with its range, returns its median."""
    middle = statistics.median(values)
    print(f"  ratio {what}: {middle:.3f} (rounds {min(values):.3f} to {max(values):.3f})", flush=True)
    return middle
