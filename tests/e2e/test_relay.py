"""Signed transactions from the first byte to the final block, and the relay as a firewall before a node."""

import asyncio
import base64
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import websockets

from harness import PATIENCE, REPO, Program, Service, SimNode, eventually, free_port, run, write_token
from stegos import bech32, framing, payments, protobuf

FRAMES = int(os.environ.get("HOTSIDE_FUZZ_FRAMES", "2000"))
SEED = int(os.environ.get("HOTSIDE_SEED", random.SystemRandom().randrange(1 << 32)))
STRANGER = bech32.encode("dev", payments.public_key(4711))
FEE = 1000
SIGN = REPO / "examples/cold/sign.py"


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


@pytest.fixture
def world(where):
    relay_port = free_port()
    token = write_token(where / "relay.token", os.urandom(16))
    with SimNode(where, "1.2.2") as node:
        with Service(where, [(node.endpoint, node.token_file)],
                     relay={"listen": "127.0.0.1:%d" % relay_port, "token_file": str(token)}) as service:
            eventually(lambda: service.through(), "the first blocks")
            service.relay_port, service.relay_token = relay_port, base64.b64decode(token.read_text())
            yield service, node, Bank(service, node)


def test_to_committed_with_a_fork_in_between(world):
    service, node, bank = world
    tx = bank.pay(bank.coin())
    reply = post(service, tx)
    assert reply.status == 201, reply
    body, hash_ = reply.json, tx.hash().hex()
    assert (body["hash"], body["state"], body["fee"], body["attempts"]) == (hash_, "accepted", FEE, 1), body
    assert body["inputs"] == [i.hex() for i in tx.txins]
    assert body["outputs"] == [{"utxo": o.id().hex(), "recipient": STRANGER, "amount": o.amount}
                               for o in tx.txouts]
    again = post(service, {"type": "create_raw_transaction", "data": hex_of(tx), "id": 3,
                           "txouts": [o.id().hex() for o in tx.txouts]}["data"])
    assert (again.status, again.json["hash"]) == (200, hash_)
    node.do("grow")
    wait_state(service, hash_, "prepared")
    node.do("fork 1 drop")
    wait_state(service, hash_, "accepted")
    assert post(service, tx).status == 200
    # Out and in again: what is not in a block is sent again by itself, at the latest on a new connection.
    node.do("reset")
    eventually(lambda: node.do("mempool")[0] == "ok 1", "the transaction to be sent again")
    node.do("grow")
    wait_state(service, hash_, "prepared")
    node.do("seal")
    wait_state(service, hash_, "committed")
    assert told(service, hash_) == ["accepted", "prepared", "reverted", "prepared", "committed"]
    listed = service.good("/v1/transactions?state=committed&limit=1")
    assert [t["hash"] for t in listed["transactions"]] == [hash_] and listed["next"] is None
    assert service.good("/v1/transactions?state=unknown")["transactions"] == []


def test_a_conflicting_spend_is_final(world):
    service, node, bank = world
    coin = bank.coin()
    first, second = bank.pay(coin), bank.pay(coin, to=bank.address)
    node.do("broadcasts unanswered")
    reply = post(service, first)
    assert (reply.status, reply.json["state"]) == (201, "unknown"), reply
    # What waited is lost with the mempool. In this order: after the reset the service comes back at once.
    node.do("unsync on", "broadcasts honest", "reset")
    reply = post(service, second)
    assert reply.json["state"] == "unknown", reply
    node.do("unsync off")
    eventually(lambda: {state(service, t.hash().hex()) for t in (first, second)} & {"accepted"}, "one to win")
    node.do("seal")
    hashes = [t.hash().hex() for t in (first, second)]
    eventually(lambda: sorted(state(service, h) for h in hashes) == ["committed", "conflicted"], "an end")
    lost = next(h for h in hashes if state(service, h) == "conflicted")
    assert "was spent by another" in service.good("/v1/transactions/" + lost)["error"]
    node.do("seal")
    assert told(service, lost)[-1] == "conflicted"


