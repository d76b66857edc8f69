"""The published models of the clouds' own packages, without a network: what they take, and what it comes to.

The scripts run as they are, with programs in the place of `aws`, `gcloud` and `az` that write down what they are told.
"""

import ipaddress
import json
import os
import subprocess
import sys

from common import Stand, needs, networks

try:
    import botocore.session
    import hcl2
    import kubernetes_validate
    import yaml
    from azure.mgmt.network import models as azure_models
    from botocore.validate import ParamValidator
    from cloudflare.types.rules.lists import item_update_params
    from google.cloud import compute_v1
    from pydantic import TypeAdapter
except ImportError as error:
    print(f"there is no package: {error}", file=sys.stderr)
    sys.exit(77)

needs("sh")
# Says what it was told, a word a line; a script's own line breaks become blanks, which JSON does not mind.
RECORDER = r"""#!/bin/sh
case "$*" in *describe-managed-prefix-lists*) echo modify-complete; exit ;; esac
echo "call" >>"$CALLS"
for word in "$@"; do printf '%s' "$word" | tr '\n' ' ' >>"$CALLS"; echo >>"$CALLS"; done
"""


class Programs:
    """The programs of the clouds, and what a script told them."""

    def __init__(self, folder):
        self.folder = f"{folder}/programs"
        os.makedirs(self.folder, exist_ok=True)
        for name in ("aws", "gcloud", "az"):
            with open(f"{self.folder}/{name}", "w") as file:
                file.write(RECORDER)
            os.chmod(f"{self.folder}/{name}", 0o755)

    def calls(self, path, **variables):
        told = f"{self.folder}/calls"
        open(told, "w").close()
        env = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "CALLS": told, **variables}
        ran = subprocess.run(["sh", path], env=env, capture_output=True, text=True, timeout=60)
        if ran.returncode != 0:
            raise SystemExit(f"{path}: {ran.stderr}")
        return [call.splitlines() for call in open(told).read().split("call\n")[1:]]


def option(words, name):
    return words[words.index(name) + 1]


def aws_account(shape, calls, entries, version):
    """What a prefix list holds after the calls, by the rules of the API."""
    validator = ParamValidator()
    for words in calls:
        if words[:2] != ["ec2", "modify-managed-prefix-list"]:
            raise SystemExit(f"aws: {words[:2]}")
        asked = {
            "PrefixListId": option(words, "--prefix-list-id"), "CurrentVersion": int(option(words, "--current-version")),
            **json.loads(option(words, "--cli-input-json")),
        }
        report = validator.validate(asked, shape)
        if report.has_errors():
            raise SystemExit(f"aws: {report.generate_report()}")
        added, removed = asked.get("AddEntries", []), asked.get("RemoveEntries", [])
        if len(added) > 100 or len(removed) > 100 or not added + removed:
            raise SystemExit(f"aws: {len(added)} and {len(removed)} entries in a call")
        if asked["CurrentVersion"] != version:
            raise SystemExit(f"aws: version {asked['CurrentVersion']} and not {version}")
        version += 1
        for entry in added:
            if entry["Cidr"] in entries or len(entry["Description"]) > 255:
                raise SystemExit(f"aws: {entry}")
            entries[entry["Cidr"]] = entry
        for entry in removed:
            del entries[entry["Cidr"]]
    return version


def aws(stand, programs, version):
    """First into an empty list, then every fourth list is changed into the next one."""
    shape = botocore.session.get_session().get_service_model("ec2").operation_model("ModifyManagedPrefixList").input_shape
    family, kind = f"ipv{version}", f"aws-{version}"
    names = [name for name, _ in stand.texts(kind)]
    whole = {name: {} for name in names}
    for name in names:
        calls = programs.calls(stand.text_path(kind, name), PREFIX_LIST_ID="pl-0123456789abcdef0", VERSION="7")
        aws_account(shape, calls, whole[name], 7)
        stand.same("aws", name, networks(whole[name]), versions=(version,))
        stand.check("aws", name, json.dumps({"Entries": list(whole[name].values())}), "--family", family)
    for before, name in list(zip(names, names[1:]))[::4]:
        have, script = f"{stand.folder}/have.json", f"{stand.folder}/script"
        with open(have, "w") as file:
            json.dump({"Entries": list(whole[before].values())}, file)
        words = [stand.gate, "ranges", "export", "aws", name, "--ranges", f"{stand.folder}/lists/{name}", "--family", family]
        with open(script, "w") as file:
            subprocess.run([*words, "--have", have], stdout=file, stderr=subprocess.DEVNULL, check=True, timeout=60)
        entries = dict(whole[before])
        calls = programs.calls(script, PREFIX_LIST_ID="pl-0123456789abcdef0", VERSION="41")
        aws_account(shape, calls, entries, 41)
        stand.same("aws --have", name, networks(entries), versions=(version,))
    stand.told(f"aws, {family}")


