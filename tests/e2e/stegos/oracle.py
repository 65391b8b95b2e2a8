"""What the deposits should be: a naive replay of the final chain from nothing.

The replay knows nothing of notices, forks or reconnects. It takes macro blocks in order, then the micro
blocks of the epoch that is still open, and keeps every public payment, watched or not.
"""

from dataclasses import dataclass, field

from stegos import blocks, model
from stegos.blocks import inputs_of, outputs_of


class ChainError(AssertionError):
    """The chain given to the oracle does not link: the test is wrong, not the service."""


@dataclass
class Deposit:
    utxo: str
    epoch: int
    recipient: str
    amount: int
    serno: int
    state: str = "prepared"
    spend: str = "unspent"
    offset: object = None  # where the last inclusion stood; None when only a macro block told of it
    block_hash: str = ""
    tx_hash: object = None
    block_time: str = ""

    @property
    def id(self):
        return "%s:%d" % (self.utxo, self.epoch)


@dataclass
class Replay:
    """All public payments of a chain after the given blocks."""

    deposits: dict = field(default_factory=dict)  # "<utxo>:<epoch>" -> Deposit
    final_epoch: object = None
    final_hash: str = ""
    micros: list = field(default_factory=list)
    _live: dict = field(default_factory=dict)  # utxo -> id of the deposit that is unspent now
    _seen: dict = field(default_factory=dict)  # (utxo, epoch) -> last (offset, tx_hash, time) in micros

    def watched(self, recipients):
        """The deposits of some addresses, as plain rows to compare with."""
        return {k: row(d) for k, d in self.deposits.items() if d.recipient in recipients}

    def recipients(self):
        return sorted({d.recipient for d in self.deposits.values()})


def row(deposit):
    return {"id": deposit.id, "utxo": deposit.utxo, "epoch": deposit.epoch, "amount": deposit.amount,
            "address": deposit.recipient, "state": deposit.state, "spend": deposit.spend,
            "offset": deposit.offset, "block_hash": deposit.block_hash, "tx_hash": deposit.tx_hash,
            "block_time": deposit.block_time}


def replay(macros, micros=(), history=(), hrp="dev", anchor=None):
    """Deposits after `macros` (in epoch order) and the open epoch's `micros`.

    `history` are micro blocks of epochs already closed, as somebody who followed live saw them: they give
    offset, transaction and time of deposits that the macro block alone would not tell. `anchor` is the
    (epoch, hash) of the macro block before the first one, for a chain that does not begin at genesis.
    """
    out = Replay()
    if anchor:
        out.final_epoch, out.final_hash = anchor
    for block in history:
        _remember(out, block, hrp)
    for block in macros:
        _macro(out, block)
    for block in micros:
        _micro(out, block, hrp)
    return out


def last_version(micros_seen, epoch, start_hash):
    """The micro blocks of an epoch as somebody holds them who saw all these additions, in order."""
    held = []
    for block in micros_seen:
        if block["epoch"] == epoch and block["offset"] <= len(held):
            del held[block["offset"]:]
            if block["previous"] == (held[-1]["block_hash"] if held else start_hash):
                held.append(block)
    return held


def public_outputs(block):
    return [o for o in outputs_of(block) if o["type"] == "public_payment_output"]


def _remember(out, block, hrp):
    time = json_time(block["timestamp"])
    for tx in block["transactions"]:
        hash_ = tx.get("tx_hash") or blocks.transaction_from_json(tx, hrp).hash().hex()
        for o in tx["txouts"]:
            key = (o["output_hash"], block["epoch"])
            first = out._seen.get(key, (None, None, time))[2]
            out._seen[key] = (block["offset"], hash_, first)


def _macro(out, block):
    epoch = block["epoch"]
    if out.final_epoch is not None and (epoch != out.final_epoch + 1
                                        or block["previous"] != out.final_hash):
        raise ChainError("macro block %d does not follow %s" % (epoch, out.final_epoch))
    spent = set(inputs_of(block))
    # First what was unspent before the epoch: it is spent, also when the id stands in both lists.
    old = {utxo for utxo in spent if utxo in out._live}
    for utxo in old:
        out.deposits[out._live.pop(utxo)].spend = "spent"
    for o in public_outputs(block):
        deposit = _new(out, o, epoch)
        deposit.state, deposit.block_hash = "committed", block["block_hash"]
        if not deposit.block_time:
            deposit.block_time = json_time(block["timestamp"])
        if deposit.utxo in spent and deposit.utxo not in old:
            deposit.spend = "spent"  # created and spent within the epoch
        else:
            out._live[deposit.utxo] = deposit.id
    out.final_epoch, out.final_hash = epoch, block["block_hash"]


def _micro(out, block, hrp):
    want = (out.final_epoch + 1, len(out.micros)) if out.final_epoch is not None else None
    before = out.micros[-1]["block_hash"] if out.micros else out.final_hash
    if want and ((block["epoch"], block["offset"]) != want or block["previous"] != before):
        raise ChainError("micro block %d,%d does not follow" % (block["epoch"], block["offset"]))
    _remember(out, block, hrp)
    for tx in block["transactions"]:
        for utxo in tx.get("txins", []):
            if utxo in out._live:
                out.deposits[out._live.pop(utxo)].spend = "spend_prepared"
        for o in tx["txouts"]:
            if o["type"] == "public_payment_output":
                deposit = _new(out, o, block["epoch"])
                deposit.block_hash = block["block_hash"]
                out._live[deposit.utxo] = deposit.id
    out.micros.append(block)


def _new(out, o, epoch):
    deposit = Deposit(o["output_hash"], epoch, o["recipient"], o["amount"], o["serno"])
    offset, tx_hash, time = out._seen.get((deposit.utxo, epoch), (None, None, ""))
    deposit.offset, deposit.tx_hash, deposit.block_time = offset, tx_hash, time
    out.deposits[deposit.id] = deposit  # an id that comes twice within an epoch stays one deposit
    return deposit


def json_time(text):
    """A node's time as the service gives it: cut to milliseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return "%s.%sZ" % (whole, fraction[:3].ljust(3, "0"))


def valid_addresses(recipients, hrp):
    """Those recipients that a user could register; a block may name bytes that are no point."""
    good = []
    for text in recipients:
        try:
            model.bech32.user_address(text, hrp)
        except model.bech32.AddressError:
            continue
        good.append(text)
    return good


# Without an explanation a difference of two large tables is unreadable in a test's output.
def differences(want, got, fields):
    """Lines that say where two tables of deposits differ; empty when they are equal."""
    lines = ["missing %s" % i for i in sorted(want.keys() - got.keys())]
    lines += ["unexpected %s" % i for i in sorted(got.keys() - want.keys())]
    for key in sorted(want.keys() & got.keys()):
        for name in fields:
            if want[key][name] != got[key][name]:
                lines.append("%s: %s is %r, should be %r" % (key, name, got[key][name], want[key][name]))
    return lines
