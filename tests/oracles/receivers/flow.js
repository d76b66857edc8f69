// Node-RED takes every webhook: those of Voice by the vendor's nodes, which answer with an NCCO, the others by its own nodes.
// What is written here is the wiring. A message without fields goes nowhere, so that no answer comes.
// Usage: node flow.js FOLDER; it prints its port.
"use strict";
const fs = require("fs");
const http = require("http");
const path = require("path");
const RED = require("node-red");

const flow = [{ id: "tab", type: "tab", label: "webhooks" }];
const add = (node, next) => {
    const id = `n${flow.length}`;
    flow.push({ id, z: "tab", ...node, wires: next === undefined ? [] : [[next]] });
    return id;
};
const withFields = (property, next) =>
    add({ type: "switch", property, propertyType: "msg", rules: [{ t: "nempty" }], checkall: "true", outputs: 1 }, next);

for (const method of ["get", "post"]) {
    for (const name of ["answer", "fallback", "event"]) {
        const url = `/webhooks/${name}`;
        const told = add({ type: "return ncco" });
        const talk = add({ type: "talk", text: "Hello {{msg.call.from}}", loop: "", level: "", voicename: "", bargein: false }, told);
        add({ type: "voice webhook", url, method }, withFields("call", talk));
    }
    for (const url of ["inbound-sms", "delivery-receipt", "short-code/receipt", "inbound-message", "message-status", "number-insight", "rtc", "verify", "video"]) {
        const told = add({ type: "http response", statusCode: "200", headers: {} });
        add({ type: "http in", url: `/webhooks/${url}`, method }, withFields("payload", told));
    }
}

const folder = process.argv[2];
fs.writeFileSync(path.join(folder, "flow.json"), JSON.stringify(flow));
const server = http.createServer((request, response) => RED.httpNode(request, response));
RED.init(server, {
    userDir: folder,
    flowFile: "flow.json",
    httpAdminRoot: false,
    httpNodeRoot: "/",
    telemetry: { enabled: false },
    logging: { console: { level: "off" } },
});
RED.events.on("flows:started", () => {
    server.listen(0, "127.0.0.1", () => console.log(server.address().port));
});
RED.start();
