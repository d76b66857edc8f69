"""nftables, ipset and iptables load the texts and print what they hold."""

import ipaddress
import json

from common import Stand, needs, networks, run

needs("nft", "ipset", "iptables-restore", "ip6tables-restore")
TABLE = ("inet", "nexmo_gate")
# Lists in one process.
AT_ONCE = 100


def element(value):
    """What an element of a set of nftables covers."""
    if isinstance(value, str):
        return [ipaddress.ip_network(value)]
    if "prefix" in value:
        return [ipaddress.ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}")]
    first, last = (ipaddress.ip_address(end) for end in value["range"])
    return list(ipaddress.summarize_address_range(first, last))


def sets(live):
    return {row["set"]["name"]: row["set"] for row in json.loads(live)["nftables"] if "set" in row}


def nft(stand, kind):
    rows = list(stand.texts(kind))
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        whole = "".join(text for _, text in some)
        run("nft", "-c", "-f", "-", text=whole)
        run("nft", "-f", "-", text=whole)
        # What is there already is replaced: each set holds another list before.
        other = "".join(text.replace(f" {name}_", f" {some[0][0]}_") for name, text in some[:5])
        run("nft", "-f", "-", text=other)
        run("nft", "-f", "-", text=whole)
        held = sets(run("nft", "-j", "list", "table", *TABLE))
        for name, _ in some:
            elements = [net for v in (4, 6) for value in held[f"{name}_v{v}"].get("elem", []) for net in element(value)]
            stand.same(kind, name, elements)
        for name, _ in some:
            if int(name[1:]) % 10 == 0:
                rows_of = [run("nft", "-j", "list", "set", *TABLE, f"{name}_v{v}") for v in (4, 6)]
                both = {"nftables": [row for live in rows_of for row in json.loads(live)["nftables"]]}
                stand.check("nft", name, json.dumps(both))
        run("nft", "delete", "table", *TABLE)
    stand.told(kind)


def ipset(stand):
    rows = list(stand.texts("ipset"))
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        for _ in range(2):
            run("ipset", "restore", text="".join(text for _, text in some))
        live = run("ipset", "save")
        held = {}
        for line in live.splitlines():
            words = line.split()
            held.setdefault(words[1], []).extend(words[2:3] if words[0] == "add" else [])
        if any(name.endswith("-new") for name in held):
            raise SystemExit(f"ipset: a set is left over: {list(held)}")
        for name, _ in some:
            stand.same("ipset", name, networks(held[f"{name}_v4"] + held[f"{name}_v6"]))
            stand.check("ipset", name, live)
        run("ipset", "destroy")
    stand.told("ipset")


def iptables(stand, version):
    programs = {4: "iptables", 6: "ip6tables"}
    rows = list(stand.texts(f"iptables-{version}"))
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        for _ in range(2):
            # Each text commits its own table, one after another.
            run(f"{programs[version]}-restore", "--noflush", text="".join(text for _, text in some))
        live = run(f"{programs[version]}-save")
        held = {}
        for line in live.splitlines():
            words = line.split()
            if words[:1] == ["-A"]:
                held.setdefault(words[1], []).append(words[2:])
        for name, _ in some:
            *sources, last = held[f"NG-{name}"]
            if last != ["-j", "DROP"] or any(rule[0] != "-s" or rule[2:] != ["-j", "RETURN"] for rule in sources):
                raise SystemExit(f"iptables {name}: other rules: {held[f'NG-{name}']}")
            stand.same("iptables", name, networks(rule[1] for rule in sources), versions=(version,))
            stand.check("iptables", name, live, "--family", f"ipv{version}")
        run(f"{programs[version]}", "-F")
        run(f"{programs[version]}", "-X")
    stand.told(f"iptables, IPv{version}")


for work in (
    lambda stand: nft(stand, "nft"),
    lambda stand: nft(stand, "nft-chain"),
    ipset,
    lambda stand: iptables(stand, 4),
    lambda stand: iptables(stand, 6),
):
    work(Stand())
