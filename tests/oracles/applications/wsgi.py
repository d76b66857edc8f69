"""An application on Python's wsgiref: it says what it understood of each request.

One UNIX socket for each route, so that it knows by which one a request came. Beside that it reads heads from
its input, a number and so many lines of hexadecimal digits, and answers each with a line: the same parsing and the
same environment as a request off a socket has.
"""

import io
import json
import os
import socket
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Server(WSGIServer):
    address_family = socket.AF_UNIX
    request_queue_size = 1024

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "application", 80
        self.setup_environ()

    def get_request(self):
        connection, _ = self.socket.accept()
        return connection, ("local", 0)


class Heard(Handler):
    """The handler of one head that came without a socket."""

    def __init__(self, server, head):
        line, _, rest = head.partition(b"\n")
        self.server, self.client_address = server, ("local", 0)
        self.raw_requestline, self.rfile, self.wfile = line + b"\n", io.BytesIO(rest), io.BytesIO()

    def views(self):
        return views(self.get_environ()) if self.parse_request() else []


def views(environ):
    # PATH_INFO is bytes in the disguise of Latin-1 (PEP 3333).
    path = environ["PATH_INFO"].encode("latin-1")
    host = environ.get("HTTP_HOST", "").encode("latin-1")
    return [{"how": "PATH_INFO", "host": host.hex(), "path": path.hex()}]


def application(route):
    def answer(environ, start_response):
        body = json.dumps({"route": route, "views": views(environ)}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


def main(folder, routes):
    servers = []
    for route in range(routes):
        server = Server(os.path.join(folder, f"{route}.sock"), Handler)
        server.set_app(application(route))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    print("ready", flush=True)
    while count := sys.stdin.readline():
        heads = [bytes.fromhex(sys.stdin.readline()) for _ in range(int(count))]
        lines = [json.dumps({"views": Heard(servers[0], head).views()}) for head in heads]
        print("\n".join(lines), flush=True)


main(sys.argv[1], int(sys.argv[2]))
