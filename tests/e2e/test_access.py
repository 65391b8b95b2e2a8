"""Who may do what, over which wire, and what is kept of it: TLS, the audit log, the event stream."""

import http.client
import json
import signal
import socket
import ssl
import subprocess

import pytest

from harness import PATIENCE, Reply, Service, eventually, free_port, run, write_config
from test_api import A, B, C, World, _as, _tokens, key_address, problem


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("access"))
    yield made
    made.service.kill()
    made.node.stop()


def idle(where, token_file, **http_settings):
    """A service without a node."""
    nowhere = "ws://127.0.0.1:%d" % free_port()
    return Service(where, [(nowhere, token_file)], http=http_settings)


# --- TLS ------------------------------------------------------------------------------------------

def make_cert(folder, name):
    """A certificate of its own authority, for 127.0.0.1."""
    cert, key = folder / (name + ".pem"), folder / (name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=120)
    return cert, key


def over_tls(service, ca, path, version=None):
    context = ssl.create_default_context(cafile=ca)
    if version:
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # so that it is the service who says no
    link = http.client.HTTPSConnection("127.0.0.1", service.port, timeout=PATIENCE, context=context)
    try:
        link.request("GET", path)
        reply = link.getresponse()
        body = reply.read()
        link.request("GET", "/healthz")  # kept alive
        assert link.getresponse().read() == b"ok\n"
        return reply.status, body, link.sock.version()
    finally:
        link.close()


def test_tls(where, token_file):
    cert, key = make_cert(where, "first")
    second_cert, second_key = make_cert(where, "second")
    service = idle(where, token_file, tls_cert=str(cert), tls_key=str(key))
    service.launch()

    def serves(ca):
        try:
            return over_tls(service, ca, "/v1/status")[0] == 200
        except OSError:
            return False
    try:
        eventually(lambda: serves(cert), "TLS", alive=service.program.process)
        assert over_tls(service, cert, "/openapi.json")[2] == "TLSv1.3"
        assert over_tls(service, cert, "/v1/status", ssl.TLSVersion.TLSv1_2)[2] == "TLSv1.2"
        with pytest.raises(OSError):
            over_tls(service, cert, "/v1/status", ssl.TLSVersion.TLSv1_1)
        with pytest.raises(OSError):
            service.get("/healthz")  # plain HTTP is not answered
        with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as silent:
            silent.settimeout(PATIENCE)
            assert silent.recv(1) == b""  # no handshake: cut
        # A broken pair leaves what was there, a good one is used for new connections.
        good_key = key.read_bytes()
        key.write_bytes(second_key.read_bytes())
        service.program.process.send_signal(signal.SIGHUP)
        eventually(lambda: "not reloaded" in service.program.err.read_text()
                   + service.program.out.read_text(), "a word about the pair")
        assert serves(cert)
        (where / "old.pem").write_bytes(cert.read_bytes())
        cert.write_bytes(second_cert.read_bytes())
        service.program.process.send_signal(signal.SIGHUP)
        eventually(lambda: serves(second_cert), "the new certificate")
        assert not serves(where / "old.pem")
        told = service.program.err.read_text() + service.program.out.read_text()
        for secret in (good_key, second_key.read_bytes()):
            assert secret.decode().splitlines()[1] not in told
        assert service.stop() == 0
    finally:
        service.kill()


def test_commands_over_tls(where, token_file):
    cert, key = make_cert(where, "first")
    other_cert, other_key = make_cert(where, "second")
    service = idle(where, token_file, tls_cert=str(cert), tls_key=str(key))
    service.launch()
    by_config = ["--config", service.config]
    by_url = ["--url", "https://127.0.0.1:%d" % service.port]

    def command(*words, trust=cert):
        return run(words, where, extra={"SSL_CERT_FILE": str(trust)})
    try:
        # Its own certificate is known from its configuration, whoever signed it and whatever its name.
        eventually(lambda: command("address", "list", *by_config, trust=other_cert)[0] == 0, "TLS",
                   alive=service.program.process)
        many = where / "addresses.csv"
        many.write_text("address\n" + "".join(key_address(i) + "\n" for i in range(1, 1501)))  # two pieces
        assert command("address", "import", many, *by_config)[1].startswith("1500 created")
        assert command("hold", "set", "--reason", "a drill", *by_config)[0] == 0
        assert command("hold", "lift", "--reason", "it is over", *by_url)[:2] == (0, "lifted\n")
        # Of another place it is to be one that the system trusts, and of this name.
        code, _, err = command("address", "list", *by_url, trust=other_cert)
        assert code == 1 and "certificate verify failed" in err
        code, _, err = command("address", "list", "--url", by_url[1].replace("127.0.0.1", "localhost"))
        assert code == 1 and "certificate verify failed" in err
        # Whoever shows another one is told nothing.
        (where / "api.secret").write_text("very-secret")
        cert.write_bytes(other_cert.read_bytes())
        code, _, err = command("address", "list", *by_config, "--api-token-file", where / "api.secret")
        assert code == 1 and "another certificate than the one in " + str(cert) in err
        cert.write_text("nothing")
        assert "not a certificate" in command("address", "list", *by_config)[2]
        assert service.stop() == 0
    finally:
        service.kill()


