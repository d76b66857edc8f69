"""Signs as the vendor's package for Python does. Usage: python3 sign.py IN OUT, with a sample a line."""

import hashlib
import json
import sys
from importlib.metadata import version
from urllib.parse import parse_qsl, urlencode

import jwt
from vonage import Auth
from vonage_jwt.verify_jwt import verify_signature


def parameters(sample):
    params = dict(sample["params"])
    auth = Auth(api_key="key", signature_secret=sample["secret"], signature_method=sample["method"])
    params["sig"] = auth.sign_params(dict(params))
    if not auth.check_signature(dict(params)):
        raise ValueError("does not verify its own")
    return {"text": json.dumps(params) if sample["how"] == "json" else urlencode(params)}


def token(sample):
    params = dict(sample["params"])
    text = hashed = json.dumps(params) if sample["how"] == "json" else urlencode(params)
    if sample["how"] == "query":
        pairs = dict(parse_qsl(text, keep_blank_values=True))
        hashed = json.dumps(pairs, separators=(",", ":"), ensure_ascii=False)
    claims = {**sample["claims"], "payload_hash": hashlib.sha256(hashed.encode()).hexdigest()}
    made = jwt.encode(claims, sample["secret"], algorithm="HS256")
    return {"text": text, "token": made, "verifies": verify_signature(made, sample["secret"])}


def verify(sample):
    return {"verifies": verify_signature(sample["token"], sample["secret"])}


def message(sample):
    text = sample["query"] if sample["how"] == "query" else sample["body"]
    if sample.get("token"):
        claims = jwt.decode(sample["token"], options={"verify_signature": False})
        hashed = text
        if sample["how"] == "query":
            pairs = dict(parse_qsl(text, keep_blank_values=True))
            hashed = json.dumps(pairs, separators=(",", ":"), ensure_ascii=False)
        is_of_it = claims["payload_hash"] == hashlib.sha256(hashed.encode()).hexdigest()
        return {"verifies": verify_signature(sample["token"], sample["secret"]) and is_of_it}
    params = json.loads(text) if sample["how"] == "json" else dict(parse_qsl(text, keep_blank_values=True))
    auth = Auth(api_key="key", signature_secret=sample["secret"], signature_method=sample["method"])
    return {"verifies": auth.check_signature(params)}


KINDS = {"parameters": parameters, "token": token, "verify": verify, "message": message}


def answer(line):
    sample = json.loads(line)
    try:
        return KINDS[sample["kind"]](sample)
    except Exception as error:  # whatever it is: it signed nothing
        return {"refused": repr(error)}


with open(sys.argv[1], encoding="utf-8") as samples, open(sys.argv[2], "w", encoding="utf-8") as answers:
    for line in samples:
        answers.write(json.dumps(answer(line)) + "\n")
print("vonage", version("vonage"), "pyjwt", version("pyjwt"), "python", sys.version.split()[0])
