"""Making and checking payment transactions of public inputs."""

import os
from dataclasses import replace

from stegos import hashing as h, ristretto as r
from stegos.model import Output, Transaction


def commitment(out):
    """Amounts enter the balance as points: hidden ones as they stand, open ones times the base."""
    return out.vcmt if out.kind == "payment" else r.mul_base(out.amount)


def effective_key(tx, inputs):
    """P = sum(recipient + C) over inputs - sum(C) over outputs - fee*A - gamma*G."""
    total = bytes(32)
    for out in inputs:
        total = r.add(total, r.add(out.recipient, commitment(out)))
    for out in tx.txouts:
        total = r.sub(total, commitment(out))
    total = r.sub(total, r.mul_base(tx.fee))
    return r.sub(total, r.mul(int.from_bytes(tx.gamma, "little"), r.BLINDING))


def _challenge(nonce, key, tx_hash):
    digest = h.sha3(h.point(nonce) + h.account_key(key) + tx_hash)
    return int.from_bytes(digest, "little") % r.ORDER


def verify(tx, inputs):
    """True when the signature holds for these inputs; it proves the balance as well."""
    try:
        key = effective_key(tx, inputs)
        left = r.mul(int.from_bytes(tx.sig_u, "little"), r.BLINDING)
        return left == r.add(tx.sig_k, r.mul(_challenge(tx.sig_k, key, tx.hash()), key))
    except r.PointError:
        return False


def public_key(secret):
    """Account keys are multiples of G, the second generator, not of the base."""
    return r.mul(secret, r.BLINDING)


def pay(secret, inputs, outs, fee, gamma=0):
    """A signed transaction of public inputs of one key to public outputs. With a gamma no node takes it."""
    tx = Transaction("payment", outs, [i.id() for i in inputs], gamma=gamma.to_bytes(32, "little"), fee=fee)
    nonce = int.from_bytes(os.urandom(64), "little") % r.ORDER
    commit = r.mul(nonce, r.BLINDING)
    key = effective_key(tx, inputs)
    # With a balanced public transaction the amounts cancel; what is left is the sum of the input keys, less gamma.
    u = (nonce + _challenge(commit, key, tx.hash()) * (secret * len(inputs) - gamma)) % r.ORDER
    return replace(tx, sig_u=u.to_bytes(32, "little"), sig_k=commit)


def public_output(recipient, amount, serno=None):
    if serno is None:
        serno = int.from_bytes(os.urandom(8), "little", signed=True)
    return Output("public", recipient, amount=amount, serno=serno)
