"""The relay: a node to programs, a firewall before the node."""

import asyncio
import base64
import contextlib
import json
import os
import random
import socket

import pytest
import websockets

from bank import STRANGER, Client, hex_of, wait_state, world  # noqa: F401 (a fixture)
from harness import PATIENCE, Service, SimNode, eventually, free_port, write_token
from stegos import bech32, framing, protobuf

FRAMES = int(os.environ.get("HOTSIDE_FUZZ_FRAMES", "2000"))
SEED = int(os.environ.get("HOTSIDE_SEED", random.SystemRandom().randrange(1 << 32)))


def test_a_program_written_for_a_node_is_served(world):
    service, node, bank = world
    coin = bank.coin()
    tx = bank.pay(coin)

    async def talk():
        async with Client(service) as client:
            assert (await client.ask(type="version_info", id=1))["version"].startswith("hotside ")
            assert await client.ask(type="chain_name", id=2) == {"type": "chain_name", "name": "dev", "id": 2}
            status = await client.ask(type="status_info")
            assert "id" not in status and status["is_synchronized"] is True
            assert len(status["local_timestamp"]) == len("2019-12-01T17:24:53.459Z")
            outputs = await client.ask(type="outputs_list", utxos=[coin.id().hex()] * 2, id=3)
            assert outputs == {"type": "outputs_list", "id": 3,
                               "utxos": [protobuf.encode_output(coin).hex()] * 2}
            missing = await client.ask(type="outputs_list", utxos=["ab" * 32], id=4)
            assert missing["type"] == "error" and missing["id"] == 4 and "ab" * 6 in missing["error"]
            reply = await client.ask(type="broadcast_transaction", data=hex_of(tx), id=(1 << 64) - 1)
            assert reply == {"type": "broadcast_transaction", "hash": tx.hash().hex(),
                             "status": {"status": "accepted"}, "id": (1 << 64) - 1}
            refused = await client.ask(type="pop_micro_block", id=6)
            assert refused["type"] == "error" and refused["id"] == 6 and refused["error"]
    asyncio.run(talk())
    node.do("seal")
    wait_state(service, tx.hash().hex(), "committed")


def test_the_relay_says_nothing_to_a_wrong_token(world):
    service, _, _ = world

    async def talk(send):
        async with Client(service, os.urandom(16) if send is None else None) as client:
            if send is None:
                await client.send('{"type":"version_info","id":1}')
            else:
                await client.socket.send(send)
            with pytest.raises(websockets.exceptions.ConnectionClosed) as why:
                await asyncio.wait_for(client.socket.recv(), PATIENCE)
            assert why.value.rcvd is None  # not even a Close frame
    for send in (None, "", "AAAA", b"\1\2", "no base64!", framing.encode(service.relay_token, "{]}"),
                 framing.encode(service.relay_token, '{"type":"version_info","id":"1"}'),
                 framing.encode(service.relay_token, '{"type":"version_info","id":1,"id":2}')):
        asyncio.run(talk(send))


def short_address():
    """Right prefix and checksum, 31 bytes: a node aborts on it."""
    number = int.from_bytes(b"\1" * 31, "big") << 2
    data = [number >> 5 * i & 31 for i in reversed(range(50))]
    check = bech32._polymod(bech32._expand("dev") + data + [0] * 6) ^ 1
    data += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return "dev1" + "".join(bech32._CHARSET[v] for v in data)


def hostile_requests():
    """Protocol 1.6, and every other call of a node."""
    short = short_address()
    make = {"type": "create_raw_transaction", "txins": ["00" * 32], "secret_key": [1] * 32, "fee": 1000,
            "txouts": [{"output_type": "payment", "recipient": STRANGER, "amount": 1, "comment": ""}]}
    yield dict(make, fee=-1)
    yield dict(make, txouts=[dict(make["txouts"][0], amount=-1)])
    yield dict(make, txouts=[dict(make["txouts"][0], comment="x" * 883)])
    yield dict(make, txouts=[dict(make["txouts"][0], recipient=short)])
    yield make
    yield {"type": "public_payment_info", "pkey": short}
    yield {"type": "validate_certificate", "output_hash": "00" * 32, "spender": short, "recipient": short,
           "rvalue": "00" * 32}
    for kind in ("pop_micro_block", "pop_microblock", "subscribe_chain", "subscribe_status", "macro_block_info",
                 "micro_block_info", "unseal", "accounts_info", "connected_nodes_request", "election_info",
                 "escrow_info", "send", "publish", "enable_restaking", "no_such_call"):
        yield {"type": kind, "epoch": 0, "offset": 0, "account_id": "1"}
    yield {"type": "outputs_list", "utxos": ["ab"]}
    yield {"type": "outputs_list", "utxos": "00" * 32}
    yield {"type": "broadcast_transaction", "data": "ff" * 40}
    yield {"type": "broadcast_transaction", "data": ""}
    yield {"type": "broadcast_transaction"}


