// The smallest application on Express, with the vendor's own classes for Voice. Usage: node app.js; it prints its port.
"use strict";
const express = require("express");
const { NCCOBuilder, Talk } = require("@vonage/voice");

const app = express();
app.use(express.json());
app.use(express.urlencoded({ extended: true }));

const fields = (request) => (request.method === "GET" ? request.query : request.body);

app.all(["/webhooks/answer", "/webhooks/fallback"], (request, response) => {
    if (!fields(request).from) return response.status(400).end();
    response.json(new NCCOBuilder().addAction(new Talk("Hello")).build());
});
app.all("/webhooks/*name", (request, response) => {
    response.status(Object.keys(fields(request) ?? {}).length >= 2 ? 200 : 400).end();
});

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
