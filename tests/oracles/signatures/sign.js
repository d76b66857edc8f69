// Signs as the vendor's packages for Node do. Usage: node sign.js IN OUT, with a sample a line.
//
// @vonage/sms has no function that signs: what it computes to compare with is taken from the crypto module. @vonage/jwt
// signs with RS256 only, so a token is made by the library that it stands on, and @vonage/jwt says whether it is good.
"use strict";
const fs = require("fs");
const crypto = require("crypto");

let computed = null;
for (const name of ["createHash", "createHmac"]) {
    const create = crypto[name];
    crypto[name] = (...args) => {
        const hash = create(...args);
        const digest = hash.digest.bind(hash);
        hash.digest = (encoding) => (computed = digest(encoding));
        return hash;
    };
}

const { SMS } = require("@vonage/sms");
const { Auth, AlgorithmTypes } = require("@vonage/auth");
const { verifySignature } = require("@vonage/jwt");
const jsonwebtoken = require("jsonwebtoken");
const sms = new SMS(new Auth({ apiKey: "key", apiSecret: "secret" }));

const { md5hash, md5hmac: md5, sha1hmac: sha1, sha256hmac, sha512hmac: sha512 } = AlgorithmTypes;
const methods = { md5hash, md5, sha1, sha256: sha256hmac, sha512 };

const sha256 = (text) => crypto.createHash("sha256").update(text).digest("hex");
const queryJson = (query) => JSON.stringify(Object.fromEntries(new URLSearchParams(query)));

function parameters(sample) {
    const params = Object.fromEntries(sample.params);
    computed = null;
    const verify = (sig) => sms.verifySignature(sig, params, sample.secret, methods[sample.method]);
    verify("");
    params.sig = computed;
    if (!verify(params.sig)) throw new Error("does not verify its own");
    return { text: sample.how === "json" ? JSON.stringify(params) : new URLSearchParams(params).toString() };
}

function token(sample) {
    const params = Object.fromEntries(sample.params);
    const text = sample.how === "json" ? JSON.stringify(params) : new URLSearchParams(params).toString();
    const hash = sha256(sample.how === "query" ? queryJson(text) : text);
    const made = jsonwebtoken.sign({ ...sample.claims, payload_hash: hash }, sample.secret, { algorithm: "HS256" });
    return { text, token: made, verifies: verifySignature(made, sample.secret) };
}

// A whole message that somebody else signed: does it verify, and is the token of this message?
function message(sample) {
    const text = sample.how === "query" ? sample.query : sample.body;
    if (sample.token) {
        const claims = jsonwebtoken.decode(sample.token);
        const hash = sha256(sample.how === "query" ? queryJson(text) : text);
        return { verifies: verifySignature(sample.token, sample.secret) && claims.payload_hash === hash };
    }
    const params = sample.how === "json" ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
    return { verifies: sms.verifySignature(params.sig, params, sample.secret, methods[sample.method]) };
}

const kinds = {
    parameters,
    token,
    message,
    verify: (sample) => ({ verifies: verifySignature(sample.token, sample.secret) }),
    query: (sample) => ({ text: queryJson(sample.query) }),
};

const lines = fs.readFileSync(process.argv[2], "utf8").split("\n").filter((line) => line !== "");
const answers = lines.map((line) => {
    const sample = JSON.parse(line);
    try {
        return JSON.stringify(kinds[sample.kind](sample));
    } catch (error) {
        return JSON.stringify({ refused: String(error) });
    }
});
fs.writeFileSync(process.argv[3], answers.join("\n") + "\n");
const version = (name) => `${name} ${JSON.parse(fs.readFileSync(`${process.env.NODE_PATH}/${name}/package.json`)).version}`;
console.log(["@vonage/sms", "@vonage/jwt", "jsonwebtoken"].map(version).join(", "), `node ${process.version}`);
