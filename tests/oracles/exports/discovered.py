"""Traefik and Envoy find the files, say what they hold, and are asked by senders at the edges of the lists."""

import json
import os
import shutil
import subprocess
import time

from common import Stand, every_address_is_ours, fetch, front, get, needs, networks, wait_listening

needs(front("bin/traefik"), front("envoy/_bin/envoy"), "ip")
PORT, ADMIN = 8123, 8124
# Envoy watches each file by an instance of inotify, of which a user has 128: so many lists for one process.
AT_ONCE = 80
# It has a listener for each list that is asked for.
ASKED = 3


def until(what, is_so):
    for _ in range(1200):
        try:
            if is_so():
                return
        except RuntimeError:
            # It listens before it knows what it serves.
            pass
        time.sleep(0.1)
    raise SystemExit(f"in two minutes, not {what}")


def begin(words, port):
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_listening(port, process)
    except BaseException:
        process.kill()
        raise
    return process


def traefik(stand):
    folder = f"{stand.folder}/dynamic"
    os.makedirs(folder)
    for name in stand.names:
        shutil.copy(stand.text_path("traefik", name), f"{folder}/{name}.yml")
    routers = "".join(
        f"    {name}:\n      rule: Path(`/{name}`)\n      middlewares: [nexmo-gate-{name}]\n      service: ping@internal\n"
        for name in stand.names
    )
    with open(f"{folder}/routers.yml", "w") as file:
        file.write(f"http:\n  routers:\n{routers}")
    process = begin(
        [front("bin/traefik"), f"--entryPoints.hooks.address=:{PORT}", f"--entryPoints.traefik.address=127.0.0.1:{ADMIN}",
         "--ping", "--ping.manualRouting", "--api.insecure", f"--providers.file.directory={folder}", "--providers.file.watch",
         "--log.level=ERROR"], PORT)
    try:
        one = lambda name: fetch(ADMIN, f"/api/http/middlewares/nexmo-gate-{name}@file")
        until("all routers", lambda: f'"{stand.names[-1]}@file"' in fetch(ADMIN, "/api/rawdata"))
        for name in stand.names:
            live = one(name)
            held = json.loads(live)
            if held["status"] != "enabled":
                raise SystemExit(f"traefik {name}: {live}")
            stand.same("traefik", name, networks(held["ipAllowList"]["sourceRange"]))
            stand.check("traefik", name, live)
        asked = probes(stand, stand.names[::4], lambda name: (PORT, f"/{name}"))
        # Another list, moved into place, is taken without a restart.
        name, other = stand.names[:2]
        text = stand.text("traefik", other).replace(f"nexmo-gate-{other}", f"nexmo-gate-{name}")
        replace(f"{folder}/{name}.yml", text)
        wanted = json.loads(one(other))["ipAllowList"]
        until("the other list", lambda: json.loads(one(name))["ipAllowList"] == wanted)
    finally:
        process.kill()
        process.wait()
    stand.told("traefik")
    print(f"  {asked} requests")


def replace(path, text):
    with open(f"{path}.new", "w") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


def envoy_config(names, folder):
    source = lambda name: {"path_config_source": {"path": f"{folder}/{name}.yaml"}, "resource_api_version": "V3"}
    type_of = "type.googleapis.com/envoy.extensions.filters."
    rbac = lambda name: {
        "name": f"nexmo_gate_{name}",
        "config_discovery": {"config_source": source(name), "type_urls": [f"{type_of}http.rbac.v3.RBAC"]},
    }
    router = {"name": "router", "typed_config": {"@type": f"{type_of}http.router.v3.Router"}}
    answer = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}

    def listener(number, names):
        manager = {
            "@type": f"{type_of}network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "hooks",
            "http_filters": [*map(rbac, names), router], "route_config": {"virtual_hosts": [answer]},
        }
        address = lambda ip: {"socket_address": {"address": ip, "port_value": PORT + 10 + number}}
        return {
            "name": f"hooks{number}", "address": address("127.0.0.1"), "additional_addresses": [{"address": address("::1")}],
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }

    asked, rest = names[:ASKED], names[ASKED:]
    listeners = [listener(number, [name]) for number, name in enumerate(asked)] + [listener(ASKED, rest)]
    admin = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN}}}
    node = {"id": "hooks", "cluster": "hooks"}
    return {"node": node, "admin": admin, "static_resources": {"listeners": listeners}}


def envoy_held():
    dump = json.loads(fetch(ADMIN, "/config_dump?resource=ecds_filters"))
    return {row["ecds_filter"]["name"]: row["ecds_filter"] for row in dump.get("configs", []) if "ecds_filter" in row}


def principals(held):
    ((_, policy),) = held["typed_config"]["rules"]["policies"].items()
    ranges = [principal["direct_remote_ip"] for principal in policy["principals"]]
    return networks(f"{one['address_prefix']}/{one['prefix_len']}" for one in ranges)


def envoy(stand):
    folder = f"{stand.folder}/ecds"
    os.makedirs(folder)
    for name in stand.names:
        shutil.copy(stand.text_path("envoy", name), f"{folder}/{name}.yaml")
    batches = [stand.names[begin : begin + AT_ONCE] for begin in range(0, len(stand.names), AT_ONCE)]
    asked = sum(one_envoy(stand, names, folder) for names in batches)
    stand.told("envoy")
    print(f"  {asked} requests, {len(batches)} processes")


def one_envoy(stand, names, folder):
    path = f"{stand.folder}/envoy.json"
    with open(path, "w") as file:
        json.dump(envoy_config(names, folder), file)
    process = begin(
        [front("envoy/_bin/envoy"), "--concurrency", "1", "--disable-hot-restart", "-l", "off", "-c", path], PORT + 10)
    try:
        until("all lists", lambda: len(envoy_held()) == len(names))
        held = envoy_held()
        for name in names:
            stand.same("envoy", name, principals(held[f"nexmo_gate_{name}"]))
            stand.check("envoy", name, json.dumps({"configs": [held[f"nexmo_gate_{name}"]]}))
        places = {name: (PORT + 10 + number, "/") for number, name in enumerate(names[:ASKED])}
        asked = probes(stand, places, places.get)
        # Another list, moved into place, is taken without a restart.
        name, other = names[:2]
        replace(f"{folder}/{name}.yaml", stand.text("envoy", other).replace(f"nexmo_gate_{other}", f"nexmo_gate_{name}"))
        wanted = set(principals(held[f"nexmo_gate_{other}"]))
        until("the other list", lambda: set(principals(envoy_held()[f"nexmo_gate_{name}"])) == wanted)
    finally:
        process.kill()
        process.wait()
    return asked


def probes(stand, names, place):
    asked = 0
    for name in names:
        for sender, known in stand.edges(name):
            status = get(sender, *place(name))
            if status != (200 if known else 403):
                raise SystemExit(f"{name}: {sender} hears {status}")
            asked += 1
    return asked


every_address_is_ours()
traefik(Stand())
envoy(Stand())
