"""The results of `benches/all` as one table in Markdown: each figure, what stood beside it, the goal, and whether it is reached."""

import datetime
import json
import pathlib
import sys


def main():
    results = {}
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            results |= json.loads(line)
    results |= micro(pathlib.Path(sys.argv[2]))
    print(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {results.get('machine', 'unknown machine')}\n")
    print("| figure | nexmo-gate | nginx | HAProxy | gate/nginx | gate/HAProxy | goal | reached |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows(results):
        print("| " + " | ".join(row) + " |")


def micro(folder):
    """What criterion measured: nanoseconds by the name of the operation."""
    said = {}
    for path in folder.glob("*/table/benchmark.json"):
        name = json.loads(path.read_text(encoding="utf-8"))["full_id"]
        estimates = json.loads(path.with_name("estimates.json").read_text(encoding="utf-8"))
        said[f"micro {name}"] = estimates["median"]["point_estimate"]
    return said


def rows(results):
    """Every row; what was not measured shows as a dash, and no goal is reached by it."""
    def beside(title, scenario, field, form, goals):
        """`goals` maps a rival to the ratio that is to be reached: at most it, or with a minus sign in front at least."""
        said = results.get(scenario, {})
        values = [said.get(name, {}).get(field) for name in ("gate", "nginx", "haproxy")]
        ratios = {rival: said.get(f"gate/{rival} {field}") for rival in ("nginx", "haproxy")}
        met = [ratios[rival] is not None and (ratios[rival] <= goal if goal > 0 else ratios[rival] >= -goal)
               for rival, goal in goals.items()]
        words = ", ".join(f"{'<=' if goal > 0 else '>='} {abs(goal):.1f} x {'HAProxy' if rival == 'haproxy' else rival}"
                          for rival, goal in goals.items())
        shown = [shape(value, form) for value in values] + [shape(ratio, "{:.2f}") for ratio in ratios.values()]
        return [title, *shown, words or "-", verdict(all(met) if said else None) if goals else "-"]

    def alone(title, value, form, most, goal, nginx=None, haproxy=None):
        met = "-" if most is None else verdict(None if value is None else value <= most)
        return [title, shape(value, form), shape(nginx, form), shape(haproxy, form), "-", "-", goal, met]

    cpu, rate, p99 = ("cpu_us", "{:.1f} µs"), ("rate", "{:,.0f}/s"), ("p99_ms", "{:.2f} ms")
    yield beside("CPU, a POST", "post", *cpu, {"nginx": 1.0, "haproxy": 0.9})
    yield beside("CPU, a signed POST, verified by the gate alone", "signed", *cpu, {"nginx": 1.0})
    yield beside("POSTs on one core", "post", *rate, {"nginx": -1.0})
    yield beside("p99 at full load", "post", *p99, {})
    yield beside("CPU, a POST, 10,000 prefixes", "prefixes", *cpu, {})
    yield beside("CPU, a denied POST (403)", "denied", *cpu, {"nginx": 1.0})
    yield beside("CPU, a POST on a new connection", "newconn", *cpu, {"nginx": 1.1})
    yield beside("the same, 1,000 a second", "newconn-1000", *cpu, {})
    yield beside("CPU, a POST on a kept TLS connection", "tls", *cpu, {"nginx": 1.0})
    yield beside("CPU, a TLS handshake with its POST", "handshakes", *cpu, {})
    yield beside("TLS handshakes", "handshakes", *rate, {})
    yield beside("CPU, a resumed handshake with its POST", "resumed", *cpu, {})
    yield beside("resumed handshakes", "resumed", *rate, {})
    yield beside("CPU, a dropped connection", "drop", *cpu, {})
    yield beside("dropped connections", "drop", *rate, {"haproxy": -1.0})

    reload, nginx = results.get("reload", {}).get("gate", {}), results.get("reload", {}).get("nginx", {})
    lost = reload["errors"] + reload["broken"] if reload else None
    lost_by_nginx = nginx["errors"] + nginx["broken"] if nginx else None
    yield alone("p99 with 100 reloads a second, by quiet p99 (nginx: 2 a second)", reload.get("ratio"), "{:.2f}", 1.2, "<= 1.2",
                nginx.get("ratio"))
    yield alone("requests lost meanwhile", lost, "{:.0f}", 0, "0", lost_by_nginx)
    million = results.get("million", {})
    yield alone("1,000,000 prefixes loaded", million.get("load_s"), "{:.2f} s", 1, "< 1 s")
    yield alone("memory with them", million.get("with_mb"), "{:.0f} MB", None, "-")
    for kind in ("hit", "miss"):
        yield alone(f"lookup among them, {kind}", results.get(f"micro lookup in 1,000,000, {kind}"), "{:.1f} ns", 100, "< 100 ns")

    idle = results.get("idle", {})
    for word in ("plain", "TLS"):
        # The goals are those of plain connections.
        goal = word == "plain"
        busy, each = ([idle.get(f"{name} {word}", {}).get(field) for name in ("gate", "nginx", "haproxy")]
                      for field in ("busy_mb", "each_kb"))
        yield alone(f"memory, 64 busy connections, {word}", busy[0], "{:.1f} MB", 24 if goal else None,
                    "<= 24 MB" if goal else "-", *busy[1:])
        yield alone(f"memory, each of 10,000 idle, {word}", each[0], "{:.1f} KB", 10 if goal else None,
                    "<= 10 KB" if goal else "-", *each[1:])
    start = results.get("start", {})
    median = [start.get(name, {}).get("median_ms") for name in ("gate", "nginx", "haproxy")]
    yield alone("start to ready", median[0], "{:.1f} ms", 100, "< 100 ms", *median[1:])


def shape(value, form):
    return "-" if value is None else form.format(value)


def verdict(met):
    return "yes" if met else "**no**" if met is False else "not measured"


if __name__ == "__main__":
    main()
