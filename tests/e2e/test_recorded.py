"""The service follows recorded nodes, and its deposits are the oracle's reading of the recorded chain."""

import pytest

from conftest import TOKEN
from harness import Service, eventually
from stegos import cases, fakenode, oracle, script
from stegos.feed import fold_feed

IDENTITY = ["utxo", "epoch", "address", "amount", "state", "spend"]
PLACE = ["offset", "tx_hash", "block_hash", "block_time"]
GRACE = {"finality": {"revert_grace": 600}}  # no block is given up for lost while a test looks


def watch(played):
    return oracle.valid_addresses(fakenode.public_recipients(played), played.hrp)


def pauses(steps):
    """Where to let the service catch up: before an epoch ends and before anything is taken back."""
    found = []
    for at, step in enumerate(steps[1:], 1):
        before = steps[at - 1].kind
        new_epoch = step.kind == "micro" and step.block["offset"] == 0 and before == "micro"
        if before == "micro" and step.kind in ("revert", "macro", "pop") or new_epoch:
            found.append(at)
    return found


def reachable(case, state):
    """The position a service must come to in this state of the node; None when it cannot be named."""
    if state.epoch == 0 or any(e not in state.macros for e in range(case.start, state.epoch)):
        return None
    if sorted(state.micros) != list(range(state.offset)):
        return None
    final = state.epoch - 1
    if state.offset:
        return final if final >= case.start else None, state.epoch, state.offset - 1, state.last_hash
    return (final, final, None, state.last_hash) if final >= case.start else None


def start_service(where, token_file, node, case, played):
    service = Service(where, [(node.endpoint, token_file)], start=case.start, **GRACE).start()
    recipients = watch(played)
    if recipients:
        assert service.register(recipients)["created"] == len(recipients)
    return service


def play_paced(service, node, case):
    for at in pauses(node.script.steps):
        if at > node.position:
            node.play(until=lambda _, at=at: node.position >= at)
        place = reachable(case, node.state)
        if place:
            service.wait_through(*place)
    node.play()


def finish(service, case, end):
    """Waits for the end that the table names, and gives what the service shows then."""
    last = end.micros[case.through]
    final = case.final if case.final >= case.start else None
    service.wait_through(final, case.final + 1, case.through, last["block_hash"])
    if case.holds:
        service.wait_reason("catching_up")  # the node is past an epoch that we lack
    return service.deposits()


def check(service, want, got, fields):
    problems = oracle.differences(want, got, fields)
    assert not problems, "\n".join(problems[:20])
    folded = service.check_feed()
    assert set(folded.committed) == {k for k, d in want.items() if d["state"] == "committed"}
    return folded


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.id)
def test_followed_live(case, where, token_file):
    """At a pace at which nothing is missed: every field, also where and when a payment was first seen."""
    played = script.load(case.folder, case.name)
    with fakenode.FakeNode(played, TOKEN) as node:
        if case.gate:
            node.play(until=lambda s: s.kind == "micro" and at_gate(s.block, case.gate))
        service = start_service(where, token_file, node, case, played)
        with service:
            node.wait_subscribed()
            play_paced(service, node, case)
            end = cases.expected(case, played)
            got = finish(service, case, end)
            check(service, end.watched(watch(played)), got, IDENTITY + PLACE)
        assert_polite(node)


def at_gate(block, gate):
    return (block["epoch"], block["offset"]) == gate


def assert_polite(node):
    """One subscription for each connection, non-zero ids, and no call that could harm a node."""
    harmless = {"version_info", "chain_name", "status_info", "macro_block_info", "micro_block_info",
                "macroblock_info", "microblock_info", "subscribe_chain", "outputs_list"}
    subscribed = {}
    for connection, request in node.requests:
        assert request["type"] in harmless and request["id"] > 0, request
        if request["type"] == "subscribe_chain":
            subscribed[connection] = subscribed.get(connection, 0) + 1
    if node.generation != "1.3":  # there each page needs a subscription of its own, if any
        assert all(n == 1 for n in subscribed.values()), subscribed


FAST = [c for c in cases.CASES if not c.holds and not c.gate and c.name in (
    "deposits_and_spends", "same_utxo_id_again", "live_from_genesis", "pop_micro_block")]


@pytest.mark.parametrize("case", FAST, ids=lambda c: c.id)
def test_at_full_speed(case, where, token_file):
    """However fast the chain runs: same deposits, states and amounts."""
    played = script.load(case.folder, case.name)
    with fakenode.FakeNode(played, TOKEN) as node:
        with start_service(where, token_file, node, case, played) as service:
            node.wait_subscribed()
            node.play()
            end = cases.expected(case, played)
            got = finish(service, case, end)
            check(service, end.watched(watch(played)), got, IDENTITY + ["block_hash"])


