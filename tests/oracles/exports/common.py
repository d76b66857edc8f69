"""What all judges need: the lists, the texts of the gate, and what `ipaddress` says of them.

A judge is started as `python3 JUDGE.py` to ask for its needs (exit code 77: something is missing, and what), and as
`python3 JUDGE.py FOLDER GATE` to judge. It exits with 0 when all is as it must be, and prints what it has seen.
"""

import http.client
import ipaddress
import itertools
import os
import shutil
import socket
import subprocess
import sys
import time

# Linux has it since 4.15, Python has no name for it.
IPV6_FREEBIND = 78
# Every how many-th list is also compared by the gate itself.
CHECKED = 10


def needs(*programs):
    """Ends here where a program is missing, and where nothing is to be judged."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        print(f"there is no {', '.join(missing)}", file=sys.stderr)
        sys.exit(77)
    if len(sys.argv) == 1:
        sys.exit(0)


def front(path):
    """A program that is kept beside the build."""
    return os.path.join(os.environ.get("FRONTS", ""), path)


def run(*words, text=None, ok=True):
    ran = subprocess.run(words, input=text, capture_output=True, text=True, timeout=300)
    if ok and ran.returncode != 0:
        raise SystemExit(f"{' '.join(words)[:200]}: exit {ran.returncode}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return ran.stdout


def networks(texts):
    return [ipaddress.ip_network(text) for text in texts]


def collapsed(nets):
    """Each family collapsed, as a set."""
    return {
        version: set(ipaddress.collapse_addresses(net for net in nets if net.version == version))
        for version in (4, 6)
    }


class Stand:
    """The lists and their texts."""

    def __init__(self):
        self.folder, self.gate = sys.argv[1:3]
        names = os.listdir(f"{self.folder}/lists")
        self.names = sorted(names, key=lambda name: int(name[1:]))
        self.lists = {name: collapsed(networks(open(self.path(name)).read().split())) for name in self.names}
        self.compared = self.checked = self.prefixes = 0

    def path(self, name):
        return f"{self.folder}/lists/{name}/{name}.txt"

    def text_path(self, kind, name):
        return f"{self.folder}/texts/{kind}/{name}"

    def text(self, kind, name):
        """None where the list has no prefix of the family."""
        path = self.text_path(kind, name)
        return open(path).read() if os.path.exists(path) else None

    def texts(self, kind):
        return ((name, text) for name in self.names if (text := self.text(kind, name)) is not None)

    def same(self, what, name, nets, versions=(4, 6)):
        """What a target holds is what the list has."""
        found = collapsed(nets)
        for version in versions:
            wanted = self.lists[name][version]
            if found[version] != wanted:
                raise SystemExit(f"{what} {name}: too much {found[version] - wanted}, missing {wanted - found[version]}")
            self.prefixes += len(wanted)
        self.compared += 1

    def check(self, kind, name, live, *more):
        """The gate finds no drift in what the target printed, and finds what a longer list has more."""
        if int(name[1:]) % CHECKED:
            return
        words = [self.gate, "ranges", "export", kind, name, "--ranges", f"{self.folder}/lists/{name}", "--check", "-", *more]
        ran = subprocess.run(words, input=live, capture_output=True, text=True, timeout=60)
        if ran.returncode != 0:
            raise SystemExit(f"--check {kind} {name}: exit {ran.returncode}\n{ran.stdout[:500]}{ran.stderr}")
        longer = f"{self.folder}/longer/{name}"
        os.makedirs(longer, exist_ok=True)
        extra = self.beyond(name, 6 if "ipv6" in more else 4)
        with open(f"{longer}/{name}.txt", "w") as file:
            file.write(f"{open(self.path(name)).read()}{extra}\n")
        words[words.index("--ranges") + 1] = longer
        ran = subprocess.run(words, input=live, capture_output=True, text=True, timeout=60)
        if ran.returncode != 1 or ran.stdout != f"missing  {extra}\n":
            raise SystemExit(f"--check {kind} {name}: {extra} is not missed\n{ran.stdout[:500]}{ran.stderr}")
        self.checked += 1

    def beyond(self, name, version):
        """A prefix that the list does not touch."""
        room = ("192.0.2.0/24", "11.22.33.0/24") if version == 4 else ("2001:db8::/64", "3fff::/64")
        nets = list(itertools.chain(*self.lists[name].values()))
        for net in networks(room):
            if not any(net.version == own.version and net.overlaps(own) for own in nets):
                return net
        return ipaddress.ip_network("198.51.100.77/32" if version == 4 else "2001:db8:77::1/128")

    def edges(self, name, most=3):
        """Addresses at both ends of some prefixes and beside them, that a sender may have; and whether the list has them."""
        for net in sorted(set().union(*self.lists[name].values()), key=str)[:most]:
            for number in (int(net[0]) - 1, int(net[0]), int(net[-1]), int(net[-1]) + 1):
                if not 0 <= number < 2**net.max_prefixlen:
                    continue
                address = type(net[0])(number)
                if may_send(address):
                    yield str(address), any(address in own for own in self.lists[name][net.version])

    def told(self, what):
        print(f"  {what}: {self.compared} comparisons, {self.prefixes} prefixes, {self.checked} by --check")


def may_send(address):
    """Whether the machine can have it. The networks are made by `every_address_is_ours`."""
    if address.version == 6:
        return address in ipaddress.ip_network("2000::/3")
    is_broadcast = address == ipaddress.ip_address("127.255.255.255")
    return 0 < int(address) >> 24 < 224 and not is_broadcast


def every_address_is_ours():
    """In this network: each address can be a sender, and nothing leads out of it."""
    run("ip", "link", "set", "lo", "up")
    for half in ("0.0.0.0/1", "128.0.0.0/1"):
        run("ip", "route", "add", "local", half, "dev", "lo", "src", "127.0.0.1")
    run("ip", "-6", "route", "add", "local", "2000::/3", "dev", "lo")


def get(sender, port, path):
    """The status of a GET from an address."""
    family, to = (socket.AF_INET6, "::1") if ":" in sender else (socket.AF_INET, "127.0.0.1")
    with socket.socket(family) as conn:
        conn.settimeout(20)
        # A route alone makes an IPv4 address the machine's, but no IPv6 address.
        if family == socket.AF_INET6:
            conn.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        conn.bind((sender, 0))
        conn.connect((to, port))
        conn.sendall(f"GET {path} HTTP/1.1\r\nHost: hooks.example\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n" not in head and (more := conn.recv(4096)):
            head += more
    return int(head.split()[1])


def fetch(port, path):
    """The body of a GET of an admin address."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        conn.request("GET", path, headers={"Connection": "close"})
        reply = conn.getresponse()
        body = reply.read().decode()
    finally:
        conn.close()
    if reply.status != 200:
        raise RuntimeError(f"{path}: {reply.status} {body[:500]}")
    return body


def wait_listening(port, process):
    """Until somebody listens there; the process must live on."""
    for _ in range(1200):
        if process.poll() is not None:
            raise SystemExit(f"it ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")
