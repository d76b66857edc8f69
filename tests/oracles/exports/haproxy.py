"""HAProxy reads the files and the map, is changed while it runs, and says whom it knows."""

import os
import socket
import subprocess
import time

from common import Stand, every_address_is_ours, get, needs, networks, run

needs("haproxy", "socat", "ip")
PORT = 8123


def config(stand):
    admin = f"{stand.folder}/admin"
    acls = "".join(f"  acl {name} src -f {stand.text_path('haproxy', name)}\n" for name in stand.names)
    known = "".join(
        f"  http-request return status 200 if {{ path /a/{name} }} {name}\n"
        f"  http-request return status 200 if {{ path /m/{name} }} {{ src,map_ip({stand.text_path('haproxy-map', name)},none)"
        f" -m str {name} }}\n"
        for name in stand.names
    )
    path = f"{stand.folder}/haproxy.cfg"
    with open(path, "w") as file:
        file.write(
            f"global\n  stats socket {admin} level admin\n  maxconn 200\ndefaults\n  mode http\n  timeout client 30s\n"
            f"  timeout server 30s\n  timeout connect 30s\nfrontend front\n  bind 127.0.0.1:{PORT}\n  bind [::1]:{PORT}\n"
            f"{acls}{known}  http-request return status 403\n"
        )
    return path, admin


def ask(admin, command):
    with socket.socket(socket.AF_UNIX) as conn:
        conn.settimeout(60)
        conn.connect(admin)
        conn.sendall(f"{command}\n".encode())
        return b"".join(iter(lambda: conn.recv(1 << 16), b"")).decode()


def held(live):
    """The second column: the first is where HAProxy keeps it."""
    return networks(line.split()[1] for line in live.splitlines() if line.strip())


def judge(stand, admin):
    for name in stand.names:
        live = ask(admin, f"show acl {stand.text_path('haproxy', name)}")
        stand.same("show acl", name, held(live))
        stand.check("haproxy", name, live)
    stand.told("haproxy")
    stand = Stand()
    for name in stand.names:
        live = ask(admin, f"show map {stand.text_path('haproxy-map', name)}")
        stand.same("show map", name, held(live))
        if any(line.split()[2] != name for line in live.splitlines() if line.strip()):
            raise SystemExit(f"show map {name}: another value: {live}")
        stand.check("haproxy-map", name, live)
    stand.told("haproxy-map")
    stand = Stand()
    asked = probes(stand, "/a/", lambda name: name) + probes(stand, "/m/", lambda name: name)
    # Each acl gets the next list.
    following = dict(zip(stand.names, stand.names[1:] + stand.names[:1]))
    for name, other in following.items():
        acl = stand.text_path("haproxy", name)
        ran = subprocess.run(
            ["sh", stand.text_path("haproxy-runtime", other)],
            env={**os.environ, "ACL": acl, "SOCKET": admin}, capture_output=True, text=True, timeout=60,
        )
        if ran.returncode != 0:
            raise SystemExit(f"haproxy-runtime {other}: {ran.stdout}{ran.stderr}")
        live = ask(admin, f"show acl {acl}")
        stand.same("show acl after the script", other, held(live))
        stand.check("haproxy-runtime", other, live)
    asked += probes(stand, "/a/", following.get)
    for words, complaint in (("/nowhere", "no acl"), (stand.text_path("haproxy-map", "l0"), "no acl")):
        ran = subprocess.run(
            ["sh", stand.text_path("haproxy-runtime", "l0")],
            env={**os.environ, "ACL": words, "SOCKET": admin}, capture_output=True, text=True, timeout=60,
        )
        if ran.returncode == 0 or complaint not in ran.stderr:
            raise SystemExit(f"haproxy-runtime takes {words}: {ran.stderr}")
    stand.told("haproxy-runtime")
    print(f"  {asked} requests")


def probes(stand, path, list_of):
    asked = 0
    for name in stand.names[::4]:
        for sender, known in stand.edges(list_of(name)):
            status = get(sender, PORT, f"{path}{name}")
            if status != (200 if known else 403):
                raise SystemExit(f"{path}{name}: {sender} hears {status}")
            asked += 1
    return asked


stand = Stand()
every_address_is_ours()
path, admin = config(stand)
run("haproxy", "-c", "-f", path)
haproxy = subprocess.Popen(["haproxy", "-db", "-q", "-f", path])
try:
    for _ in range(400):
        if os.path.exists(admin) or haproxy.poll() is not None:
            break
        time.sleep(0.05)
    judge(stand, admin)
finally:
    haproxy.kill()
    haproxy.wait()
