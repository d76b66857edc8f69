"""What is compared: how nginx, HAProxy and nexmo-gate are set up to do the same work, and the upstream behind them."""

import os
import socket
import subprocess
from pathlib import Path

from process import Process, log_of

CONF = Path(__file__).resolve().parent / "conf"

# wrk cannot choose its source address, so the load comes from 127.0.0.1; the probes bind theirs.
LOAD = "127.0.0.1"
FRIEND = "127.0.0.3"  # always admitted
STRANGER = "127.0.0.2"  # never admitted
# Of signed messages.
ACCOUNT, SECRET = "bench123", "the secret of the measured account"

# Addresses for documentation, RFC 5737: eight prefixes that nobody here sends from.
OTHERS = [f"198.51.100.{n}/28" for n in (0, 32, 64, 96)] + [f"203.0.113.{n}/28" for n in (16, 48, 80, 112)]
GATE_THREADS = int(os.environ.get("GATE_THREADS", "1"))
# More open connections than any measurement here makes, and the files that takes.
CONNECTIONS = 4000


def admitted_prefixes(load_admitted, count=10):
    """`count` prefixes. The load's own stands in the middle, so that a list walked in order is neither best nor worst."""
    own = [f"{LOAD}/32" if load_admitted else "192.0.2.0/28", f"{FRIEND}/32"]
    # Private networks of any length from /24 to /32, no two of them neighbours.
    more = [f"10.{n >> 8}.{n & 255}.0/{24 + n % 9}" for n in range(0, 2 * (count - 10), 2)]
    others = OTHERS + more
    half = len(others) * 5 // 8
    prefixes = others[:half] + own + others[half:]
    assert len(set(prefixes)) == count
    return prefixes


class Subject:
    """A proxy under measurement: the process and the port it serves."""

    def __init__(self, process, port):
        self.process, self.port, self.name = process, port, process.name
        # A gate may sum up denials in its log when strangers flood it; nginx and HAProxy write each.
        self.may_sum_up_denials = process.name in ("gate", "against")


class Setting:
    """What all subjects of one measurement have in common."""

    def __init__(self, folder, core, upstream, gate, prefixes, tls=False, dropped=False, signed=False, connections=CONNECTIONS):
        self.folder, self.core, self.upstream, self.gate = folder, core, upstream, gate
        self.prefixes, self.tls, self.dropped, self.signed, self.connections = prefixes, tls, dropped, signed, connections
        self.admin = None  # the gate's admin port
        if tls:
            self.certificate, self.key = make_certificate(folder)


