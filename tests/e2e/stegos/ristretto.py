"""ristretto255 through libsodium, as far as payment signatures need it."""

import ctypes
import ctypes.util
import hashlib

ORDER = 2**252 + 27742317777372353535851937790883648493
_LIB = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
if _LIB.sodium_init() < 0:
    raise RuntimeError("libsodium does not start")


class PointError(ValueError):
    pass


def _call(name, *args):
    out = ctypes.create_string_buffer(32)
    if getattr(_LIB, "crypto_core_ristretto255_" + name)(out, *args) != 0:
        raise PointError(name)
    return out.raw


def is_point(raw):
    # libsodium 1.0.18 does not look at the top bit, which a canonical encoding never has set.
    return len(raw) == 32 and raw[31] < 128 and _valid(raw)


def _valid(raw):
    return _LIB.crypto_core_ristretto255_is_valid_point(raw) == 1


def add(p, q):
    return _call("add", p, q)


def sub(p, q):
    return _call("sub", p, q)


def from_hash(sixty_four_bytes):
    return _call("from_hash", sixty_four_bytes)


def mul(scalar, point):
    """scalar·point; the identity is a result like any other, though libsodium reports it as a failure."""
    out = ctypes.create_string_buffer(32)
    raw = (scalar % ORDER).to_bytes(32, "little")
    if not is_point(point):
        raise PointError("mul")
    if _LIB.crypto_scalarmult_ristretto255(out, raw, point) != 0:
        return bytes(32)
    return out.raw


def mul_base(scalar):
    out = ctypes.create_string_buffer(32)
    if _LIB.crypto_scalarmult_ristretto255_base(out, (scalar % ORDER).to_bytes(32, "little")) != 0:
        return bytes(32)
    return out.raw


BASE = mul_base(1)
BLINDING = from_hash(hashlib.sha3_512(BASE).digest())
