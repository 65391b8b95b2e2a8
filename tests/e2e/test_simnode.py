"""The program follows its own simulated node; an independent pull of the chain says what must come out."""

import threading

import pytest

import story
from harness import PATIENCE, Service, SimNode, Timeout, eventually, run
from stegos import bech32, oracle, payments

GENERATIONS = ["1.2.2", "dev", "1.3"]
FIELDS = ["utxo", "epoch", "address", "amount", "state", "spend", "block_hash"]
STRANGERS = [bech32.encode("dev", payments.public_key(k)) for k in story.STRANGERS]
EPOCHS = 200
# What a service that followed live must have told of.
LIVE = {"deposit.prepared", "deposit.committed", "spend.prepared", "spend.committed",
        "chain.output_recreated"}
# A 1.3 node tells of nothing by itself: who asks it a few times a second need not see what it takes back.
NOTICED = {"deposit.reverted", "spend.reverted"}


def equal_now(service, node, addresses):
    """Compares tables with a replay of the pulled chain, at one moment at which both stand still.

    Gives the list of differences, or None when the chain moved while it was looked at.
    """
    before = service.through()
    got = service.deposits()
    if not before or service.through() != before:
        return None
    macros, micros = node.chain()
    last = micros[-1] if micros else macros[-1]
    if before["block_hash"] != last["block_hash"] or service.through() != before:
        return None
    want = oracle.replay(macros, micros).watched(set(addresses))
    # Besides the final chain's deposits only the record of reverted ones may stand.
    extra = {k for k in got.keys() - want.keys()
             if (got[k]["state"], got[k]["spend"]) == ("reverted", "unspent")}
    return oracle.differences(want, {k: d for k, d in got.items() if k not in extra}, FIELDS)


def wait_equal(service, node, addresses, timeout=PATIENCE):
    """Waits until service and node show the same block, and requires equality then."""
    found = {}

    def look():
        found["last"] = equal_now(service, node, addresses)
        return found["last"] is not None
    try:
        eventually(look, "service and node to stand at one block", timeout, service.program.process)
    except Timeout as why:
        raise Timeout("%s; node at %s; status: %r" % (why, node.do("height"), service.get("/v1/status"))
                      ) from None
    assert not found["last"], "\n".join(found["last"][:20])


def committed(node, addresses):
    """Ids of the deposits that are final on the node's chain."""
    macros, _ = node.chain()
    return set(oracle.replay(macros).watched(set(addresses)))


class Consumer:
    """Polls the feed all along, as an exchange's backend does."""

    def __init__(self, service):
        self.service, self.books, self.broken = service, [], None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(PATIENCE)

    def _run(self):
        while not self._stop.is_set():
            after = self.books[-1]["seq"] if self.books else 0
            try:
                self.books += self.service.good("/v1/events?wait=1&after=%d" % after)["events"]
            except (OSError, AssertionError) as why:
                self.broken = why
                return


@pytest.mark.parametrize("generation", GENERATIONS)
def test_live_and_later(generation, where):
    """Two hundred epochs, followed live by a service and its consumer, and caught up with afterwards."""
    text = story.write(generation, EPOCHS, STRANGERS, before=1)
    with SimNode(where, generation, text, seed=5) as node:
        nodes = [(node.endpoint, node.token_file)]
        addresses = node.addresses()[:3] + STRANGERS  # nobody watches own4
        with Service(where, nodes, name="live") as live:
            live.register(addresses)
            with Consumer(live) as consumer:
                node.finish()
                wait_equal(live, node, addresses)
            assert consumer.broken is None
            assert consumer.books == live.events()[:len(consumer.books)]
            folded = live.check_feed()
            final = committed(node, addresses)
            assert set(folded.committed) == final
            assert folded.counts.keys() >= LIVE | (set() if generation == "1.3" else NOTICED), folded.counts
        for name, is_early in (("early", True), ("late", False)):  # registered before or after it catches up
            with Service(where, nodes, name=name) as later:
                if not is_early:
                    wait_equal(later, node, [])
                later.register(addresses)
                wait_equal(later, node, addresses)
                assert set(later.check_feed().committed) == final
        assert len(node.macros) >= EPOCHS
        assert node.do("fatal") == ["ok fatal 0"], "a real node would have died of this"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_other_macro_is_a_violation(generation, where):
    """The node shows another macro block for a closed epoch: the latch holds, and outlives the lie."""
    with SimNode(where, generation, "epoch-length 6\npay own1 9\nseal\ngrow 2\n") as node:
        own = node.addresses()[:1]
        with Service(where, [(node.endpoint, node.token_file)]) as service:
            service.register(own)
            node.finish()
            wait_equal(service, node, own)
            before = service.deposits()
            assert [d["state"] for d in before.values()] == ["committed"]
            node.do("other-macro 3", "pay own1 77", "seal")
            service.wait_reason("violation")
            assert service.deposits() == before
            node.do("good")
            service.kill()
            service.start()
            service.wait_reason("violation")
            assert service.deposits() == before
            assert service.good("/v1/status")["violations"]
            service.check_feed()


# v1.2.2 cuts the timestamps of its blocks, so their hashes cannot be computed again.
LIES = [("bad-hash", "dev"), ("bad-hash", "1.3")] + [(lie, g) for lie in ("bad-root", "bad-id")
                                                     for g in GENERATIONS]


@pytest.mark.parametrize("lie,generation", LIES)
def test_bad_blocks_from_the_simulator(lie, generation, where):
    """A block that claims what it is not stops the service before it, until the node tells the truth."""
    with SimNode(where, generation, "epoch-length 8\npay own1 5\ngrow 2\n") as node:
        own = node.addresses()[:1]
        with Service(where, [(node.endpoint, node.token_file)]) as service:
            service.register(own)
            node.finish()
            wait_equal(service, node, own)
            before = service.through()
            node.do(lie, "pay own1 6", "grow 2")
            service.wait_reason("bad_block")
            assert service.through() == before
            assert len(service.deposits()) == 1
            node.do("good")
            wait_equal(service, node, own)
            node.do("seal")
            wait_equal(service, node, own)
            assert len(service.check_feed().committed) == 2


def test_a_token_file_that_cannot_be_is_told(where):
    for name in ("x" * 5000, where):
        code, _, err = run(["simnode", "--network", "dev", "--listen", "127.0.0.1:0", "--token-file", name], where)
        assert code == 2 and err.startswith("hotside: cannot read"), (code, err)
