"""Blocks and transactions of node JSON: what is in them, and every hash that can be recomputed."""

import re
from calendar import timegm
from time import strptime

from stegos import hashing as h
from stegos.model import Transaction, natural, output_from_json


def timestamp_ns(text):
    """Nanoseconds since 1970. v1.2.2 sends three digits although the hash covers nine."""
    whole, fraction = re.fullmatch(r"([0-9-]{10}T[0-9:]{8})(?:\.([0-9]{0,9}))?Z", text).groups()
    seconds = timegm(strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 10**9 + int((fraction or "").ljust(9, "0"))


def is_exact(block):
    """True where the JSON holds everything the block hash covers."""
    return len(block["timestamp"]) == len("2019-12-01T17:24:53.459977497Z")


def transaction_from_json(obj, hrp):
    kind = obj["type"].removesuffix("_transaction")
    outs = [output_from_json(o, hrp) for o in obj.get("txouts", obj.get("winner_reward", []))]
    ins = [bytes.fromhex(i) for i in obj.get("txins", [])]
    if kind == "coinbase":
        return Transaction(kind, outs, gamma=natural(obj["gamma"]),
                           block_reward=obj["block_reward"], block_fee=obj["block_fee"])
    if kind == "payment":
        return Transaction(kind, outs, ins, gamma=natural(obj["gamma"]), fee=obj["fee"],
                           sig_u=natural(obj["sig"]["u"]), sig_k=natural(obj["sig"]["K"]))
    if kind == "restake":
        return Transaction(kind, outs, ins, signature=natural(obj["sig"]))
    if kind == "slashing":
        proof = obj["proof"]
        return Transaction(kind, outs, ins, proof_headers=micro_header(proof["block1"])
                           + micro_header(proof["block2"]))
    if kind == "service_award":
        return Transaction(kind, outs)
    raise ValueError("unknown transaction type %r" % obj["type"])


def _ranges(block, names):
    return b"".join(h.u32(block[n + "_len"]) + bytes.fromhex(block[n + "_range_hash"]) for n in names)


def _random(block):
    return h.vrf(bytes.fromhex(block["random"]["rand"]), natural(block["random"]["proof"]))


def micro_header(block, time_ns=None):
    proof = block["view_change_proof"]
    return (b"Micro" + h.u64(block["version"]) + bytes.fromhex(block["previous"]) + h.u64(block["epoch"])
            + h.u32(block["offset"]) + h.u32(block["view_change"])
            + (h.network_signature(natural(proof["multisig"])) if proof else b"")
            + h.network_key(natural(block["pkey"])) + _random(block) + bytes.fromhex(block["solution"])
            + h.u64(timestamp_ns(block["timestamp"]) if time_ns is None else time_ns)
            + _ranges(block, ("transactions", "inputs", "outputs"))
            + bytes.fromhex(block["canaries_range_hash"]))


def macro_header(block, activity_bits, time_ns=None):
    """`activity_bits` is the number of validators at the start of the epoch: JSON drops trailing zeros."""
    bits = block["activity_map"].ljust(activity_bits, "0")
    return (b"Macro" + h.u64(block["version"]) + bytes.fromhex(block["previous"]) + h.u64(block["epoch"])
            + h.u32(block["view_change"]) + h.network_key(natural(block["pkey"])) + _random(block)
            + h.u64(block["difficulty"])
            + h.u64(timestamp_ns(block["timestamp"]) if time_ns is None else time_ns)
            + h.i64(block["block_reward"]) + h.scalar(natural(block["gamma"]))
            + h.u32(len(bits)) + bytes(int(b) for b in bits)
            + _ranges(block, ("validators", "inputs", "outputs"))
            + bytes.fromhex(block["canaries_range_hash"]))


def micro_hash(block, time_ns=None):
    return h.sha3(micro_header(block, time_ns)).hex()


def macro_hash(block, activity_bits, time_ns=None):
    return h.sha3(macro_header(block, activity_bits, time_ns)).hex()


def validators_root(validators):
    return h.merkle_root([h.network_key(natural(v["network_pkey"])) + h.i64(v["slots"])
                          for v in validators]).hex()


def is_macro(block):
    return "multisigmap" in block


def is_micro(block):
    return "transactions_range_hash" in block


def check_micro(block, hrp):
    """Every fault found in a micro block, as texts; an empty list is a good block."""
    faults, leaves, ins, outs = [], [], [], []
    slashed = False
    for obj in block["transactions"]:
        tx = transaction_from_json(obj, hrp)
        slashed |= tx.kind == "slashing" and not is_exact(block)
        if "tx_hash" in obj and tx.hash().hex() != obj["tx_hash"]:
            faults.append("tx_hash of " + obj["tx_hash"])
        leaves.append(tx.full_hash())
        ins += tx.txins
        for out, claim in zip(tx.txouts, obj["txouts"]):
            outs.append(_checked(out, claim, faults))
    if not slashed:
        _check_range(block, "transactions", leaves, faults)
    _check_range(block, "inputs", ins, faults)
    _check_range(block, "outputs", [i for i, _ in outs], faults)
    _check_canaries(block, outs, faults)
    if is_exact(block) and micro_hash(block) != block["block_hash"]:
        faults.append("block_hash")
    return faults


def check_macro(block, hrp, activity_bits=None):
    """Every fault found in a macro block; its hash is checked where time and validator count are known."""
    faults, ids = [], []
    for claim in block["outputs"]:
        ids.append(_checked(output_from_json(claim, hrp), claim, faults))
    ins = [bytes.fromhex(i) for i in block["inputs"]]
    if ins != sorted(ins) or [i for i, _ in ids] != sorted(i for i, _ in ids):
        faults.append("order")
    _check_range(block, "inputs", ins, faults)
    _check_range(block, "outputs", [i for i, _ in ids], faults)
    _check_canaries(block, ids, faults)
    if validators_root(block["validators"]) != block["validators_range_hash"]:
        faults.append("validators root")
    if len(block["validators"]) != block["validators_len"]:
        faults.append("validators_len")
    if is_exact(block) and activity_bits is not None:
        if macro_hash(block, activity_bits) != block["block_hash"]:
            faults.append("block_hash")
    return faults


def _checked(out, claim, faults):
    uid = out.id()
    if uid.hex() != claim["output_hash"]:
        faults.append("output id " + claim["output_hash"])
    return uid, out.canary()


def _check_canaries(block, outs, faults):
    if h.merkle_root([c for _, c in outs]).hex() != block["canaries_range_hash"]:
        faults.append("canaries root")


def _check_range(block, name, leaves, faults):
    if len(leaves) != block[name + "_len"]:
        faults.append(name + "_len")
    if h.merkle_root(leaves).hex() != block[name + "_range_hash"]:
        faults.append(name + " root")


def inputs_of(block):
    """Ids spent by a block, in block order."""
    if is_macro(block):
        return list(block["inputs"])
    return [i for tx in block["transactions"] for i in tx.get("txins", [])]


def outputs_of(block):
    """JSON outputs created by a block. Never by recursion: a slashing proof embeds foreign blocks."""
    if is_macro(block):
        return list(block["outputs"])
    return [o for tx in block["transactions"] for o in tx["txouts"]]
