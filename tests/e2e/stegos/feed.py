"""Folding `/v1/events` into tables, the way a careful consumer would, and checking every rule on the way."""

from dataclasses import dataclass, field

DEPOSIT_STATE = {"deposit.prepared": "prepared", "deposit.committed": "committed",
                 "deposit.reverted": "reverted"}
SPEND_STATE = {"spend.prepared": "spend_prepared", "spend.committed": "spent",
               "spend.reverted": "unspent"}
OTHERS = {"chain.finality_violation", "chain.stalled", "chain.output_recreated", "node.down", "node.up",
          "transaction.accepted", "transaction.rejected", "transaction.unknown", "transaction.prepared",
          "transaction.committed", "transaction.conflicted", "transaction.reverted"}

# From which state an event may come. `None` is "never heard of".
_MAY_FOLLOW = {"prepared": {None, "reverted"}, "reverted": {"prepared"},
               "committed": {None, "prepared", "reverted"}}
_MAY_SPEND = {"spend_prepared": {"unspent"}, "spent": {"unspent", "spend_prepared"},
              "unspent": {"spend_prepared"}}


class FeedError(AssertionError):
    pass


@dataclass
class Folded:
    feed: object = None
    head: int = 0
    deposits: dict = field(default_factory=dict)  # id -> the row as the events tell it
    committed: list = field(default_factory=list)  # ids in the order of their deposit.committed
    recreated: set = field(default_factory=set)
    counts: dict = field(default_factory=dict)


def _fail(event, text):
    raise FeedError("seq %s %s: %s" % (event.get("seq"), event.get("type"), text))


def fold_feed(events, into=None):
    """Applies events in order. Raises FeedError at the first rule broken."""
    state = into or Folded()
    for event in events:
        if event["seq"] != state.head + 1:
            _fail(event, "follows %d" % state.head)
        if state.feed not in (None, event["feed"]):
            _fail(event, "another feed")
        state.feed, state.head = event["feed"], event["seq"]
        kind = event["type"]
        state.counts[kind] = state.counts.get(kind, 0) + 1
        if kind in DEPOSIT_STATE:
            _deposit(state, event, DEPOSIT_STATE[kind])
        elif kind in SPEND_STATE:
            _spend(state, event, SPEND_STATE[kind])
        elif kind == "chain.output_recreated":
            _recreated(state, event)
        elif kind not in OTHERS:
            _fail(event, "unknown type")
    return state


def _identity(event):
    deposit = event["deposit"]
    if deposit["id"] != "%s:%d" % (deposit["utxo"], deposit["epoch"]):
        _fail(event, "id is not utxo:epoch")
    if deposit["amount_stg"] != stg(deposit["amount"]):
        _fail(event, "amount_stg")
    return deposit


def stg(amount):
    sign, micro = ("-" if amount < 0 else ""), abs(amount)
    return "%s%d.%06d" % (sign, micro // 10**6, micro % 10**6)


def _deposit(state, event, to):
    deposit = dict(_identity(event))
    known = state.deposits.get(deposit["id"])
    if (known and known["state"]) not in _MAY_FOLLOW[to] and not (known is None and event["backfill"]):
        _fail(event, "after %s" % (known and known["state"]))
    if deposit["state"] != to:
        _fail(event, "the deposit says %s" % deposit["state"])
    if known and (known["amount"], known["address"]) != (deposit["amount"], deposit["address"]):
        _fail(event, "amount or address changed")
    if event["backfill"] and deposit["spend"] != "unspent":
        _fail(event, "a backfilled deposit says unspent first")
    if deposit["spend"] not in ("unspent", known["spend"] if known else "unspent"):
        _fail(event, "spend changed without a spend event")
    if to == "committed":
        if deposit["offset"] is None and deposit["tx_hash"] is not None:
            _fail(event, "a transaction without a place")
        if not deposit["committed_at"]:
            _fail(event, "no committed_at")
        state.committed.append(deposit["id"])
    # Only spend events move the spend state here, so that a forgotten one shows as a difference.
    deposit["spend"] = known["spend"] if known else "unspent"
    state.deposits[deposit["id"]] = deposit


def _spend(state, event, to):
    deposit = _identity(event)
    known = state.deposits.get(deposit["id"])
    if known is None:
        _fail(event, "before any deposit event")
    if known["spend"] not in _MAY_SPEND[to]:
        _fail(event, "after %s" % known["spend"])
    if deposit["spend"] != to:
        _fail(event, "the deposit says %s" % deposit["spend"])
    if to == "spent" and known["state"] != "committed":
        _fail(event, "spent for good, but only %s" % known["state"])
    known["spend"] = to


def _recreated(state, event):
    deposit = _identity(event)
    if event["backfill"] or deposit["id"] in state.recreated:
        _fail(event, "told twice, or in a backfill")
    state.recreated.add(deposit["id"])


def check_against(state, rows):
    """The tables the events give are the tables the service shows. `rows`: id -> deposit."""
    problems = []
    for id_ in sorted(state.deposits.keys() | rows.keys()):
        told, shown = state.deposits.get(id_), rows.get(id_)
        if told is None or shown is None:
            problems.append("%s only in the %s" % (id_, "table" if told is None else "feed"))
            continue
        names = ["utxo", "epoch", "address", "amount", "state", "spend", "reference"]
        # A block taken again at another place changes these without an event, until it is final.
        names += ["block_hash", "offset", "tx_hash"] if shown["state"] == "committed" else []
        for name in names:
            if told[name] != shown[name]:
                problems.append("%s: feed says %s=%r, table %r" % (id_, name, told[name], shown[name]))
    if len(state.committed) != len(set(state.committed)):
        problems.append("a deposit was committed twice")
    committed = {i for i, d in rows.items() if d["state"] == "committed"}
    if committed != set(state.committed):
        problems.append("committed events and committed rows differ")
    return problems