@pytest.mark.parametrize("case", FAST, ids=lambda c: c.id)
def test_catching_up_later(case, where, token_file):
    """A service that comes after the fact pulls the same result, and addresses registered last too."""
    played = script.load(case.folder, case.name)
    with fakenode.FakeNode(played, TOKEN) as node:
        node.play()
        end = cases.expected(case, played)
        with Service(where, [(node.endpoint, token_file)], start=case.start, **GRACE) as service:
            finish(service, case, end)
            recipients = watch(played)
            service.register(recipients)
            want = end.watched(recipients)
            folded = check(service, want, service.deposits(), IDENTITY + ["block_hash"])
            assert all(e["backfill"] for e in service.events() if "deposit" in e)
            assert "chain.output_recreated" not in folded.counts


@pytest.mark.parametrize("case", [c for c in cases.CASES if (c.folder, c.start) == ("dev", 3)],
                         ids=lambda c: c.id)
def test_v13_names(case, where, token_file):
    """A recorded dev chain told with the names of v1.3: one page for each subscription, then silence."""
    played = script.load(case.folder, case.name)
    with fakenode.FakeNode(played, TOKEN, "1.3") as node:
        with start_service(where, token_file, node, case, played) as service:
            node.play()
            end = cases.expected(case, played)
            got = finish(service, case, end)
            check(service, end.watched(watch(played)), got, IDENTITY + ["block_hash"])


@pytest.mark.parametrize("name", script.SCENARIOS)
def test_scenario(name, where, token_file):
    """The synthetic story: replacement by revert, hidden replacement, lost macro block, two streams."""
    played = script.load_scenario(name)
    with fakenode.FakeNode(played, TOKEN) as node:
        with Service(where, [(node.endpoint, token_file)], network="testnet", **GRACE) as service:
            service.register(watch(played))
            if node.generation != "1.3":
                node.wait_subscribed()
            node.play()
            macros = played.final_macros(0)
            micros = oracle.last_version(played.micros_seen, 2, macros[-1]["block_hash"])
            last = micros[-1] if micros else macros[-1]
            service.wait_through(1, last["epoch"], last.get("offset"), last["block_hash"])
            want = oracle.replay(macros, micros, hrp="stt").watched(watch(played))
            got = service.deposits()
            # Only what the final chain does not pay may be there beside it, and only as reverted.
            beside = {k: got.pop(k) for k in sorted(got.keys() - want.keys())}
            assert all((d["state"], d["spend"]) == ("reverted", "unspent") for d in beside.values())
            problems = oracle.differences(want, got, IDENTITY + ["block_hash"])
            assert not problems, "\n".join(problems)
            service.check_feed()


def test_reverted_payment_is_told(where, token_file):
    """The documented payment is in the replaced block only: prepared, then reverted, never committed."""
    played = script.load_scenario("v1.2.2.live")
    gone = "b6cfc6222d0bc0e7b5bcca0d7ef11af42474b207c8f598db9d7848391f8587fb:1"
    with fakenode.FakeNode(played, TOKEN) as node:
        with Service(where, [(node.endpoint, token_file)], network="testnet", **GRACE) as service:
            service.register(watch(played))
            node.wait_subscribed()
            replaced = next(i for i, s in enumerate(played.steps) if s.kind == "revert")
            node.play(until=lambda _: node.position >= replaced)
            service.wait_through(0, 1, 1, played.steps[replaced].block["block_hash"])
            assert service.good("/v1/deposits/" + gone)["state"] == "prepared"
            # Taken back is only held: it counts for reads until something else stands in its place.
            node.play(until=lambda _: node.position > replaced)
            assert service.good("/v1/deposits/" + gone)["state"] == "prepared"
            node.play()
            service.wait_through(1, 2, 0)
            assert service.good("/v1/deposits/" + gone)["state"] == "reverted"
            kinds = [e["type"] for e in service.events() if e.get("deposit", {}).get("id") == gone]
            assert kinds == ["deposit.prepared", "deposit.reverted"]
            assert fold_feed(service.events()).deposits[gone]["state"] == "reverted"


def test_nothing_follows_a_revert(where, token_file):
    """With nothing in its place for `revert_grace` the payment is reverted; what comes later still counts."""
    played = script.load_scenario("v1.2.2.live")
    gone = "b6cfc6222d0bc0e7b5bcca0d7ef11af42474b207c8f598db9d7848391f8587fb:1"
    with fakenode.FakeNode(played, TOKEN) as node:
        with Service(where, [(node.endpoint, token_file)], network="testnet",
                     finality={"revert_grace": 1}) as service:
            service.register(watch(played))
            node.wait_subscribed()
            replaced = next(i for i, s in enumerate(played.steps) if s.kind == "revert")
            node.play(until=lambda _: node.position > replaced)
            eventually(lambda: "deposit.reverted" in [e["type"] for e in service.events()], "the revert")
            assert service.good("/v1/deposits/" + gone)["state"] == "reverted"
            node.play()
            service.wait_through(1, 2, 0)
            macros = played.final_macros(0)
            micros = oracle.last_version(played.micros_seen, 2, macros[-1]["block_hash"])
            want = oracle.replay(macros, micros, hrp="stt").watched(watch(played))
            got = service.deposits()
            assert got.pop(gone)["state"] == "reverted"
            assert oracle.differences(want, got, IDENTITY + ["block_hash"]) == []
            service.check_feed()
