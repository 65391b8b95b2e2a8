"""Outputs, what can be spent, and bundles: over HTTP, through the commands, at once, and killed at random."""

import json
import os
import random
import threading
import uuid

import pytest

from harness import PATIENCE, Service, SimNode, eventually, run
from stegos import bech32, protobuf
from test_simnode import STRANGERS

COINS = int(os.environ.get("HOTSIDE_COINS", "1000"))
SEED = int(os.environ.get("HOTSIDE_SEED", random.SystemRandom().randrange(1 << 32)))
PAYEE = STRANGERS[0]


def story(coins):
    """So many payments of different amounts to own1, own2 and own3, all final."""
    lines = ["epoch-length 4"]
    for i in range(coins):
        lines.append("pay own%d %d" % (i % 3 + 1, 1_000_000 + i))
        if i % 50 == 49:
            lines.append("grow")  # change has to come back before more is paid
    return "\n".join(lines + ["grow", "seal", "seal"]) + "\n"


class World:
    def __init__(self, where, coins):
        self.node = SimNode(where, "1.2.2", story(coins)).__enter__()
        self.node.finish(PATIENCE)
        self.own = self.node.addresses()[:3]
        self.service = Service(where, [(self.node.endpoint, self.node.token_file)]).start()
        self.service.register(self.own[:1], reference="hot")
        self.service.register(self.own[1:], reference="warm")

        def unspent():
            return sum(self.service.good("/v1/addresses/" + a)["unspent"]["count"] for a in self.own)
        eventually(lambda: unspent() >= coins, "%d coins" % coins, PATIENCE, self.service.program.process)

    def close(self):
        self.service.kill()
        self.node.__exit__(None)

    def utxos(self, query=""):
        return self.service.pages("/v1/utxos?limit=1000" + query, "utxos")[0]

    def bundle(self, body, key=None):
        return self.service.ask("POST", "/v1/bundles", body,
                                {"Idempotency-Key": key or str(uuid.uuid4())}, timeout=PATIENCE)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("cold"), 60)
    yield made
    made.close()


def order(amount, **more):
    return {"outputs": [{"recipient": PAYEE, "amount": amount}], **more}


def problem(reply, status, name):
    assert reply.status == status, reply
    assert reply.json["type"] == "/docs/errors#" + name, reply
    return reply.json


def check_bundle(bundle, coins):
    """Blobs are the outputs they are said to be, sums are exact, limits are kept."""
    inputs = []
    for request in bundle["requests"]:
        assert request["type"] == "create_raw_transaction"
        total = 0
        assert len(request["txins"]) == len(request["unspent_list"]) <= 100
        for utxo, blob in zip(request["txins"], request["unspent_list"]):
            output = protobuf.decode_output(bytes.fromhex(blob))
            assert output.id().hex() == utxo
            assert bech32.encode("dev", output.recipient) == request["source"]
            assert coins[utxo]["amount"] == output.amount and coins[utxo]["blob"] == blob
            total += output.amount
        assert total == sum(o["amount"] for o in request["txouts"]) + request["fee"]
        assert request["fee"] >= 1000 * len(request["txouts"])
        if request["change"]:
            assert request["txouts"][-1] == {"output_type": "public_payment", **request["change"]}
        inputs += request["txins"]
    assert len(set(inputs)) == len(inputs)
    return inputs