def gcp(stand, programs, version):
    for name, _ in stand.texts(f"gcp-{version}"):
        ((*words, ranges),) = programs.calls(stand.text_path(f"gcp-{version}", name))
        if words != ["compute", "firewall-rules", "update", f"nexmo-gate-{name}"]:
            raise SystemExit(f"gcp: {words}")
        rule = compute_v1.Firewall(name=words[3], source_ranges=ranges.removeprefix("--source-ranges=").split(","))
        live = compute_v1.Firewall.to_json(rule)
        stand.same("gcp", name, networks(compute_v1.Firewall.from_json(live).source_ranges), versions=(version,))
        stand.check("gcp", name, live, "--family", f"ipv{version}")
    stand.told(f"gcp, IPv{version}")


def azure(stand, programs, version):
    for name, _ in stand.texts(f"azure-{version}"):
        variables = {"RESOURCE_GROUP": "hooks", "NSG": "hooks"}
        (words,) = programs.calls(stand.text_path(f"azure-{version}", name), **variables)
        at = words.index("--source-address-prefixes")
        if words[:4] != ["network", "nsg", "rule", "update"] or option(words, "--name") != f"nexmo-gate-{name}":
            raise SystemExit(f"azure: {words[:at]}")
        rule = azure_models.SecurityRule(
            {"name": f"nexmo-gate-{name}", "properties": {"sourceAddressPrefixes": words[at + 1 :], "protocol": "Tcp"}}
        )
        stand.same("azure", name, networks(rule.source_address_prefixes), versions=(version,))
        stand.check("azure", name, json.dumps(rule.as_dict()), "--family", f"ipv{version}")
    stand.told(f"azure, IPv{version}")


def cloudflare(stand):
    body = TypeAdapter(list[item_update_params.BodyListsListItemIPComment])
    for name, text in stand.texts("cloudflare"):
        items = body.validate_json(text, strict=True)
        nets = networks(item["ip"] for item in items)
        if any(net.prefixlen < (8 if net.version == 4 else 12) for net in nets):
            raise SystemExit(f"cloudflare {name}: too wide")
        stand.same("cloudflare", name, nets)
        stand.check("cloudflare", name, json.dumps({"result": items, "success": True}))
    stand.told("cloudflare")


def kubernetes(stand):
    for name, text in stand.texts("kubernetes"):
        policy = yaml.safe_load(text)
        kubernetes_validate.validate(policy, kubernetes_validate.latest_version(), strict=True)
        ((rule,), ports) = policy["spec"]["ingress"], policy["spec"]["ingress"][0]["ports"]
        if ports != [{"protocol": "TCP", "port": 8080}]:
            raise SystemExit(f"kubernetes: {ports}")
        stand.same("kubernetes", name, networks(peer["ipBlock"]["cidr"] for peer in rule["from"]))
        stand.check("kubernetes", name, json.dumps(policy))
        if int(name[1:]) % 100 == 0:
            stand.check("kubernetes", name, yaml.safe_dump(policy))
    stand.told("kubernetes")


def terraform(stand):
    for name, text in stand.texts("terraform"):
        lists = json.loads(text)["resource"]["aws_ec2_managed_prefix_list"]
        nets = []
        for version in (4, 6):
            held = lists[f"nexmo_gate_{name}_v{version}"]
            found = networks(entry["cidr"] for entry in held["entry"])
            if held["address_family"] != f"IPv{version}" or held["max_entries"] != max(1, len(found)):
                raise SystemExit(f"terraform {name}: {held}")
            if any(net.version != version for net in found):
                raise SystemExit(f"terraform {name}: families are mixed")
            nets += found
        stand.same("terraform", name, nets)
        stand.check("terraform", name, text)
    stand.told("terraform")


def tfvars(stand):
    for name, text in stand.texts("tfvars"):
        held = hcl2.loads(text)
        nets = [value.strip('"') for version in (4, 6) for value in held[f"nexmo_gate_{name}_v{version}"]]
        stand.same("tfvars", name, networks(nets))
        stand.check("tfvars", name, text)
    stand.told("tfvars")


def plain(stand):
    for name, text in stand.texts("json"):
        held = json.loads(text)
        stand.same("json", name, networks(held["ipv4"] + held["ipv6"]))
        stand.check("json", name, text)
        lines = [line for line in stand.text("text", name).splitlines() if not line.startswith("#")]
        wanted = [str(net) for v in (4, 6) for net in sorted(stand.lists[name][v])]
        if lines != wanted or held["ipv4"] + held["ipv6"] != wanted:
            raise SystemExit(f"text {name}: {lines} and not {wanted}, in this order")
        stand.check("text", name, stand.text("text", name))
    stand.told("json and text")


programs = Programs(Stand().folder)
for version in (4, 6):
    aws(Stand(), programs, version)
    gcp(Stand(), programs, version)
    azure(Stand(), programs, version)
for judge in (cloudflare, kubernetes, terraform, tfvars, plain):
    judge(Stand())