def make_certificate(folder):
    """ECDSA P-256 for everyone; HAProxy wants both in one file."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not certificate.exists():
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-days", "2", "-subj", "/CN=bench", "-addext", f"subjectAltName=IP:{LOAD}"]
        command += ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True, timeout=10)
        (folder / "both.pem").write_text(certificate.read_text() + key.read_text())
    return certificate, key


def start_upstream(folder, core, port):
    folder = folder / "upstream"
    folder.mkdir()
    config = _render("upstream.conf", folder / "upstream.conf", {"DIR": folder, "UPSTREAM": port, "USER": _user()})
    return Process("upstream", ["nginx", "-p", str(folder), "-c", str(config)], core, folder)


def start_subject(name, setting):
    command, environment, folder, port = prepare(name, setting)
    # More threads than one have more cores than one, and share them with the load.
    core = setting.core if GATE_THREADS == 1 or name not in ("gate", "against") else f"0-{os.cpu_count() - 1}"
    return Subject(Process(name, command, core, folder, environment), port)


def prepare(name, setting):
    """Everything but the start: command, environment, folder and port."""
    prepare_one = {"nginx": _nginx, "nginx-buffered": _nginx, "haproxy": _haproxy, "gate": _gate, "against": _gate}[name]
    folder = setting.folder / name
    folder.mkdir()
    (port,) = free_ports(1)
    values = {"DIR": folder, "PORT": port, "UPSTREAM": setting.upstream, "CONNECTIONS": setting.connections}
    command = prepare_one(name, folder, setting, values)
    # A setting in the caller's environment must not change what is measured.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("NEXMO_GATE_")}
    return command, clean, folder, port


def _nginx(name, folder, setting, values):
    log = log_of(name, folder)
    values |= {"USER": _user(), "FILES": 2 * setting.connections, "LOG": f"{log} webhook", "GEO": "", "TLS": ""}
    values["ADMISSION"] = "\n".join(f"        allow {p};" for p in setting.prefixes) + "\n        deny all;"
    if name == "nginx-buffered":
        values["LOG"] += " buffer=64k flush=250ms"
    if len(setting.prefixes) > 10 or setting.dropped:
        # `allow` walks its list; `geo` is what nginx has for long ones.
        lines = "".join(f"        {p} 1;\n" for p in setting.prefixes)
        values["GEO"] = f"    geo $admitted {{\n        default 0;\n{lines}    }}"
        values["ADMISSION"] = f"        if ($admitted = 0) {{ return {444 if setting.dropped else 403}; }}"
    if setting.dropped:
        # HAProxy writes no line for a connection that it rejects.
        values["LOG"] = "off"
    if setting.tls:
        values["TLS"] = (
            f" ssl; ssl_certificate {setting.certificate}; ssl_certificate_key {setting.key}; "
            "ssl_protocols TLSv1.3; ssl_session_cache shared:TLS:10m; ssl_session_tickets on"
        )
    config = _render("nginx.conf", folder / "nginx.conf", values)
    return ["nginx", "-p", str(folder), "-c", str(config)]


def _haproxy(name, folder, setting, values):
    values |= {"ADMITTED": " ".join(setting.prefixes), "DENY": "http-request deny deny_status 403", "TLS": "", "SCHEME": "http"}
    if len(setting.prefixes) > 10:
        (folder / "admitted.acl").write_text("".join(f"{p}\n" for p in setting.prefixes))
        values["ADMITTED"] = f"-f {folder / 'admitted.acl'}"
    if setting.dropped:
        values["DENY"] = "tcp-request connection reject"
    if setting.tls:
        values["TLS"] = f" ssl crt {setting.folder / 'both.pem'} ssl-min-ver TLSv1.3 prefer-client-ciphers"
        values["SCHEME"] = "https"
    config = _render("haproxy.cfg", folder / "haproxy.cfg", values)
    return ["haproxy", "-db", "-f", str(config)]


def _gate(name, folder, setting, values):
    (values["ADMIN"],) = free_ports(1)
    setting.admin = values["ADMIN"]
    values |= {"LOG": log_of(name, folder), "DENY": "drop" if setting.dropped else "forbid", "TLS": ""}
    values["THREADS"] = GATE_THREADS
    values |= {"NEED": "off", "SECRETS": ""}
    if setting.signed:
        (folder / "secret").write_text(SECRET)
        (folder / "secret").chmod(0o600)
        values |= {"NEED": "require", "SECRETS": f"{{api_key: {ACCOUNT}, file: secret}}"}
    if setting.tls:
        values["TLS"] = f', tls: {{certificate: "{setting.certificate}", key: "{setting.key}", min_version: "1.3"}}'
    # The gate reads config.yaml where it stands.
    _render("gate.yaml", folder / "config.yaml", values)
    (folder / "ranges").mkdir()
    write_ranges(folder, setting.prefixes)
    return [os.environ["AGAINST"] if name == "against" else setting.gate, "run"]


def write_ranges(folder, prefixes):
    head = "# The load's address and others, for a measurement on one machine.\n"
    whole = folder / "ranges" / "bench.new"
    whole.write_text(head + "".join(f"{prefix}\n" for prefix in prefixes))
    whole.rename(folder / "ranges" / "bench.txt")


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