def test_what_can_be_spent_and_what_is_reserved(world):
    service = world.service
    before = {u["utxo"]: u for u in world.utxos()}
    assert {u["reference"] for u in before.values()} == {"hot", "warm"}
    assert all(u["deposit"].startswith(u["utxo"] + ":") for u in before.values())
    one = world.utxos("&address=" + world.own[0])
    assert one and {u["address"] for u in one} == {world.own[0]}
    assert world.utxos("&reference=hot") == one
    pages = world.service.pages("/v1/utxos?limit=7", "utxos")[0]
    assert [u["amount"] for u in pages] == sorted((u["amount"] for u in before.values()), reverse=True)
    least = sorted(u["amount"] for u in one)[-3]
    assert len(world.utxos("&reference=hot&min_amount=%d" % least)) == 3

    key = str(uuid.uuid4())
    made = world.bundle(order(2_500_000, **{"from": ["hot"], "expires_in": 600}), key)
    assert made.status == 201, made
    bundle = made.json
    inputs = check_bundle(bundle, before)
    assert bundle["state"] == "open" and bundle["requests"][0]["source"] == world.own[0]
    assert bundle["requests"][0]["txouts"][0] == {"output_type": "public_payment",
                                                  "recipient": PAYEE, "amount": 2_500_000}
    again = world.bundle(order(2_500_000, **{"from": ["hot"], "expires_in": 600}), key)
    assert again.whole() == made.whole() and again.headers["Location"] == "/v1/bundles/" + bundle["id"]
    problem(world.bundle(order(2_500_001), key), 422, "idempotency-key-reused")
    problem(service.ask("POST", "/v1/bundles", order(1)), 400, "idempotency-key-missing")

    assert {u["utxo"] for u in world.utxos()} == set(before) - set(inputs)
    assert service.good("/v1/bundles/" + bundle["id"]) == bundle
    assert service.good("/v1/bundles?limit=1")["bundles"][0] == bundle
    assert service.ask("DELETE", "/v1/bundles/" + bundle["id"]).status == 204
    assert service.good("/v1/bundles/" + bundle["id"])["state"] == "released"
    assert {u["utxo"] for u in world.utxos()} == set(before)
    problem(service.ask("DELETE", "/v1/bundles/nothing"), 404, "not-found")


def test_expired_bundles_give_their_inputs_back(world):
    before = {u["utxo"] for u in world.utxos()}
    made = world.bundle(order(1_500_000, expires_in=1))
    assert made.status == 201, made
    eventually(lambda: {u["utxo"] for u in world.utxos()} == before, "the inputs to be free")
    assert world.service.good("/v1/bundles/" + made.json["id"])["state"] == "expired"


def test_bad_orders_reserve_nothing(world):
    before = len(world.utxos())
    found = problem(world.bundle(order(10**12)), 409, "insufficient-funds")
    assert found["available"]["count"] == before
    assert found["available"]["amount"] == sum(u["amount"] for u in world.utxos())
    problem(world.bundle(order(1000, fee=999)), 422, "fee-too-low")
    problem(world.bundle(order(1000, fee=1000)), 422, "fee-too-low")  # change is an output, too
    problem(world.bundle(order(1000, fee=10**9)), 422, "fee-too-high")
    problem(world.bundle(order(1000, **{"from": ["nobody"]})), 422, "unknown-source")
    foreign = bech32.encode("stt", bech32.decode(PAYEE, "dev"))
    problem(world.bundle({"outputs": [{"recipient": foreign, "amount": 5}]}), 422, "invalid-address")
    problem(world.bundle(order(1000, change=foreign)), 422, "invalid-address")
    for body in (order(0), order(-5), order("5"), order(1.5), order(2**63), {"outputs": []}, {}, [], order(5, x=1),
                 order(5, expires_in=0), order(5, expires_in=2_592_001), order(5, split=1), order(5, fee="much"),
                 order(5, **{"from": []}), {"outputs": [{"recipient": PAYEE}]}):
        problem(world.bundle(body), 400, "invalid-body")
    assert len(world.utxos()) == before


def test_outputs_from_the_store_and_from_the_node(world):
    service = world.service
    known = [u["utxo"] for u in world.utxos()][:3]
    private = next(o["output_hash"] for block in reversed(world.node.chain()[0])
                   for o in block["outputs"] if o["type"] == "payment_output")
    asked = [known[0], private, known[1], known[0]]
    reply = service.ask("POST", "/v1/outputs", {"utxos": asked})
    assert reply.status == 200, reply
    outputs = reply.json["outputs"]
    assert [o["utxo"] for o in outputs] == asked
    assert [o["source"] for o in outputs] == ["store", "node", "store", "store"]
    for each in outputs:
        assert protobuf.decode_output(bytes.fromhex(each["blob"])).id().hex() == each["utxo"]
    unknown = ["%064x" % 5, "%064x" % (7 << 200)]
    found = problem(service.ask("POST", "/v1/outputs", {"utxos": [known[0], *unknown, private]}), 404,
                    "outputs-missing")
    assert sorted(found["missing"]) == sorted(unknown)
    for body in ({"utxos": []}, {"utxos": ["ab"]}, {"utxos": known * 400}, {"utxos": [5]}, {}):
        problem(service.ask("POST", "/v1/outputs", body), 400, "invalid-body")


