"""Own coins of a simulated node, signed for without the program, and what becomes of their transactions."""

import asyncio
import base64
import json
from pathlib import Path

import pytest
import websockets

from harness import PATIENCE, eventually
from stegos import bech32, framing, payments, protobuf

STRANGER = bech32.encode("dev", payments.public_key(4711))
FEE = 1000


class Bank:
    """Own coins of a simulated node, and a signer that has never heard of the program."""

    def __init__(self, service, node):
        self.service, self.node = service, node
        self.address = node.addresses()[0]
        secret = node.do("secrets")[0].split()[1]
        self.secret = int.from_bytes(bytes.fromhex(secret), "little")
        service.register([self.address])

    def coin(self, amount=5_000_000):
        """The blob of a new final output of ours."""
        utxo = self.node.do("pay own1 %d" % amount, "seal")[0].split()[1]
        eventually(lambda: any(d["utxo"] == utxo and d["state"] == "committed"
                               for d in self.service.deposits().values()), "the coin to be final")
        reply = self.service.ask("POST", "/v1/outputs", {"utxos": [utxo]})
        assert reply.status == 200, reply
        return protobuf.decode_output(bytes.fromhex(reply.json["outputs"][0]["blob"]))

    def pay(self, coin, to=STRANGER, fee=FEE, **changed):
        out = payments.public_output(bech32.decode(to, "dev"), coin.amount - fee)
        return payments.pay(self.secret, [coin], [out], fee)


def hex_of(tx):
    return protobuf.encode_payment(tx).hex()


def post(service, tx, **kw):
    return service.ask("POST", "/v1/transactions", {"data": tx if isinstance(tx, str) else hex_of(tx)}, **kw)


def state(service, hash_):
    return service.good("/v1/transactions/" + hash_)["state"]


def wait_state(service, hash_, want, timeout=PATIENCE):
    eventually(lambda: state(service, hash_) == want, "%s to be %s" % (hash_, want), timeout,
               service.program.process)


def told(service, hash_):
    """What the feed says of one transaction, in order; each event carries the transaction as it was then."""
    found = []
    for event in service.events():
        if event.get("transaction", {}).get("hash") == hash_:
            kind = event["type"].partition(".")[2]
            if kind != "reverted":
                assert event["transaction"]["state"] == kind, event
            found.append(kind)
    return found


class Client:
    """A program written for a node: one connection, requests with ids."""

    def __init__(self, service, token=None):
        self.uri = "ws://127.0.0.1:%d" % service.relay_port
        self.token = token or service.relay_token

    @classmethod
    def of_node(cls, node):
        client = cls.__new__(cls)
        client.uri, client.token = node.endpoint, base64.b64decode(Path(node.token_file).read_text())
        return client

    async def __aenter__(self):
        self.socket = await websockets.connect(self.uri, max_size=None, ping_interval=None,
                                               open_timeout=PATIENCE, compression=None)
        return self

    async def __aexit__(self, *_):
        self.socket.transport.close()

    async def send(self, text):
        await self.socket.send(framing.encode(self.token, text))

    async def recv(self):
        return json.loads(framing.decode(self.token, await asyncio.wait_for(self.socket.recv(), PATIENCE)))

    async def ask(self, **request):
        await self.send(json.dumps(request))
        return await self.recv()


@pytest.fixture
def world(relayed):
    service, node = relayed
    return service, node, Bank(service, node)