def test_no_strangers_without_tokens(where, token_file):
    config = write_config(where / "h.toml", [("ws://127.0.0.1:1", token_file)],
                          http={"listen": "0.0.0.0:0"})
    code, out, err = run(["config", "check", "--config", config], where)
    assert code == 1 and "tokens_file is required" in out + err
    assert run(["serve", "--config", config], where)[0] == 2


def pipelined(service, path, token, count):
    """So many requests in one piece: they come in the same second, whatever the machine does meanwhile."""
    text = "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n" % (path, token)
    replies = []
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as link:
        link.sendall(text.encode() * count)
        stream = link.makefile("rb")
        for _ in range(count):
            status = int(stream.readline().split()[1])
            headers = http.client.parse_headers(stream)
            replies.append(Reply(status, headers, stream.read(int(headers["Content-Length"]))))
    return replies


def test_requests_per_second(where, token_file):
    tokens = _tokens(where / "tokens.toml", greedy="read", modest="read")
    with idle(where, token_file, tokens_file=str(tokens), requests_per_second=2) as service:
        replies = pipelined(service, "/v1/status", "greedy", 100)
        refused = [r for r in replies if r.status != 200]
        assert refused
        for reply in refused:
            assert problem(reply, 429)["type"].endswith("#too-many-requests")
            assert int(reply.headers["Retry-After"]) >= 1
        assert service.get("/v1/status", **_as("modest")).status == 200
        assert service.get("/healthz").status == 200


# --- the stream -----------------------------------------------------------------------------------

class Stream:
    """A client of /v1/events/stream, written from the specification of server-sent events."""

    def __init__(self, service, last=None, query=""):
        self.link = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        self.link.request("GET", "/v1/events/stream" + query,
                          headers={} if last is None else {"Last-Event-ID": str(last)})
        self.reply = self.link.getresponse()
        assert self.reply.status == 200, self.reply.read()
        assert self.reply.headers["Content-Type"] == "text/event-stream"

    def __iter__(self):
        """(name, id, data) of each event, until the stream ends."""
        name, number, data = "message", None, []
        while True:
            line = self.reply.readline().decode()
            if not line:
                return
            line = line.rstrip("\n")
            if not line:
                if data:
                    yield name, number, json.loads("\n".join(data))
                name, data = "message", []
            elif not line.startswith(":"):
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    number = int(value)
                elif field == "data":
                    data.append(value)

    def close(self):
        self.link.close()


def test_stream_across_a_restart(world):
    service = world.service
    seen, names = [], []
    stream = Stream(service, query="?after=0")
    head = service.good("/v1/status")["head"]
    assert head > 3
    for _, number, event in stream:
        assert number == event["seq"]
        seen.append(event)
        if number == head // 2:
            break
    stream.close()
    stream = Stream(service, last=seen[-1]["seq"], query="?after=0")
    events = iter(stream)
    while seen[-1]["seq"] < head:
        seen.append(next(events)[2])
    assert service.stop() == 0
    names = [(name, data["type"]) for name, _, data in events]
    assert names == [("end", "/docs/errors#stopping")]
    service.start()
    stream = Stream(service, last=seen[-1]["seq"])
    service.register([key_address(77)])  # no history, no event
    retired = service.ask("DELETE", "/v1/addresses/" + A)
    assert retired.status == 204
    stream.close()
    assert seen == service.events()[:len(seen)]
    assert [e["seq"] for e in seen] == list(range(1, head + 1))
    assert {e["deposit"]["address"] for e in seen if "deposit" in e} <= {A, B, C}


def test_stream_refuses(world):
    service = world.service
    head = service.good("/v1/status")["head"]
    wrong = service.get("/v1/events/stream?after=%d" % (head + 1))
    assert problem(wrong, 409)["type"].endswith("#cursor-beyond-head")
    assert problem(service.get("/v1/events/stream?feed=x"), 409)["type"].endswith("#feed-changed")
    problem(service.get("/v1/events/stream?types=x"), 400)
    problem(service.get("/v1/events/stream", headers={"Last-Event-ID": "-1"}), 400)
