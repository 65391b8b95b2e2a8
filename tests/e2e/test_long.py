"""A long history in quick succession: thousands of blocks, hundreds of epochs, forks, lost connections, requests
of every kind, streams, long polls and webhooks that come and go. The memory of the service must not grow with it.

What grows for a good reason is told apart: the page caches of the store (bounded, `docs/limits.md`) have their own
metric. The rest of the heap is counted to the byte, so a leak of a few hundred bytes a block or a request shows.
"""

import asyncio
import base64
import os
import socket
from pathlib import Path

from bank import STRANGER, Client
from harness import Service, SimNode, eventually, free_port, write_token
from receiver import Receiver

ROUNDS = 160 * int(os.environ.get("HOTSIDE_LONG", "1"))
EPOCHS = 4  # of a round
LEAK = 150  # bytes a block, or a request, that are noticed
SLACK = 128 << 10  # bytes of what happens to be under way
RESIDENT_SLACK = 16 << 20  # fragments of the heap
FDS_SLACK = 8

EPOCH = ["pay own1 5000000 2", "pay-many 3", "grow", "pay own2 7", "grow", "fork 1 keep", "spend own1 1000000",
         "grow", "fork 2 move", "seal"]
BLOCKS = 8  # new ones that each EPOCH shows, those of its forks too


def blocks_of(rounds):
    return rounds * EPOCHS * BLOCKS