def test_rejected_and_mined_all_the_same(world):
    service, node, bank = world
    tx = bank.pay(bank.coin())
    node.do("broadcasts rejected")
    reply = post(service, tx)
    assert (reply.status, reply.json["state"]) == (201, "rejected"), reply
    assert "mempool is full" in reply.json["error"]
    node.do("grow")
    wait_state(service, reply.json["hash"], "prepared")
    node.do("fork 1 drop")
    wait_state(service, reply.json["hash"], "rejected")
    node.do("broadcasts honest", "reset")
    wait_state(service, reply.json["hash"], "accepted")
    node.do("seal")
    wait_state(service, reply.json["hash"], "committed")


def test_a_restart_goes_on(world):
    service, node, bank = world
    tx = bank.pay(bank.coin())
    node.do("unsync on")
    assert post(service, tx).json["state"] == "unknown"
    service.kill()
    service.start()
    node.do("unsync off")
    hash_ = tx.hash().hex()
    wait_state(service, hash_, "accepted")
    service.kill()
    node.do("seal", "seal", "seal", "grow 20")
    service.start()
    wait_state(service, hash_, "committed")
    # Not "rejected" between: it is sent again only when what the node has mined is known.
    assert told(service, hash_) == ["unknown", "accepted", "committed"]


def test_one_that_somebody_else_has_sent(world):
    """It stands in a micro block before it is given to the service."""
    service, node, bank = world
    tx = bank.pay(bank.coin(), to=bank.address)

    async def broadcast():
        async with Client.of_node(node) as client:
            await client.send(json.dumps({"type": "broadcast_transaction", "data": hex_of(tx), "id": 1}))
            while (await client.recv()).get("id") != 1:
                pass
    asyncio.run(broadcast())
    node.do("grow")
    made = tx.txouts[0].id().hex()
    eventually(lambda: any(d["utxo"] == made for d in service.deposits().values()), "its block")
    reply = post(service, tx)
    assert (reply.status, reply.json["state"]) == (201, "prepared"), reply
    assert "warning" not in reply.json and {"epoch", "offset"} <= set(reply.json), reply
    hash_ = tx.hash().hex()
    node.do("seal")
    wait_state(service, hash_, "committed")
    assert told(service, hash_) == ["prepared", "committed"]


def test_what_is_certain_to_be_rejected_never_leaves(world):
    service, node, bank = world
    coin = bank.coin()
    good = bank.pay(coin)
    ghost = payments.public_output(bech32.decode(bank.address, "dev"), 5_000_000)
    raw = bytearray.fromhex(hex_of(good))
    raw[-1] ^= 1
    double = payments.pay(bank.secret, [coin, coin], [payments.public_output(b"\0" * 31 + b"\1", 1)], FEE)
    cases = [("zz", 400, "undecodable-transaction"), ("00", 400, "undecodable-transaction"),
             (raw.hex(), 422, "invalid-signature"),
             (bank.pay(coin, fee=FEE - 1), 422, "fee-too-low"),
             (bank.pay(coin, fee=2_000_000), 422, "fee-too-high"),
             (payments.pay(bank.secret, [coin], [payments.public_output(b"\1" * 32, 7)], FEE), 422,
              "unbalanced-transaction"),
             (payments.pay(bank.secret, [coin], good.txouts, FEE, gamma=5), 422, "unbalanced-transaction"),
             (payments.pay(bank.secret + 1, [coin], good.txouts, FEE), 422, "invalid-signature"),
             (bank.pay(ghost), 422, "unknown-input"), (double, 422, "invalid-transaction")]
    for tx, status, kind in cases:
        reply = post(service, tx)
        assert (reply.status, reply.json["type"]) == (status, "/docs/errors#" + kind), (kind, reply)
        if kind == "fee-too-high":
            assert "cold.max_fee" in reply.json["detail"]  # the setting to turn
    assert service.ask("POST", "/v1/transactions", {"data": hex_of(good), "extra": 1}).status == 400
    assert node.do("mempool")[0] == "ok 0"
    assert service.good("/v1/transactions")["transactions"] == []
    key = {"Idempotency-Key": "withdrawal-1"}
    first = post(service, good, headers=dict(key, **{"Content-Type": "application/json"}))
    assert first.status == 201, first
    again = post(service, good, headers=dict(key))
    assert again.whole() == first.whole()
    assert again.headers["Location"] == "/v1/transactions/" + first.json["hash"]
    assert post(service, bank.pay(coin), headers=dict(key)).status == 422
    node.do("seal")
    wait_state(service, first.json["hash"], "committed")
    spent = post(service, bank.pay(coin))
    assert (spent.status, spent.json["type"]) == (422, "/docs/errors#spent-input"), spent


