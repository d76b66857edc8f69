"""The smallest application on Flask, with the vendor's own classes for Voice. Usage: python3 app.py; it prints its port."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from flask import Flask, jsonify, request
from vonage_voice.models.ncco import Talk
from vonage_voice.models.webhooks import AnswerWebhook

app = Flask(__name__)


@app.route("/webhooks/answer", methods=["GET", "POST"])
@app.route("/webhooks/fallback", methods=["GET", "POST"])
def answer():
    call = AnswerWebhook(**(request.args.to_dict() if request.method == "GET" else request.get_json()))
    assert call.from_ and call.uuid and call.conversation_uuid
    return jsonify([Talk(text="Hello").model_dump(by_alias=True, exclude_none=True)])


@app.route("/webhooks/<path:name>", methods=["GET", "POST"])
def other(name):
    fields = request.args or request.form or request.get_json()
    assert len(fields) >= 2, name
    return "", 200


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
