"""Judges the lines of access logs a second time, and prints what a replay must say. It knows nothing of how the gate does it.

usage: judge.py PLAN LOG...     PLAN is JSON: routes (label to names of lists), now and tried (list to prefixes)
"""

import collections
import gzip
import ipaddress
import json
import re
import sys

FINDINGS = {"valid", "valid_head", "unsigned", "unknown_key", "bad", "stale", "mismatch", "malformed"}
KEYS = {"ts", "outcome", "client_ip", "route", "signature", "suppressed", "peer_ip"}


class Damaged(Exception):
    pass


def pairs(found):
    names = [name for name, _ in found if name in KEYS]
    if len(names) != len(set(names)):
        raise Damaged
    return dict(found)


def read(line):
    """A line, or one behind the rest of another."""
    begins = [0] + [found.start() for found in re.finditer(rb'\{"ts"', line) if found.start() > 0][:4]
    for begin in begins:
        try:
            return whole(line[begin:])
        except Damaged:
            continue
    raise Damaged


def whole(line):
    try:
        value = json.loads(line, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        raise Damaged from None
    if not isinstance(value, dict):
        raise Damaged
    for key in KEYS - {"suppressed"}:
        if not isinstance(value.get(key), (str, type(None))):
            raise Damaged
    count = value.get("suppressed")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 0):
        raise Damaged
    return value


def address(text):
    try:
        if "%" in text:
            raise ValueError
        found = ipaddress.ip_address(text)
    except ValueError:
        raise Damaged from None
    return getattr(found, "ipv4_mapped", None) or found


def holds(lists, found):
    value = int(found)
    return any(first <= value <= last for one in lists for first, last in one[found.version])


def spans(prefixes):
    rows = {4: [], 6: []}
    for net in ipaddress.collapse_addresses(n for n in map(ipaddress.ip_network, prefixes) if n.version == 4):
        rows[4].append((int(net[0]), int(net[-1])))
    for net in ipaddress.collapse_addresses(n for n in map(ipaddress.ip_network, prefixes) if n.version == 6):
        rows[6].append((int(net[0]), int(net[-1])))
    return rows


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    now = {name: spans(prefixes) for name, prefixes in plan["now"].items()}
    tried = {name: spans(prefixes) for name, prefixes in plan["tried"].items()}
    lines = collections.Counter()
    sides = {"gained": {}, "lost": {}}
    kept = out = summed_up = 0
    seen = []
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            content = file.read()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        for line in content.split(b"\n"):
            if not line.strip():
                continue
            lines["all"] += 1
            try:
                entry = read(line)
                if entry.get("ts") is None or entry.get("outcome") is None:
                    lines["other"] += 1
                    continue
                if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", entry["ts"]):
                    raise Damaged
                if entry.get("suppressed") is not None:
                    lines["summaries"] += 1
                    summed_up += entry["suppressed"]
                    continue
                if entry.get("client_ip") is None:
                    lines["no_client"] += 1
                    continue
                client = address(entry["client_ip"])
            except Damaged:
                lines["damaged"] += 1
                continue
            route = entry.get("route")
            if route in (None, "-"):
                lines["no_route"] += 1
                continue
            if route not in plan["routes"]:
                lines["route_gone"] += 1
                continue
            lines["judged"] += 1
            seen = [min(seen + [entry["ts"]]), max(seen + [entry["ts"]])]
            names = plan["routes"][route]
            before = holds([now[name] for name in names], client)
            after = holds([tried.get(name, now[name]) for name in names], client)
            if before == after:
                kept, out = kept + before, out + (not before)
                continue
            length = 24 if client.version == 4 else 48
            network = str(ipaddress.ip_network((client, length), strict=False))
            side = sides["lost" if before else "gained"]
            row = side.setdefault(network, {
                "first": entry["ts"], "forwarded": 0, "last": entry["ts"], "network": network, "other_routes": 0, "requests": 0,
                "routes": collections.Counter(), "signatures": collections.Counter(),
            })
            row["first"], row["last"] = min(row["first"], entry["ts"]), max(row["last"], entry["ts"])
            row["requests"] += 1
            row["forwarded"] += entry["outcome"] not in ("denied", "rejected", "served")
            row["routes"][route] += 1
            found = entry.get("signature")
            row["signatures"]["-" if found is None else found if found in FINDINGS else "other"] += 1
    counts = ["all", "before", "damaged", "judged", "no_client", "no_route", "other", "route_gone", "summaries"]
    told = {
        "lines": {**{name: lines[name] for name in counts}, "summed_up": summed_up},
        "kept": kept, "out": out,
        "seen": {"first": seen[0], "last": seen[1]} if seen else None,
    }
    for name, side in sides.items():
        rows = list(side.values())
        told[name] = {
            "beyond": 0, "forwarded": sum(row["forwarded"] for row in rows), "networks": rows,
            "requests": sum(row["requests"] for row in rows),
        }
    json.dump(told, sys.stdout)


main()
