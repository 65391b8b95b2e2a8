"""The protobuf forms of outputs, payment transactions and genesis blocks, read and written by hand."""

from stegos.model import Output, Transaction


class WireError(ValueError):
    pass


def _varint(value):
    value &= (1 << 64) - 1  # int64 is the plain two's complement, ten bytes when negative
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field, value):
    return b"" if value == 0 else _varint(field << 3) + _varint(value)  # proto3 leaves zeros out


def _bytes(field, value):
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _wrapped(field, raw):
    """The wrappers Pt, Fr, Hash, G1 and G2 are all one message with `bytes data = 1`."""
    return _bytes(field, _bytes(1, raw))


def _key(field, raw):
    return _bytes(field, _wrapped(1, raw))


def _read_varint(data, at):
    shift = value = 0
    while True:
        if at >= len(data) or shift > 63:
            raise WireError("varint")
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value & (1 << 64) - 1, at
        shift += 7


def fields(data):
    """(field number, value) pairs in order; values are ints or bytes."""
    at, found = 0, []
    while at < len(data):
        tag, at = _read_varint(data, at)
        if tag & 7 == 0:
            value, at = _read_varint(data, at)
        elif tag & 7 == 2:
            size, at = _read_varint(data, at)
            if at + size > len(data):
                raise WireError("length")
            value, at = data[at:at + size], at + size
        else:
            raise WireError("wire type")
        found.append((tag >> 3, value))
    return found


def _one(pairs, number, default=None):
    values = [v for n, v in pairs if n == number]
    return values[-1] if values else default


def _all(pairs, number):
    return [v for n, v in pairs if n == number]


def _unwrap(raw, depth=1):
    for _ in range(depth):
        raw = _one(fields(raw), 1, b"")
    return raw


def _signed(value):
    return value - (1 << 64) if value >> 63 else value


def encode_output(out):
    if out.kind == "payment":
        proof = _wrapped(1, out.vcmt) + _bytes(2, out.proof)
        return _bytes(1, _key(1, out.recipient) + _bytes(2, proof) + _wrapped(4, out.ag)
                      + _bytes(5, out.payload))
    if out.kind == "public":
        return _bytes(2, _key(1, out.recipient) + _number(2, out.serno) + _number(3, out.amount))
    return _bytes(3, _key(1, out.recipient) + _key(2, out.validator) + _number(3, out.amount)
                  + _number(4, out.serno) + _wrapped(5, out.signature))


def decode_output(blob):
    kind, body = fields(blob)[-1]
    pairs = fields(body)
    recipient = _unwrap(_one(pairs, 1), 2)
    if kind == 1:
        proof = fields(_one(pairs, 2))
        return Output("payment", recipient, vcmt=_unwrap(_one(proof, 1)), proof=_one(proof, 2),
                      ag=_unwrap(_one(pairs, 4)), payload=_one(pairs, 5))
    if kind == 2:
        return Output("public", recipient, serno=_signed(_one(pairs, 2, 0)),
                      amount=_signed(_one(pairs, 3, 0)))
    if kind == 3:
        return Output("stake", recipient, validator=_unwrap(_one(pairs, 2), 2),
                      amount=_signed(_one(pairs, 3, 0)), serno=_signed(_one(pairs, 4, 0)),
                      signature=_unwrap(_one(pairs, 5)))
    raise WireError("output kind %d" % kind)


def encode_payment(tx):
    body = b"".join(_wrapped(1, i) for i in tx.txins)
    body += b"".join(_bytes(2, encode_output(o)) for o in tx.txouts)
    body += _wrapped(3, tx.gamma) + _number(4, tx.fee)
    body += _bytes(5, _wrapped(1, tx.sig_u) + _wrapped(2, tx.sig_k))
    return _bytes(2, body)


def decode_payment(data):
    kind, body = fields(data)[-1]
    if kind != 2:
        raise WireError("not a payment transaction")
    pairs = fields(body)
    sig = fields(_one(pairs, 5, b""))
    return Transaction("payment", [decode_output(o) for o in _all(pairs, 2)],
                       [_unwrap(i) for i in _all(pairs, 1)], gamma=_unwrap(_one(pairs, 3)),
                       fee=_signed(_one(pairs, 4, 0)), sig_u=_unwrap(_one(sig, 1)),
                       sig_k=_unwrap(_one(sig, 2)))


def genesis_outputs(block):
    """The outputs of a genesis file (one macro `Block`)."""
    return [decode_output(o) for o in _all(fields(_one(fields(block), 1)), 5)]