def test_without_a_node_what_only_it_has_is_not_served(world, where):
    service = Service(where, [("ws://127.0.0.1:9", world.node.token_file)]).start()
    try:
        problem(service.ask("POST", "/v1/outputs", {"utxos": ["%064x" % 5]}), 503, "node-unavailable")
    finally:
        service.kill()


def test_the_commands_carry_a_bundle_across_the_gap(world, where):
    url = ["--url", "http://127.0.0.1:%d" % world.service.port]
    file = where / "bundle.json"
    code, out, err = run(["bundle", "create", *url, "--pay", PAYEE + "=1.25", "--from", "hot",
                          "-o", file], where)
    assert code == 0, err
    bundle = json.loads(file.read_text())
    assert "pay 1.250000 STG to " + PAYEE in out and bundle["manifest"] in out
    # What follows needs no service.
    code, out, err = run(["bundle", "verify", file, "--manifest", bundle["manifest"], "--network", "dev"],
                         where)
    assert code == 0 and bundle["manifest"] in out, err
    page = where / "bundle.html"
    code, _, err = run(["bundle", "show", file, "--html", "-o", page], where)
    assert code == 0 and bundle["manifest"] in page.read_text(), err
    dice = random.Random(SEED)
    print("HOTSIDE_SEED=%d" % SEED)
    text = file.read_bytes()
    for _ in range(20):
        at = dice.randrange(len(text) - 1)
        broken = where / "broken.json"
        broken.write_bytes(text[:at] + bytes([text[at] ^ 1 << dice.randrange(8)]) + text[at + 1:])
        code, out, err = run(["bundle", "verify", broken], where)
        assert code == 1 and err, "a flipped bit at %d was not seen" % at
    code, out, err = run(["bundle", "verify", file, "--manifest", "00" * 32], where)
    assert code == 1 and "expected" in err
    code, out, err = run(["bundle", "verify", file, "--network", "mainnet", "--json"], where)
    assert code == 1 and json.loads(out)["good"] is False
    code, out, err = run(["bundle", "release", *url, bundle["id"]], where)
    assert code == 0, err
    code, out, err = run(["bundle", "show", *url, bundle["id"]], where)
    assert code == 0 and "state released" in out, err
    code, _, err = run(["bundle", "create", *url, "--pay", PAYEE + "=99999999"], where)
    assert code == 1 and "can be spent" in err


def test_two_hundred_at_once_and_none_gets_what_another_has(where):
    """Then killed at random moments: what was answered is reserved, and nothing is reserved twice."""
    world = World(where, COINS)
    try:
        coins = {u["utxo"]: u for u in world.utxos()}
        answers, lock = [], threading.Lock()

        def ask(number):
            reply = world.bundle(order(2_000_000 + number, split=number % 2 == 0), "key-%d" % number)
            with lock:
                answers.append(reply)
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {r.status for r in answers} <= {201, 503}, [r for r in answers if r.status not in (201, 503)][:3]
        made = [r.json for r in answers if r.status == 201]
        assert len(made) > 150
        taken = [u for b in made for u in check_bundle(b, coins)]
        assert len(set(taken)) == len(taken)
        for _ in range(3):
            world.service.kill()
            world.service.start()
        kills(world, coins)
    finally:
        world.close()


def kills(world, coins):
    dice = random.Random(SEED)
    print("HOTSIDE_SEED=%d" % SEED)
    told = {}
    for round_ in range(6):
        def ask(number, at=round_):
            try:
                reply = world.bundle(order(1_500_000 + number), "kill-%d-%d" % (at, number))
                if reply.status == 201:
                    told[(at, number)] = reply.json
            except OSError:
                pass  # it was killed: the same key says later what came of it
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        threading.Event().wait(dice.uniform(0, 0.2))  # the moment is meant to be random
        world.service.kill()
        for thread in threads:
            thread.join()
        world.service.start()
        for number in range(8):
            again = world.bundle(order(1_500_000 + number), "kill-%d-%d" % (round_, number))
            assert again.status == 201, again
            assert told.setdefault((round_, number), again.json) == again.json
    bundles, _ = world.service.pages("/v1/bundles?limit=1000", "bundles")
    assert {b["id"] for b in told.values()} <= {b["id"] for b in bundles}
    taken = [u for b in bundles for u in check_bundle(b, coins)]
    assert len(set(taken)) == len(taken)
    assert {u["utxo"] for u in world.utxos()} == set(coins) - set(taken)
