"""What is compared: how nginx, HAProxy and nexmo-gate are set up to do the same work, and the upstream behind them."""

import os
import socket
from pathlib import Path

from process import Process

CONF = Path(__file__).resolve().parent / "conf"

# wrk cannot choose its source address, so the load comes from 127.0.0.1; the probes bind theirs.
LOAD = "127.0.0.1"
FRIEND = "127.0.0.3"  # always admitted
STRANGER = "127.0.0.2"  # never admitted

# Addresses for documentation, RFC 5737: eight prefixes that nobody here sends from.
OTHERS = [f"198.51.100.{n}/28" for n in (0, 32, 64, 96)] + [f"203.0.113.{n}/28" for n in (16, 48, 80, 112)]


def admitted_prefixes(load_admitted):
    """Ten prefixes. The load's own stands in the middle, so that a list walked in order is neither best nor worst."""
    own = f"{LOAD}/32" if load_admitted else "192.0.2.0/28"
    return OTHERS[:5] + [own, f"{FRIEND}/32"] + OTHERS[5:]


class Subject:
    """A proxy under measurement: the process and the port it serves."""

    def __init__(self, process, port):
        self.process, self.port, self.name = process, port, process.name
        # A gate may sum up denials in its log when strangers flood it; nginx and HAProxy write each.
        self.may_sum_up_denials = process.name == "gate"


def start_upstream(folder, core, port):
    config = _render("upstream.conf", folder / "upstream.conf", {"DIR": folder, "UPSTREAM": port, "USER": _user()})
    return Process("upstream", ["nginx", "-p", str(folder), "-c", str(config)], core, folder)


def start_subject(name, folder, core, upstream, load_admitted, gate):
    start = {"nginx": _nginx, "nginx-buffered": _nginx, "haproxy": _haproxy, "gate": _gate}[name]
    folder = folder / name
    folder.mkdir()
    prefixes = admitted_prefixes(load_admitted)
    assert len(prefixes) == 10
    values = {"DIR": folder, "LOG": folder / f"{name}-access.log", "UPSTREAM": upstream}
    return start(name, folder, core, prefixes, values, gate)


def _nginx(name, folder, core, prefixes, values, _gate_binary):
    (port,) = free_ports(1)
    values |= {"PORT": port, "USER": _user(), "NGINX_ALLOW": "\n".join(f"        allow {p};" for p in prefixes)}
    values["LOG_BUFFER"] = " buffer=64k flush=250ms" if name == "nginx-buffered" else ""
    config = _render("nginx.conf", folder / "nginx.conf", values)
    return Subject(Process(name, ["nginx", "-p", str(folder), "-c", str(config)], core, folder), port)


def _haproxy(name, folder, core, prefixes, values, _gate_binary):
    (port,) = free_ports(1)
    config = _render("haproxy.cfg", folder / "haproxy.cfg", values | {"PORT": port, "ADMITTED": " ".join(prefixes)})
    return Subject(Process(name, ["haproxy", "-db", "-f", str(config)], core, folder), port)


def _gate(name, folder, core, prefixes, values, binary):
    port, admin = free_ports(2)
    # The gate reads config.yaml where it stands.
    _render("gate.yaml", folder / "config.yaml", values | {"PORT": port, "ADMIN": admin})
    ranges = folder / "ranges"
    ranges.mkdir()
    head = "# The load's address and nine others, for a measurement on one machine.\n"
    (ranges / "bench.txt").write_text(head + "".join(f"{prefix}\n" for prefix in prefixes))
    # A setting in the caller's environment must not change what is measured.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("NEXMO_GATE_")}
    return Subject(Process(name, [binary, "run"], core, folder, clean), port)


def free_ports(count):
    """Ports that the kernel says are free: held together while they are chosen, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((LOAD, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _render(template, target, values):
    text = (CONF / template).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    target.write_text(text)
    return target


def _user():
    # As root, nginx's worker would become `nobody` and could not read the temporary folder.
    return "user root;" if os.getuid() == 0 else ""