def fuzzed(dice, token):
    """One frame: a damaged request under the right token, or damaged bytes."""
    seeds = [json.dumps(r) for r in hostile_requests()] + ['{"type":"status_info","id":1}',
                                                          '{"type":"outputs_list","utxos":[]}']
    text = bytearray(dice.choice(seeds).encode())
    for _ in range(dice.randrange(4)):
        at = dice.randrange(len(text))
        text[at:at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    if dice.random() < 0.8:
        return framing.encode(token, b"{" + bytes(text[1:-1]) + b"}")
    return base64.b64encode(dice.randbytes(dice.randrange(40))).decode()


def test_nothing_dangerous_reaches_the_node(world):
    """The simulated node counts what would abort a real one; the relay goes on serving meanwhile."""
    service, node, _ = world
    print("HOTSIDE_SEED=%d HOTSIDE_FUZZ_FRAMES=%d" % (SEED, FRAMES))
    dice = random.Random(SEED)
    height = node.do("height")

    async def hostile():
        async with Client(service) as client:
            for n, request in enumerate(hostile_requests(), 1):
                reply = await client.ask(**request, id=n)
                assert (reply["type"], reply["id"]) == ("error", n), (request, reply)
    asyncio.run(hostile())

    async def flood():
        left = FRAMES
        while left > 0:
            async with Client(service) as client:
                try:
                    while left > 0:
                        left -= 1
                        await client.socket.send(fuzzed(dice, service.relay_token))
                        if left % 50 == 0:
                            while True:
                                await asyncio.wait_for(client.socket.recv(), 0.01)
                except (asyncio.TimeoutError, websockets.exceptions.ConnectionClosed):
                    pass
    asyncio.run(flood())
    assert node.do("fatal") == ["ok fatal 0"]
    assert node.do("height") == height

    async def still():
        async with Client(service) as client:
            assert (await client.ask(type="version_info", id=1))["id"] == 1
    asyncio.run(still())
    assert service.alive()


def test_a_port_probe_ends_at_the_relay(where):
    """A dev node aborts on a connection without a handshake. Nor may broken WebSocket frames stop the relay."""
    dice = random.Random(SEED)
    print("HOTSIDE_SEED=%d" % SEED)
    port, token = free_port(), write_token(where / "relay.token", os.urandom(16))
    upgrade = (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")

    def frame():
        size = dice.choice([0, 125, 126, 1 << 16, 5 << 20, (1 << 63) - 1, (1 << 64) - 1])
        mask = dice.choice([0, 0x80])
        head = bytes([mask | size]) if size < 126 else (
            bytes([mask | 126]) + size.to_bytes(2, "big") if size < 1 << 16 else
            bytes([mask | 127]) + size.to_bytes(8, "big"))
        return dice.randbytes(1) + head + dice.randbytes(dice.randrange(200))

    def hostile():
        return dice.choice([
            lambda: b"", lambda: dice.randbytes(dice.randrange(300)), lambda: upgrade[:dice.randrange(len(upgrade))],
            lambda: b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
            lambda: b"GET / HTTP/1.1\r\nA: " + b"b" * 40_000 + b"\r\n\r\n",
            lambda: upgrade + b"\r\n" + b"".join(frame() for _ in range(3))])()
    with SimNode(where, "dev") as node:
        with Service(where, [(node.endpoint, node.token_file)],
                     relay={"listen": "127.0.0.1:%d" % port, "token_file": str(token)}) as service:
            eventually(lambda: service.through(), "the first blocks")
            for _ in range(200):
                with socket.create_connection(("127.0.0.1", port), PATIENCE) as probe:
                    with contextlib.suppress(OSError):
                        probe.sendall(hostile())
            service.relay_port, service.relay_token = port, base64.b64decode(token.read_text())

            async def still():
                async with Client(service) as client:
                    assert (await client.ask(type="version_info", id=1))["id"] == 1
            asyncio.run(still())
            assert node.do("fatal") == ["ok fatal 0"]
