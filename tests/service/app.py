"""The application behind the gate: answers 200.

Usage: app.py ADDRESS PORT
`/webhooks/slow` answers after 5 seconds, everything else at once.
"""

import http.server
import socket
import sys
import time


class Application(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise each answer would wait for a delayed acknowledgement.
    disable_nagle_algorithm = True

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        if self.path.startswith("/webhooks/slow"):
            time.sleep(5)
        body = b'[{"action":"talk","text":"hello"}]'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET


Server((sys.argv[1], int(sys.argv[2])), Application).serve_forever()
