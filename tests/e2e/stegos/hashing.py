"""Hash building blocks of the chain: SHA3-256 over tagged fields, and Merkle roots."""

import hashlib

ZERO = bytes(32)


def sha3(data):
    return hashlib.sha3_256(data).digest()


def u32(value):
    return value.to_bytes(4, "little")


def u64(value):
    return value.to_bytes(8, "little")


def i64(value):
    return value.to_bytes(8, "little", signed=True)


def point(raw):
    return b"PtPoint" + raw


def scalar(raw):
    return b"Fr" + raw


def account_key(raw):
    return b"PublicKey" + b"PtPoint" + raw


def network_key(raw):
    return b"PublicKey" + raw


def network_signature(raw):
    return b"Signature" + raw


def vrf(rand, proof):
    return rand + b"G1" + proof


def merkle_root(values):
    """Root over 32-byte values; a node without a right neighbour is paired with itself."""
    if not values:
        return ZERO
    row = [sha3(b"Leaf" + v) for v in values]
    while len(row) > 1:
        if len(row) % 2:
            row.append(row[-1])
        row = [sha3(b"Inner" + row[i] + row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]
