"""Outputs and transactions with natural bytes, read from node JSON or from protobuf."""

from dataclasses import dataclass, field
from typing import Optional

from stegos import bech32, hashing as h


@dataclass(frozen=True)
class Output:
    """One output of any kind. Fields that a kind does not have stay None."""

    kind: str  # payment | public | stake
    recipient: bytes
    amount: Optional[int] = None
    serno: Optional[int] = None
    vcmt: Optional[bytes] = None
    proof: Optional[bytes] = None
    ag: Optional[bytes] = None
    payload: Optional[bytes] = None
    validator: Optional[bytes] = None
    signature: Optional[bytes] = None

    def contents(self):
        """The bytes hashed for the id; most transaction hashes take them inline instead of the id."""
        key = h.account_key(self.recipient)
        if self.kind == "payment":
            return (b"Payment" + key + b"BulletProof" + h.point(self.vcmt) + self.proof
                    + h.point(self.ag) + self.payload)
        if self.kind == "public":
            return b"PublicPayment" + key + h.i64(self.serno) + h.i64(self.amount)
        return b"Stake" + key + h.network_key(self.validator) + h.i64(self.amount) + h.i64(self.serno)

    def id(self):
        return h.sha3(self.contents())

    def canary(self):
        if self.kind == "payment":
            return h.sha3(b"Payment" + h.point(self.ag) + self.payload[:4])
        return h.sha3(b"PublicPayment" + h.account_key(self.recipient))  # stakes use the public tag too


@dataclass(frozen=True)
class Transaction:
    kind: str  # coinbase | payment | restake | slashing | service_award
    txouts: list
    txins: list = field(default_factory=list)
    gamma: Optional[bytes] = None
    fee: int = 0
    sig_u: Optional[bytes] = None
    sig_k: Optional[bytes] = None
    signature: Optional[bytes] = None
    block_reward: int = 0
    block_fee: int = 0
    proof_headers: bytes = b""

    def _lists(self):
        return (h.u64(len(self.txins)) + b"".join(self.txins) + h.u64(len(self.txouts))
                + b"".join(o.contents() for o in self.txouts))

    def _feed(self):
        if self.kind == "payment":
            return self._lists() + h.scalar(self.gamma) + h.u64(self.fee & (1 << 64) - 1)
        if self.kind == "coinbase":
            return (h.i64(self.block_reward) + h.i64(self.block_fee) + h.scalar(self.gamma)
                    + h.u64(len(self.txouts)) + b"".join(o.id() for o in self.txouts))
        if self.kind == "slashing":
            return self.proof_headers + self._lists()
        if self.kind == "service_award":
            return h.u64(len(self.txouts)) + b"".join(o.contents() for o in self.txouts)
        return self._lists()

    def hash(self):
        return h.sha3(self._feed())

    def full_hash(self):
        feed = self._feed()
        if self.kind == "payment":
            feed += b"SchnorrSig" + h.scalar(self.sig_u) + h.point(self.sig_k)
        elif self.kind == "restake":
            feed += h.network_signature(self.signature)
        return h.sha3(feed)


def natural(text):
    """Points, scalars and BLS values stand in JSON as hex of their reversed bytes."""
    return bytes.fromhex(text)[::-1]


def output_from_json(obj, hrp):
    recipient = bech32.decode(obj["recipient"], hrp)
    if obj["type"] == "payment_output":
        payload = obj["payload"]
        return Output("payment", recipient, vcmt=natural(obj["proof"]["vcmt"]),
                      proof=bytes.fromhex(obj["proof"]["proof"]), ag=natural(obj["ag"]),
                      payload=bytes.fromhex(payload) if isinstance(payload, str) else bytes(payload))
    if obj["type"] == "public_payment_output":
        return Output("public", recipient, amount=obj["amount"], serno=obj["serno"])
    if obj["type"] == "stake_output":
        return Output("stake", recipient, amount=obj["amount"], serno=obj["serno"],
                      validator=natural(obj["validator"]), signature=natural(obj["signature"]))
    raise ValueError("unknown output type %r" % obj["type"])
