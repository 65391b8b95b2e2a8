"""An operator's hold keeps `deposit.committed` back; completeness certificates, made again from the blocks."""

import hashlib
import json
import sqlite3

import pytest

import harness
from harness import Service, SimNode, eventually
from stegos import feed, oracle
from test_simnode import GENERATIONS, wait_equal

REASON = {"reason": "key ceremony"}
TYPES = ("deposit.committed", "spend.prepared", "spend.committed", "spend.reverted")


def hold_of(service):
    return service.good("/v1/status")["hold"]


def metric(service, name):
    text = service.get("/metrics").body.decode()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))


def spendable(service):
    return [utxo["amount"] for utxo in service.good("/v1/utxos")["utxos"]]


def told(service, after=0):
    return [(e["type"], e["deposit"]["id"]) for e in service.events(after) if "deposit" in e]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_hold_keeps_committed_back(generation, where):
    with SimNode(where, generation, "epoch-length 6\npay own1 9\nseal\ngrow 1\n") as node:
        own = node.addresses()[:2]
        service = Service(where, [(node.endpoint, node.token_file)])
        with service:
            service.register(own)
            node.finish()
            wait_equal(service, node, own)
            assert hold_of(service) is None
            head = service.good("/v1/status")["head"]
            reply = service.ask("POST", "/v1/hold", REASON)
            assert reply.status == 201 and reply.json["reason"] == REASON["reason"], reply
            hold = hold_of(service)
            assert hold == reply.json and hold["by"] == "local"
            again = service.ask("POST", "/v1/hold", {"reason": "another"})
            assert again.status == 200 and again.json == hold, "the first reason stands"

            node.do("pay own1 10", "grow 1", "seal", "pay own2 11", "grow 1", "seal", "grow 1")
            wait_equal(service, node, own)
            assert "deposit.committed" not in [kind for kind, _ in told(service, head)]
            states = {d["amount"]: d["state"] for d in service.deposits().values()}
            assert states == {9: "committed", 10: "committed", 11: "committed"}, "tables show the truth"
            assert metric(service, "hotside_hold") == 1 and metric(service, "hotside_events_withheld") == 2
            assert spendable(service) == [9], "what is withheld is not paid out either"
            # It survives a restart, and so does what it keeps back.
            service.kill()
            service.start()
            assert hold_of(service) == hold
            wait_equal(service, node, own)
            # An address registered now learns of its past, but for what is committed.
            before = service.good("/v1/status")["head"]
            late = node.addresses()[2:3]
            node.do("pay own3 12", "grow 1", "seal", "grow 1")
            wait_equal(service, node, own)
            service.register(late)
            wait_equal(service, node, own + late)
            assert "deposit.committed" not in [kind for kind, _ in told(service, before)]

            head = service.good("/v1/status")["head"]
            code, out, err = harness.run(["hold", "lift", "--reason", "done", "--config", service.config],
                                         where)
            assert code == 0 and out == "lifted\n", err
            assert hold_of(service) is None
            assert service.ask("DELETE", "/v1/hold").status == 204, "none is set: that is what was asked"
            eventually(lambda: metric(service, "hotside_events_withheld") == 0, "all to have numbers")
            news = [(e["type"], e["deposit"]["amount"], e["backfill"]) for e in service.events(head)
                    if e["type"] in TYPES]
            assert news == [("deposit.committed", 10, False), ("deposit.committed", 11, False),
                            ("deposit.committed", 12, True)]
            assert set(service.check_feed().committed) == set(service.deposits())
            assert spendable(service) == [12, 11, 10, 9]
            node.do("pay own1 13", "grow 1", "seal", "grow 1")
            wait_equal(service, node, own + late)
            assert set(service.check_feed().committed) == set(service.deposits())


def test_hold_spends_wait_behind_their_deposit(where):
    """spend.* of a withheld deposit is withheld, of any other it is not."""
    script = "epoch-length 4\npay own1 5000000\ngrow 1\nseal\ngrow 1\n"
    with SimNode(where, "dev", script) as node:
        own = node.addresses()[:2]
        with Service(where, [(node.endpoint, node.token_file)]) as service:
            service.register(own)
            node.finish()
            wait_equal(service, node, own)
            code, out, err = harness.run(["hold", "set", "--reason", "x", "--config", service.config], where)
            assert code == 0 and "local" in out, err
            head = service.good("/v1/status")["head"]
            early = next(iter(service.deposits()))
            node.do("pay own2 6000000", "grow 1", "seal", "grow 1")
            wait_equal(service, node, own)
            late = (set(service.deposits()) - {early}).pop()
            node.do("spend own1", "spend own2", "grow 1", "seal", "grow 1")
            wait_equal(service, node, own)
            kinds = [kind for kind, of in told(service, head) if of == early]
            assert kinds == ["spend.prepared", "spend.committed"]
            assert [kind for kind, of in told(service, head) if of == late] == ["deposit.prepared"]
            service.ask("DELETE", "/v1/hold")
            kinds = [kind for kind, of in told(service, head) if of == late]
            assert kinds == ["deposit.prepared", "deposit.committed", "spend.prepared", "spend.committed"]
            service.check_feed()


