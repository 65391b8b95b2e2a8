"""Receives webhooks, and only wakes the poller.

A webhook says that something happened; what happened is read from the feed. So a delivery that comes twice,
late or out of order costs nothing, and there is one place in the program that credits.
"""

import base64
import hashlib
import hmac
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300  # as the Standard Webhooks specification recommends
BODY_BYTES_MAX = 1 << 20


def signed_by(secret, headers, body):
    """What the Standard Webhooks specification says, in Python's own library."""
    name, sent_at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = ("%s.%s." % (name, sent_at)).encode() + body
    want = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest())
    given = [entry.partition(",") for entry in headers["webhook-signature"].split()]
    return any(hmac.compare_digest(want, signature.encode())
               for version, _, signature in given if version == "v1")


try:
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError
except ImportError:
    pass
else:
    def signed_by(secret, headers, body):  # the library is there: use it
        try:
            Webhook(secret).verify(body, headers)
            return True
        except WebhookVerificationError:
            return False


def is_genuine(secrets, headers, body):
    """Signed with one of our secrets (two while they rotate), lately."""
    try:
        lower = {key.lower(): value for key, value in headers.items()}
        return any(signed_by(secret, lower, body) for secret in secrets)
    except (KeyError, ValueError, TypeError):
        return False


def is_secret(text):
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return text.startswith("whsec_") and 24 <= len(key) <= 64


class Doorbell:
    """Listens for webhooks in the background. Put TLS in front of it, as for any public endpoint."""

    def __init__(self, listen, secrets):
        if not secrets or not all(is_secret(secret) for secret in secrets):
            raise OSError("the secret file needs one line, or two: whsec_ and Base64 of 24 to 64 bytes")
        self.rang = threading.Event()
        host, _, port = listen.rpartition(":")
        server = ThreadingHTTPServer((host, int(port)), Receiver)
        server.daemon_threads, server.doorbell, server.secrets = True, self.rang, secrets
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def wait(self, seconds):
        """Until it rings, or for so long. A ring while the poller was at work is not lost."""
        self.rang.wait(seconds)
        self.rang.clear()


class Receiver(BaseHTTPRequestHandler):
    timeout = 10  # for a sender that stops in the middle

    def do_POST(self):
        size = self.headers.get("Content-Length", "")
        if not size.isdigit() or int(size) > BODY_BYTES_MAX:
            return self.answer(413)
        body = self.rfile.read(int(size))
        if not is_genuine(self.server.secrets, self.headers, body):
            return self.answer(401)
        self.server.doorbell.set()
        return self.answer(204)  # heard; the feed keeps what happened

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass
