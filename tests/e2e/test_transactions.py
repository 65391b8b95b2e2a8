"""Signed transactions from the first byte to the final block."""

import asyncio
import json
import os
import random
import subprocess
import sys
import threading

from bank import FEE, STRANGER, Client, hex_of, post, state, told, wait_state, world  # noqa: F401 (a fixture)
from harness import PATIENCE, REPO, Program, eventually, run
from stegos import bech32, payments, protobuf

SEED = int(os.environ.get("HOTSIDE_SEED", random.SystemRandom().randrange(1 << 32)))
SIGN = REPO / "examples/cold/sign.py"


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
