"""Clients that mean harm: nothing crashes, memory stays bounded, honest clients are answered."""

import http.client
import random
import resource
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

import harness
from harness import Service, eventually, free_port
from test_api import _as, _tokens, problem

MALFORMED = 20_000
CLIENTS = 8
MEMORY_MAX = 256 << 20  # bytes the service may hold in the end
GENEROUS = 5.0  # seconds; the measured figure is printed


def resident(process):
    for line in Path("/proc/%d/status" % process.pid).read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


GOOD = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
FRAMINGS = [b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 4", b"Transfer-Encoding:\x0bchunked",
            b"Content-Length: 4\r\nContent-Length: 5", b"Content-Length: 1e3", b"Content-Length: ",
            b"X: a\r\n b", b"X: a\nY: b", b"X\0: a", b"X: \0", b"Transfer-Encoding: identity",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"Host: other"]


def malformed(rng):
    """One request that is wrong in one of many ways, always followed by a hidden good one."""
    kind = rng.randrange(9)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 2000)) + b"\r\n\r\n"
    if kind == 1:
        return b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + rng.choice(FRAMINGS) + b"\r\n\r\n" + GOOD
    if kind == 2:
        return (b"POST /v1/addresses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" + rng.choice([b"zz", b"-1", b"ffffffffffffffffff",
                                                                    b"5\rx", b"4;" + b"x" * 900]) + b"\r\n" + GOOD)
    if kind == 3:  # flipped bits in a good request
        bytes_ = bytearray(GOOD)
        for _ in range(rng.randrange(1, 4)):
            bytes_[rng.randrange(len(bytes_))] ^= 1 << rng.randrange(8)
        return bytes(bytes_)
    if kind == 4:
        return GOOD[:rng.randrange(len(GOOD))]
    if kind == 5:
        method = rng.choice([b"BREW", b"CONNECT", b"TRACE", b"get", b"G\xc3\xa9T", b""])
        return method + b" /v1/status HTTP/" + rng.choice([b"1.1", b"2.0", b"0.9", b"1.x"]) + b"\r\n\r\n"
    if kind == 6:
        target = rng.choice([b"/%", b"/%zz", b"/../../etc/passwd", b"/dashboard/%2e%2e%2fx", b"*", b"//", b"\\",
                             b"/v1/events?after=%00", b"/v1/deposits?limit=1&limit=2", b"/v1/events?wait=1e9",
                             b"http://a@b/", b"/" + b"a/" * 400, b"/?" + b"&".join([b"a=%d" % i for i in range(90)])])
        return b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    if kind == 7:
        return (b"POST /v1/addresses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % rng.choice([1, 5, 1 << 40])) + rng.randbytes(5)
    return b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * rng.randrange(66_000, 90_000) + b"\r\n\r\n"


def attack(port, count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        try:
            with socket.create_connection(("127.0.0.1", port), 60) as link:
                link.sendall(malformed(rng))
                link.settimeout(0.2)
                if rng.random() < 0.2:
                    link.shutdown(socket.SHUT_WR)
                    link.recv(65536)
        except OSError:
            continue  # cut, as it should be


def latencies(service, until):
    """What an honest client waits for /v1/status meanwhile, in seconds."""
    found = []
    while not until() or not found:
        began = time.monotonic()
        assert service.get("/v1/status").status == 200
        found.append(time.monotonic() - began)
        time.sleep(0.02)
    return sorted(found)


def test_twenty_thousand_malformed_requests(where, token_file):
    nowhere = "ws://127.0.0.1:%d" % free_port()
    with Service(where, [(nowhere, token_file)]) as service:
        share = MALFORMED // CLIENTS
        attackers = [threading.Thread(target=attack, args=(service.port, share, seed))
                     for seed in range(CLIENTS)]
        for attacker in attackers:
            attacker.start()
        found = latencies(service, lambda: not any(a.is_alive() for a in attackers))
        memory = resident(service.program.process)
        middle, worst = statistics.median(found), found[-1]
        print("honest client: median %.1f ms, 99%% %.1f ms, worst %.1f ms of %d; %d MiB" % (
            middle * 1e3, found[len(found) * 99 // 100] * 1e3, worst * 1e3, len(found), memory >> 20))
        assert middle < GENEROUS and memory < MEMORY_MAX
        assert service.program.process.poll() is None
        assert service.stop() == 0


def test_slow_and_flooding_clients(where, token_file):
    nowhere = "ws://127.0.0.1:%d" % free_port()
    with Service(where, [(nowhere, token_file)]) as service:
        def connect():
            return socket.create_connection(("127.0.0.1", service.port), 60)
        # Slow headers, slow bodies, silence, pipelines that are never read, streams never read.
        held = []
        for start in (b"GET /healthz HTTP/1.1\r\nX: ", b"", GOOD[:-2],
                      b"POST /v1/addresses HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 8000000\r\n\r\n["):
            for _ in range(50):
                held.append(connect())
                held[-1].sendall(start)
        for _ in range(50):
            held.append(connect())
            held[-1].setblocking(False)
            try:
                for _ in range(2000):
                    held[-1].send(GOOD * 100)
            except OSError:
                pass  # the server reads no more than it answers
        deadline = time.monotonic() + 3
        found = latencies(service, lambda: time.monotonic() > deadline)
        memory = resident(service.program.process)
        print("honest client: median %.1f ms, worst %.1f ms; %d MiB" % (
            statistics.median(found) * 1e3, found[-1] * 1e3, memory >> 20))
        assert statistics.median(found) < GENEROUS and memory < MEMORY_MAX
        # Within its deadline each of the slow ones is cut.
        for link in held[:200]:
            link.settimeout(600)
            try:
                while link.recv(65536):
                    pass
            except ConnectionResetError:
                pass
        for link in held:
            link.close()
        assert service.get("/v1/status").status == 200
        assert service.stop() == 0


def silent(port, count):
    """So many strangers who say nothing, or only half a thing."""
    links = []
    for i in range(count):
        links.append(socket.create_connection(("127.0.0.1", port), 60))
        try:
            links[-1].sendall(GOOD[:i % 3 * 20])
        except OSError:
            pass  # it had to give way already
    return links


def test_strangers_who_take_all_connections_keep_no_caller_out(where, token_file):
    tokens = _tokens(where / "tokens.toml", reader="read")
    nowhere = "ws://127.0.0.1:%d" % free_port()
    with Service(where, [(nowhere, token_file)],
                 http={"tokens_file": str(tokens), "max_connections": 100}) as service:
        kept = http.client.HTTPConnection("127.0.0.1", service.port, timeout=harness.PATIENCE)

        def ask():
            began = time.monotonic()
            kept.request("GET", "/v1/status", **_as("reader"))
            reply = kept.getresponse()
            assert reply.read() and reply.status == 200
            return time.monotonic() - began
        ask()
        first = kept.sock
        strangers = silent(service.port, 300)
        waits = []
        for _ in range(20):
            began = time.monotonic()
            assert service.get("/v1/status", **_as("reader")).status == 200
            waits.append(time.monotonic() - began)
            waits.append(ask())
            strangers += silent(service.port, 10)
        assert kept.sock is first, "the connection of a known caller is not the one that gives way"
        print("callers among strangers: worst %.1f ms" % (max(waits) * 1e3))
        assert max(waits) < GENEROUS
        for link in strangers:
            link.close()
        assert service.stop() == 0


def test_few_open_files_are_enough(where, token_file):
    """The soft limit that a shell gives is raised; where the hard one is low, connections give way to it."""
    nowhere = "ws://127.0.0.1:%d" % free_port()
    for limit in ((128, 4096), (320, 320)):
        service = Service(where, [(nowhere, token_file)], name="files-%d" % limit[1])
        with open(where / "files.err", "ab") as err:
            process = subprocess.Popen(
                [str(harness.BINARY), "serve", "--config", str(service.config)], stderr=err, stdout=err,
                env=harness.clean_environment(),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
        try:
            eventually(service.alive, "/healthz", alive=process)
            strangers = silent(service.port, 500)
            began = time.monotonic()
            assert service.get("/v1/status").status == 200
            assert time.monotonic() - began < GENEROUS
            for link in strangers:
                link.close()
        finally:
            process.terminate()
            assert process.wait(harness.PATIENCE) == 0


# What each role may do, as product.md says: (method, path, roles that may).
ALL = {"read", "manage", "relay", "admin"}
MATRIX = [
    ("GET", "/v1/status", ALL), ("GET", "/v1/addresses", ALL), ("GET", "/v1/deposits", ALL),
    ("GET", "/v1/events", ALL), ("GET", "/v1/audit", ALL), ("GET", "/v1/violations", ALL),
    ("POST", "/v1/addresses", {"manage", "admin"}), ("DELETE", "/v1/addresses/x", {"manage", "admin"}),
    ("DELETE", "/v1/violations", {"admin"}),
]


def test_no_role_leaks_into_another(where, token_file):
    tokens = _tokens(where / "tokens.toml", read="read", manage="manage", relay="relay", admin="admin")
    nowhere = "ws://127.0.0.1:%d" % free_port()
    with Service(where, [(nowhere, token_file)], http={"tokens_file": str(tokens)}) as service:
        for method, path, allowed in MATRIX:
            body = None if method == "GET" else {}
            problem(service.ask(method, path, body), 401)
            for role in sorted(ALL):
                status = service.ask(method, path, body, **_as(role)).status
                assert (status != 403) == (role in allowed), (method, path, role, status)
                assert status < 500 and status != 401
        # One connection, several callers: each request stands for itself.
        link = http.client.HTTPConnection("127.0.0.1", service.port, timeout=harness.PATIENCE)
        for token, want in (("admin", 200), ("", 401), ("read", 200), ("wrong", 401), ("relay", 200)):
            link.request("GET", "/v1/status", headers=_as(token)["headers"] if token else {})
            reply = link.getresponse()
            reply.read()
            assert reply.status == want and not reply.will_close, token
        link.close()