def test_a_kill_between_the_lifting_and_the_last_number(where):
    """What a lifted hold kept back, and has no number yet, gets it by the next start alone."""
    with SimNode(where, "dev", "epoch-length 4\npay own1 9\ngrow 1\nseal\ngrow 1\n") as node:
        own = node.addresses()[:2]
        with Service(where, [(node.endpoint, node.token_file)]) as service:
            service.ask("POST", "/v1/hold", REASON)
            service.register(own)
            node.finish()
            wait_equal(service, node, own)
            assert metric(service, "hotside_events_withheld") == 1
            service.kill()
            # As the first portion of very many leaves it: no hold, and events of it.
            with sqlite3.connect(where / "serve.db") as db:
                db.execute("DELETE FROM hold")
            db.close()
            service.start()
            eventually(lambda: metric(service, "hotside_events_withheld") == 0, "all to have numbers")
            assert set(service.check_feed().committed) == set(service.deposits())
            assert spendable(service) == [9]


# --- certificates ---------------------------------------------------------------------------------

def part(outputs):
    ids = sorted(bytes.fromhex(o["output_hash"]) for o in outputs)
    return {"count": len(ids), "amount": sum(o["amount"] for o in outputs),
            "hash": hashlib.sha3_256(b"".join(ids)).hexdigest()}


def certificate(block, registered, previous, feed_id, seq):
    """By product.md alone."""
    outputs = oracle.public_outputs(block)
    made = {"epoch": block["epoch"], "macro_block_hash": block["block_hash"], "public_outputs": part(outputs),
            "matched": part([o for o in outputs if o["recipient"] in registered]),
            "previous": previous, "feed": feed_id, "feed_seq": seq}
    line = "%(count)d %(amount)d %(hash)s\n"
    text = ("hotside-certificate 1\nnetwork dev\nepoch %d\nmacro %s\n" % (block["epoch"], block["block_hash"])
            + "public " + line % made["public_outputs"] + "matched " + line % made["matched"]
            + "feed %s %d\nprevious %s\n" % (feed_id, seq, previous))
    return dict(made, hash=hashlib.sha3_256(text.encode()).hexdigest())


@pytest.mark.parametrize("generation", GENERATIONS)
def test_certificates(generation, where):
    with SimNode(where, generation, "epoch-length 4\n") as node:
        own = node.addresses()[:3]
        with Service(where, [(node.endpoint, node.token_file)]) as service:
            service.register(own[:1])
            node.finish()
            node.do("pay own1 9", "pay own2 8", "grow 1", "seal", "grow 1")
            wait_equal(service, node, own[:1])
            first = len(node.macros)
            assert service.get("/v1/certificates/%d" % first).status == 404
            service.register(own[1:2])  # from now on; nothing that is sealed changes
            assert service.ask("DELETE", "/v1/addresses/" + own[0]).status in (200, 204)  # still matched
            for amount in (21, 22, 23):
                node.do("pay own1 %d" % amount, "pay own2 %d" % amount, "pay own3 %d" % amount, "grow 1", "seal")
            node.do("grow 1")
            wait_equal(service, node, own[:2])
            status = service.good("/v1/status")
            page = service.good("/v1/certificates")
            got = page["certificates"]
            assert [c["epoch"] for c in got] == list(range(len(node.macros))) and page["next"] is None
            events, previous = service.events(), "0" * 64
            for block, shown in zip(node.macros, got):
                who = own[:1] if block["epoch"] < first else own[:2]
                want = certificate(block, set(who), previous, status["feed"], shown["feed_seq"])
                assert json.loads(json.dumps(shown)) == want
                assert service.good("/v1/certificates/%d" % block["epoch"]) == want
                sealed = [e["seq"] for e in events if e["type"] == "deposit.committed" and not e["backfill"]
                          and e["deposit"]["epoch"] == block["epoch"]]
                later = [e["seq"] for e in events if e["type"] == "deposit.prepared"
                         and e["deposit"]["epoch"] > block["epoch"]]
                assert all(seq <= shown["feed_seq"] for seq in sealed)
                assert all(seq > shown["feed_seq"] for seq in later)
                previous = shown["hash"]
            assert got[-1]["matched"]["count"] == 2
            assert feed.fold_feed(events).head == status["head"]
            page = service.good("/v1/certificates?from=1&limit=2")
            assert page["certificates"] == got[1:3] and page["next"] == 3
