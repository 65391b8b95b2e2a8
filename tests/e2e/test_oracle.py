"""The oracle and the feed reader, on stories whose outcome is known."""

import copy

import pytest

from stegos import blocks, cases, feed, oracle, script
from stegos.oracle import replay

O_A = "35dc4ac10e523bcc2c406e39f806c6bfa80ab54e783a42f440a263dac1eb12f9"
O_B = "150b2b8e37d3e6a404f0935e064018df0ca05666d5a45b49679941778a5fa21b"
O_A2 = "232c8b86c9c27c701458b1b0628341e7028a6f566407a62ac49ab042b5cb15cd"
AWARD = "f1d8ec219ebb6a46238ecf098cc2dab50bbe5891a0c29ed6119ddec937575c77"


def states(table):
    return {k: (d.state, d.spend) for k, d in table.deposits.items()}


@pytest.mark.parametrize("name", script.SCENARIOS)
def test_scenario_outcome(name):
    """The story's own words: what is final, what is spent, what is new under an old id."""
    story = script.load_scenario(name)
    macros = story.final_macros(0)
    micros = oracle.last_version(story.micros_seen, 2, macros[-1]["block_hash"])
    end = states(replay(macros, micros, hrp="stt"))
    want = {O_A + ":1": ("committed", "spent"), O_B + ":1": ("committed", "unspent"),
            O_A2 + ":1": ("committed", "unspent"), AWARD + ":1": ("committed", "unspent")}
    if micros:  # o_A2 is spent, and o_A made again under the same id
        want[O_A2 + ":1"] = ("committed", "spend_prepared")
        want[O_A + ":2"] = ("prepared", "unspent")
    assert end == want


def test_before_the_macro_block():
    """Open epoch only: the replaced block's payment is not there, the award not yet."""
    story = script.load_scenario("v1.2.2.live")
    macros = story.final_macros(0)
    micros = oracle.last_version(story.micros_seen, 1, macros[0]["block_hash"])
    assert states(replay(macros[:1], micros, hrp="stt")) == {
        O_A + ":1": ("prepared", "spend_prepared"), O_B + ":1": ("prepared", "unspent"),
        O_A2 + ":1": ("prepared", "unspent")}


def test_same_id_in_three_epochs():
    """The recording in which one id is paid in 79, 80 and 81, and stands in both lists of macro 81."""
    case = next(c for c in cases.CASES if c.name == "same_utxo_id_again")
    end = cases.expected(case, script.load(case.folder, case.name))
    again = [d for d in end.deposits.values() if d.utxo.startswith("3ed96c62dfaf")]
    assert [(d.epoch, d.state, d.spend) for d in again] == [
        (79, "committed", "spent"), (80, "committed", "spent"), (81, "committed", "unspent")]
    assert all(d.offset is not None and d.tx_hash for d in again)


def _macro(epoch, previous, inputs, outputs):
    return {"epoch": epoch, "previous": previous, "block_hash": "m%d" % epoch, "multisigmap": "1",
            "timestamp": "2020-01-01T00:00:00.000Z", "inputs": sorted(inputs), "outputs": [
                {"type": "public_payment_output", "output_hash": o, "recipient": "r", "amount": 5,
                 "serno": 1} for o in sorted(outputs)]}


def test_both_lists():
    """Unspent before the epoch: old one spent, new one unspent. Otherwise made and spent within."""
    zero = _macro(0, "", [], ["x"])
    one = _macro(1, "m0", ["x", "y"], ["x", "y"])
    assert states(replay([zero, one])) == {
        "x:0": ("committed", "spent"), "x:1": ("committed", "unspent"), "y:1": ("committed", "spent")}
    two = _macro(2, "m1", ["x"], ["y"])
    assert states(replay([zero, one, two]))["x:1"] == ("committed", "spent")
    assert states(replay([zero, one, two]))["y:2"] == ("committed", "unspent")


def test_start_in_mid_chain():
    """What was unspent before the start is not known: an id in both lists counts as made and spent."""
    one = _macro(1, "m0", ["x"], ["x"])
    assert states(replay([one], anchor=(0, "m0"))) == {"x:1": ("committed", "spent")}
    with pytest.raises(oracle.ChainError):
        replay([one], anchor=(0, "another"))


def test_every_public_payment_is_known():
    """No recorded block has a public payment that the replay of its file forgets."""
    case = next(c for c in cases.CASES if (c.folder, c.name) == ("dev", "deposits_and_spends"))
    played = script.load(case.folder, case.name)
    end = cases.expected(case, played)
    for block in played.final_macros(case.start):
        for out in blocks.outputs_of(block):
            if out["type"] == "public_payment_output":
                assert "%s:%d" % (out["output_hash"], block["epoch"]) in end.deposits


# --- the feed ---

def _event(seq, kind, state="prepared", spend="unspent", epoch=1, **more):
    deposit = {"id": "u:%d" % epoch, "utxo": "u", "epoch": epoch, "address": "a", "amount": 1500000,
               "amount_stg": "1.500000", "state": state, "spend": spend, "offset": 1, "tx_hash": "t",
               "block_hash": "b", "committed_at": "now" if state == "committed" else None,
               "reference": None}
    return dict({"seq": seq, "feed": "f", "type": kind, "backfill": False, "deposit": deposit}, **more)


GOOD = [_event(1, "deposit.prepared"), _event(2, "spend.prepared", spend="spend_prepared"),
        _event(3, "deposit.reverted", "reverted"), _event(4, "spend.reverted", "reverted"),
        _event(5, "deposit.prepared"), _event(6, "deposit.committed", "committed"),
        _event(7, "spend.committed", "committed", "spent"),
        _event(8, "deposit.committed", "committed", epoch=2),
        _event(9, "chain.output_recreated", "committed", epoch=2)]


def test_good_feed():
    folded = feed.fold_feed(GOOD)
    assert folded.committed == ["u:1", "u:2"] and folded.head == 9
    assert (folded.deposits["u:1"]["state"], folded.deposits["u:1"]["spend"]) == ("committed", "spent")
    assert feed.check_against(folded, copy.deepcopy(folded.deposits)) == []
    assert feed.check_against(folded, {}) != []


@pytest.mark.parametrize("bad", [
    [_event(2, "deposit.prepared")],  # a hole at the start
    GOOD[:2] + GOOD[:1],  # a number twice
    [_event(1, "spend.prepared", spend="spend_prepared")],  # a spend of nothing
    [_event(1, "deposit.committed", "committed"), _event(2, "deposit.committed", "committed")],
    [_event(1, "deposit.committed", "committed"), _event(2, "deposit.reverted", "reverted")],
    [_event(1, "deposit.reverted", "reverted")],  # never prepared
    [_event(1, "deposit.prepared"), _event(2, "spend.committed", spend="spent")],  # not final
    [_event(1, "deposit.prepared", "committed")],  # says another state
    [_event(1, "deposit.sunk")],
    [_event(1, "deposit.prepared"), dict(_event(2, "deposit.committed", "committed"), feed="g")],
    GOOD + [_event(10, "chain.output_recreated", "committed", epoch=2)],
], ids=lambda events: "-".join(e["type"] for e in events)[:40])
def test_bad_feed(bad):
    with pytest.raises(feed.FeedError):
        feed.fold_feed(bad)


def test_amounts_as_text():
    assert [feed.stg(a) for a in (0, 1, -1, 10**6, -(2**63), 2**63 - 1)] == [
        "0.000000", "0.000001", "-0.000001", "1.000000", "-9223372036854.775808",
        "9223372036854.775807"]
