"""nginx and Caddy read the files and are asked by senders at the edges of the lists. Caddy also says what it understood."""

import json
import os
import subprocess

from common import Stand, every_address_is_ours, get, needs, networks, run, wait_listening

needs("nginx", "caddy", "ip")
NGINX, CADDY, ADMIN = 8123, 8124, 8125


def nginx(stand):
    geo = "".join(f"include {stand.text_path('nginx-geo', name)};\n" for name in stand.names)
    places = "".join(
        f"location = /g/{name} {{ if ($nexmo_gate_{name} = 0) {{ return 503; }} return 200; }}\n"
        # `return` would come before `allow` and `deny`.
        f"location = /a/{name} {{ include {stand.text_path('nginx-allow', name)}; empty_gif; }}\n"
        for name in stand.names
    )
    path = f"{stand.folder}/nginx.conf"
    with open(path, "w") as file:
        file.write(
            f"daemon off; master_process off; pid {stand.folder}/pid; error_log stderr crit;\nevents {{ }}\n"
            f"http {{ access_log off; variables_hash_max_size 8192;\n{geo}"
            f"server {{ listen 127.0.0.1:{NGINX}; listen [::1]:{NGINX};\n{places}}} }}\n"
        )
    words = ["nginx", "-p", stand.folder, "-e", "stderr", "-c", path]
    run(*words, "-t")
    for kind in ("nginx-geo", "nginx-allow"):
        for name in stand.names:
            stand.check(kind, name, stand.text(kind, name))
    server = subprocess.Popen(words)
    try:
        wait_listening(NGINX, server)
        asked = probes(stand, NGINX, "/g/", 503) + probes(stand, NGINX, "/a/", 403)
    finally:
        server.kill()
        server.wait()
    print(f"  nginx: {len(stand.names)} lists, {asked} requests, {stand.checked} by --check")


def matchers(value, path=None):
    """The ranges of each matcher, by the path of the routes around it."""
    if isinstance(value, list):
        for item in value:
            yield from matchers(item, path)
    elif isinstance(value, dict):
        for match in value.get("match", []):
            path = (match.get("path") or [path])[0]
            if "remote_ip" in match:
                yield path, match["remote_ip"]["ranges"]
        for item in value.values():
            yield from matchers(item, path)


def caddy(stand):
    imports = "".join(f"\timport {stand.text_path('caddy', name)}\n" for name in stand.names)
    places = "".join(
        f"\thandle /{name} {{\n\t\trespond @nexmo_gate_{name} 200\n\t\trespond 503\n\t}}\n" for name in stand.names
    )
    path = f"{stand.folder}/Caddyfile"
    with open(path, "w") as file:
        file.write(
            f"{{\n\tadmin localhost:{ADMIN}\n\tauto_https off\n}}\n"
            f"http://hooks.example:{CADDY} {{\n{imports}{places}}}\n"
        )
    run("caddy", "validate", "--adapter", "caddyfile", "--config", path)
    adapted = json.loads(run("caddy", "adapt", "--adapter", "caddyfile", "--config", path))
    held = {place[1:]: ranges for place, ranges in matchers(adapted) if place}
    for name in stand.names:
        stand.same("caddy adapt", name, networks(held[name]))
        stand.check("caddy", name, json.dumps({"match": [{"remote_ip": {"ranges": held[name]}}]}))
    words = ["caddy", "run", "--adapter", "caddyfile", "--config", path]
    # It keeps its last configuration below the home folder.
    env = {**os.environ, "XDG_CONFIG_HOME": stand.folder, "XDG_DATA_HOME": stand.folder}
    server = subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL)
    try:
        wait_listening(CADDY, server)
        asked = probes(stand, CADDY, "/", 503)
    finally:
        server.kill()
        server.wait()
    stand.told("caddy")
    print(f"  {asked} requests")


def probes(stand, port, path, otherwise):
    asked = 0
    for name in stand.names[::2]:
        for sender, known in stand.edges(name):
            status = get(sender, port, f"{path}{name}")
            if status != (200 if known else otherwise):
                raise SystemExit(f"{port}{path}{name}: {sender} hears {status}")
            asked += 1
    return asked


every_address_is_ours()
nginx(Stand())
caddy(Stand())