def test_another_signature_is_not_the_same_transaction(world):
    service, node, bank = world
    good = bank.pay(bank.coin())
    assert post(service, good).status == 201
    # The hash does not cover the signature: these bytes have that of the recorded transaction.
    raw = bytearray.fromhex(hex_of(good))
    for bit in (0, 1, 8 * 40):
        raw[-1 - bit // 8] ^= 1 << bit % 8
        reply = post(service, raw.hex())
        assert (reply.status, reply.json["type"]) == (422, "/docs/errors#invalid-signature"), (bit, reply)
        raw[-1 - bit // 8] ^= 1 << bit % 8
    assert post(service, raw.hex()).status == 200
    node.do("seal")
    wait_state(service, good.hash().hex(), "committed")
    assert post(service, good).json["state"] == "committed"


def test_what_cannot_be_checked_holds_no_coin_back(world):
    """One input that only a node could tell of, and no node that does: nobody knows whose signature it is."""
    service, node, bank = world
    coin = bank.coin()
    ghost = payments.public_output(bech32.decode(bank.address, "dev"), 7_000_000)
    out = payments.public_output(bech32.decode(STRANGER, "dev"), coin.amount + ghost.amount - FEE)
    forged = payments.pay(bank.secret + 1, [coin, ghost], [out], FEE)
    before = service.good("/v1/utxos")["utxos"]
    assert len(before) == 1
    node.do("stall 600")
    reply = post(service, forged)
    assert (reply.status, reply.json["type"]) == (503, "/docs/errors#node-unavailable"), reply
    assert ghost.id().hex() in reply.json["detail"]
    assert service.good("/v1/transactions")["transactions"] == []
    assert service.good("/v1/utxos")["utxos"] == before
    # Of outputs that are none of ours nothing is held back: recorded, with a warning, and followed.
    alone = payments.pay(bank.secret, [ghost], [payments.public_output(b"\1" * 32, ghost.amount - FEE)], FEE)
    reply = post(service, alone)
    assert (reply.status, reply.json["state"]) == (201, "unknown"), reply
    assert "the signature is not checked" in reply.json["warning"]


def test_broadcast_follows_across_a_restart(world, where):
    service, node, bank = world
    tx = bank.pay(bank.coin())
    (where / "signed").write_text(json.dumps({"type": "create_raw_transaction", "data": hex_of(tx),
                                              "txouts": [o.id().hex() for o in tx.txouts]}))
    command = Program(["broadcast", where / "signed", "--config", service.config], where, "broadcast")
    try:
        eventually(lambda: "accepted" in command.out.read_text(), "the first state",
                   alive=command.process)
        service.kill()
        service.start()
        node.do("seal")
        eventually(lambda: command.process.poll() is not None, "the command to end")
    finally:
        command.kill()
    assert command.process.returncode == 0, command.err.read_text()
    assert command.out.read_text().splitlines()[-1] == "%s committed" % tx.hash().hex()


def sign(bank, request):
    """What the offline signer makes of one request of a bundle: from its blobs, and nothing else."""
    coins = [protobuf.decode_output(bytes.fromhex(blob)) for blob in request["unspent_list"]]
    assert [c.id().hex() for c in coins] == request["txins"]
    outs = [payments.public_output(bech32.decode(o["recipient"], "dev"), o["amount"])
            for o in request["txouts"]]
    return payments.pay(bank.secret, coins, outs, request["fee"])


def test_a_bundle_signed_offline_and_followed_to_the_end(world):
    service, node, bank = world
    coin = bank.coin()
    order = {"outputs": [{"recipient": STRANGER, "amount": 1_000_000}], "from": [bank.address]}
    reply = service.ask("POST", "/v1/bundles", order, {"Idempotency-Key": "payout-1"})
    assert reply.status == 201, reply
    bundle = reply.json
    stolen = post(service, bank.pay(coin))
    assert (stolen.status, stolen.json["type"]) == (409, "/docs/errors#inputs-reserved"), stolen
    tx = sign(bank, bundle["requests"][0])
    sent = post(service, tx)
    assert (sent.status, sent.json["bundle"], sent.json["state"]) == (201, bundle["id"], "accepted"), sent
    at = "/v1/bundles/" + bundle["id"]
    assert service.good(at)["state"] == "relayed"
    assert service.ask("DELETE", at).status == 409
    node.do("grow", "fork 1 move", "grow")
    wait_state(service, tx.hash().hex(), "prepared")
    node.do("seal")
    wait_state(service, tx.hash().hex(), "committed")
    assert service.good(at)["state"] == "spent"
    change = tx.txouts[-1].id().hex()
    eventually(lambda: any(d["utxo"] == change and d["state"] == "committed"
                           for d in service.deposits().values()), "the change to be a deposit")


def test_the_ceremony_with_the_commands_of_the_manual(world, where):
    """docs/cold-wallet.md from the first step to the last; the simulated node signs as the offline one."""
    service, node, bank = world
    bank.coin()
    bundle, signed, key = where / "bundle.json", where / "signed-1.json", where / "own1.key"
    code, out, err = run(["bundle", "create", "--config", service.config, "--from", bank.address,
                          "--pay", STRANGER + "=1.5", "-o", bundle], where)
    assert code == 0, err
    manifest = json.loads(bundle.read_text())["manifest"]
    code, out, err = run(["bundle", "verify", bundle, "--network", "dev", "--manifest", manifest], where)
    assert code == 0, (out, err)
    key.write_text(node.do("secrets")[0].split()[1])

    def sign(number):
        return subprocess.run([sys.executable, SIGN, bundle, number, "--key-file", key, "--node", node.endpoint,
                               "--token-file", node.token_file, "-o", signed], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
    refused = sign("2")
    assert (refused.returncode, signed.exists()) == (1, False) and "requests 1 to 1" in refused.stderr, refused
    done = sign("1")
    assert done.returncode == 0, done
    command = Program(["broadcast", signed, "--config", service.config], where, "broadcast")
    try:
        eventually(lambda: "accepted" in command.out.read_text(), "the first state", alive=command.process)
        node.do("seal")
        eventually(lambda: command.process.poll() is not None, "the command to end")
    finally:
        command.kill()
    assert command.process.returncode == 0, command.err.read_text()
    assert service.good("/v1/bundles/" + json.loads(bundle.read_text())["id"])["state"] == "spent"
    # The node's answer to another request under these bytes is noticed.
    answer = json.loads(signed.read_text())
    reply = service.ask("POST", "/v1/transactions", dict(answer, txouts=answer["txouts"][:1]))
    assert (reply.status, reply.json["type"]) == (422, "/docs/errors#invalid-transaction"), reply


def test_killed_at_any_moment_every_transaction_comes_to_its_end(world):
    """What was answered is recorded, what was not can be sent again, and nothing is sent that was not recorded."""
    service, node, bank = world
    dice = random.Random(SEED)
    print("HOTSIDE_SEED=%d" % SEED)
    utxos = node.do("pay own1 5000000 12", "seal")[0].split()[1:]
    eventually(lambda: len(service.good("/v1/utxos")["utxos"]) == 12, "the coins to be final")
    blobs = service.ask("POST", "/v1/outputs", {"utxos": utxos}).json["outputs"]
    signed = [bank.pay(protobuf.decode_output(bytes.fromhex(o["blob"]))) for o in blobs]
    answered = {}
    for at in range(0, len(signed), 4):
        def send(tx):
            try:
                reply = post(service, tx)
                answered[tx.hash().hex()] = reply.json["state"]
            except OSError:
                pass  # it was killed meanwhile
        threads = [threading.Thread(target=send, args=(tx,)) for tx in signed[at:at + 4]]
        for thread in threads:
            thread.start()
        threading.Event().wait(dice.uniform(0, 0.15))  # the moment is meant to be random
        service.kill()
        for thread in threads:
            thread.join()
        service.start()
        known = {t["hash"] for t in service.good("/v1/transactions")["transactions"]}
        assert set(answered) <= known
        assert len(service.good("/v1/utxos")["utxos"]) == 12 - len(known)  # each holds its input back, no other
    for tx in signed:
        assert post(service, tx).status in (200, 201)
    # Who restarted has no node at first: what it could not send it sends when there is one.
    eventually(lambda: node.do("mempool")[0] == "ok 12", "all of them to be at the node")
    node.do("seal")
    for tx in signed:
        wait_state(service, tx.hash().hex(), "committed")
        assert told(service, tx.hash().hex()).count("committed") == 1
    assert service.good("/v1/utxos")["utxos"] == []


# --- the relay ---


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