class Life:
    """Everything that clients do to the service, counted."""

    def __init__(self, service, own, hook_url):
        self.service, self.own, self.hook_url = service, own, hook_url
        self.requests = 0

    def ask(self, method, path, want, body=None, **headers):
        reply = self.service.ask(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        self.requests += 1
        assert reply.status in want, "%s %s: %r" % (method, path, reply)
        return reply

    def read(self):
        deposit = self.ask("GET", "/v1/deposits?limit=1", (200,)).json["deposits"][0]
        for path in ("/", "/healthz", "/metrics", "/openapi.json", "/docs/limits.md", "/v1/status",
                     "/v1/addresses", "/v1/addresses/" + self.own[0], "/v1/references/one?limit=5",
                     "/v1/deposits?state=committed&limit=50", "/v1/deposits/" + deposit["id"],
                     "/v1/deposits?address=%s&limit=10" % self.own[1], "/v1/utxos?limit=20", "/v1/bundles",
                     "/v1/transactions", "/v1/events?limit=100", "/v1/checkpoints/1", "/v1/audit?limit=50",
                     "/v1/violations", "/v1/certificates?limit=10", "/v1/webhooks"):
            self.ask("GET", path, (200,))
        self.ask("GET", "/readyz", (200, 503))
        for path in ("/v1/nothing", "/v1/deposits/" + "0" * 64 + "-1", "/v1/bundles/no", "/v1/webhooks/no"):
            self.ask("GET", path, (400, 404))
        self.ask("GET", "/v1/events?after=x", (400,))
        self.ask("POST", "/v1/status", (405,), {})

    def write(self, round_):
        key = "round-%d" % round_
        self.ask("POST", "/v1/addresses", (200, 201), {"addresses": [{"address": a} for a in self.own]},
                 Idempotency_Key=key)
        self.ask("POST", "/v1/addresses/import", (200,), "address,reference\n%s,one\nbad,two\n" % self.own[0],
                 Content_Type="text/csv")
        self.ask("POST", "/v1/addresses", (400,), "{", Content_Type="application/json")
        self.ask("PATCH", "/v1/addresses/" + self.own[0], (200,), {"label": "round %d" % round_})
        utxo = self.ask("GET", "/v1/deposits?limit=1", (200,)).json["deposits"][0]["utxo"]
        self.ask("POST", "/v1/outputs", (200,), {"utxos": [utxo]})
        self.ask("POST", "/v1/outputs", (404, 503), {"utxos": ["%064x" % round_]})
        self.ask("POST", "/v1/transactions", (400, 422), {"data": "00"})
        made = self.ask("POST", "/v1/bundles", (201, 409, 422), {"outputs": [{"recipient": STRANGER, "amount": 1000}]},
                        Idempotency_Key="bundle-" + key)
        if made.status == 201:
            self.ask("DELETE", "/v1/bundles/" + made.json["id"], (200, 204))
        self.ask("POST", "/v1/hold", (201,), {"reason": key})
        self.ask("DELETE", "/v1/hold", (200, 204))

    def hooked(self):
        hook = self.ask("POST", "/v1/webhooks", (201,), {"url": self.hook_url, "allow_private": True,
                                                        "events": ["deposit.prepared", "deposit.committed"]}).json["id"]
        self.ask("GET", "/v1/webhooks/%s/deliveries" % hook, (200,))
        self.ask("POST", "/v1/webhooks/%s/redeliver" % hook, (200, 202), {"seq": 1})
        return hook

    def come_and_go(self):
        """A stream and a long poll that hang up, a request that ends in its middle."""
        for head in ("GET /v1/events/stream?after=0", "GET /v1/events?wait=60&after=%d" % self.head()):
            with socket.create_connection(("127.0.0.1", self.service.port), 60) as link:
                link.sendall(head.encode() + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if "stream" in head:
                    assert link.recv(65536).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", self.service.port), 60) as link:
            link.sendall(b"POST /v1/addresses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
        self.requests += 3

    def head(self):
        return self.service.good("/v1/status")["head"]

    def relay(self):
        async def talk():
            async with Client(self.service) as client:
                for kind in ("version_info", "chain_name", "status_info", "pop_micro_block"):
                    await client.ask(type=kind, id=1)
                await client.ask(type="outputs_list", utxos=["ab" * 32], id=2)
        asyncio.run(talk())
        self.requests += 5

    def memory(self):
        """(heap without the store's, resident anonymous without the store's, descriptors), in bytes."""
        text = self.service.get("/metrics").body.decode()
        now = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
        store = float(now["hotside_store_memory_bytes"])
        status = Path("/proc/%d/status" % self.service.program.process.pid).read_text()
        anonymous = int(status.split("RssAnon:")[1].split()[0]) * 1024
        return (float(now["process_heap_bytes"]) - store, anonymous - store, float(now["process_open_fds"]), store)


def caught_up(service, node):
    epoch, offset, hash_ = node.do("height")[0].split()[1:]
    eventually(lambda: (service.through() or {}).get("block_hash") == hash_, "block %s of epoch %s" % (offset, epoch),
               300, service.program.process)


def live(life, node):
    """All rounds; what was measured at the end of each."""
    seen, old_hook = [], None
    for round_ in range(ROUNDS):
        node.do(*EPOCH * EPOCHS)
        if round_ % 4 == 3:
            node.do("reset" if round_ % 16 == 15 else "close")
        life.come_and_go()
        life.relay()
        hook = life.hooked() if round_ % 2 else None
        caught_up(life.service, node)
        life.write(round_)
        for _ in range(3):
            life.read()
        if hook:
            if old_hook:
                life.ask("DELETE", "/v1/webhooks/" + old_hook, (200, 204))
            old_hook = hook
        seen.append(life.memory())
    return seen


def test_memory_does_not_grow_with_time(where):
    relay_port = free_port()
    token = write_token(where / "relay.token", os.urandom(16))
    with Receiver() as receiver, SimNode(where, "1.2.2", "epoch-length 6\n") as node:
        own = node.addresses()[:2]
        service = Service(where, [(node.endpoint, node.token_file)], log={"level": "warn"},
                          relay={"listen": "127.0.0.1:%d" % relay_port, "token_file": str(token)}).start()
        service.relay_port, service.relay_token = relay_port, base64.b64decode(token.read_text())
        try:
            service.register(own, reference="one")
            node.do(*EPOCH)
            caught_up(service, node)
            life = Life(service, own, receiver.url)
            seen = live(life, node)
            requests, quarter = life.requests, ROUNDS // 4
            most = [[max(column) for column in zip(*seen[at:at + quarter], strict=True)]
                    for at in range(0, ROUNDS, quarter)]
            print("%d blocks, %d epochs, %d requests" % (blocks_of(ROUNDS), ROUNDS * EPOCHS, requests))
            for heap, resident, fds, store in most:
                print("heap %.0f KiB, resident %.1f MiB, %d descriptors; store %.1f MiB" % (
                    heap / 1024, resident / (1 << 20), fds, store / (1 << 20)))
            (_, early, _, late) = most
            half = min(blocks_of(ROUNDS), requests) / 2
            assert late[0] < early[0] + LEAK * half + SLACK, "the heap grows"
            assert late[1] < early[1] + LEAK * half + RESIDENT_SLACK, "resident memory grows"
            assert late[2] < early[2] + FDS_SLACK, "descriptors are not given back"
            assert service.stop() == 0
        finally:
            service.kill()
