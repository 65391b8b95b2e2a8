"""Receivers of webhooks that misbehave on demand, and the check of what they got.

The signature is computed here once more from the Standard Webhooks specification alone (an independent
reading; its own library may be used instead where it is installed, with the same outcome).
"""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import free_port

TOLERANCE = 300  # seconds, as the reference libraries have it


def new_secret(byte):
    return "whsec_" + base64.b64encode(bytes([byte]) * 32).decode()


def verify(secret, headers, body):
    """As the reference library does: raises unless one of the signatures is of this secret."""
    id_, stamp = headers["webhook-id"], headers["webhook-timestamp"]
    assert abs(headers["arrived"] - int(stamp)) < TOLERANCE, "the timestamp is %s" % stamp
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    want = hmac.new(key, b"%s.%s.%s" % (id_.encode(), stamp.encode(), body), hashlib.sha256).digest()
    entries = [entry.split(",", 1) for entry in headers["webhook-signature"].split(" ")]
    assert all(version == "v1" for version, _ in entries)
    assert any(hmac.compare_digest(base64.b64decode(given), want) for _, given in entries), "no signature fits"
    return json.loads(body)


def hang_up(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has gone already


class Receiver:
    """An HTTP server on loopback. `say` is what it does with a request: a status, or a word."""

    def __init__(self, say=200, tls=None):
        self.say, self.port, self.tls = say, free_port(), tls
        self.got = []  # (seq, status said, headers, body), in order of arrival
        self.lock, self.release = threading.Lock(), threading.Event()
        self.server, self.open_connections = None, []

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def url(self):
        return "%s://127.0.0.1:%d/hook?token=very-secret" % ("https" if self.tls else "http", self.port)

    def open(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                receiver.open_connections.append(self.connection)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.answer(self, body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # a service that is killed hangs up

        self.release.clear()
        self.server = Server(("127.0.0.1", self.port), Handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        """Stops listening and hangs up: whoever calls is refused."""
        self.release.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
        while self.open_connections:
            hang_up(self.open_connections.pop())

    def answer(self, handler, body):
        with self.lock:
            say = self.say(json.loads(body)) if callable(self.say) else self.say
            headers = dict(handler.headers.items(), arrived=time.time())
            self.got.append((json.loads(body)["seq"], say, headers, body))
        if say == "hang":
            self.release.wait(60)
        if say in ("hang", "nothing", "garbage"):
            if say == "garbage":
                handler.wfile.write(b"\x00\xffthis is not HTTP\r\n\r\n")
                handler.wfile.flush()
            handler.close_connection = True
            hang_up(handler.connection)
            return
        handler.send_response(say)
        if 300 <= say < 400:
            handler.send_header("Location", self.url)
        text = b"" if say == 204 else b"said %d" % say
        if say != 204:
            handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def accepted(self):
        """Numbers of the events it took, in order, those that came twice in a row once."""
        with self.lock:
            taken = [seq for seq, said, _, _ in self.got if isinstance(said, int) and 200 <= said < 300]
        return [seq for i, seq in enumerate(taken) if i == 0 or seq != taken[i - 1]]

    def check(self, *secrets):
        """Every request is signed with each of the secrets, and is the event that it names."""
        with self.lock:
            got = list(self.got)
        for seq, _, headers, body in got:
            for secret in secrets:
                event = verify(secret, headers, body)
                assert headers["webhook-id"] == "%s:%d" % (event["feed"], event["seq"]), headers
            assert headers["Content-Type"] == "application/json"
            assert event["seq"] == seq
        return got
