"""Strict bech32 addresses: three-letter prefix, 32 bytes, checksum constant 1 (not bech32m)."""

from stegos import ristretto

PREFIX = {"mainnet": "stg", "testnet": "stt", "devnet": "str", "dev": "dev"}
_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class AddressError(ValueError):
    pass


def _polymod(values):
    chk = 1
    for value in values:
        top = chk >> 25
        chk = (chk & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                chk ^= generator
    return chk


def _expand(hrp):
    return [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]


def encode(hrp, key):
    number = int.from_bytes(key, "big") << 4  # 256 bits and four zero bits make 52 groups of five
    data = [number >> 5 * i & 31 for i in reversed(range(52))]
    check = _polymod(_expand(hrp) + data + [0] * 6) ^ 1
    tail = [check >> 5 * (5 - i) & 31 for i in range(6)]
    return hrp + "1" + "".join(_CHARSET[v] for v in data + tail)


def decode(text, want_hrp):
    """The 32 key bytes. Whether they are a point is asked separately: a block may carry any bytes."""
    if text != text.lower() and text != text.upper():
        raise AddressError("mixed case")
    text = text.lower()
    hrp, sep, rest = text.rpartition("1")
    if not sep or not hrp or len(rest) < 6 or any(c not in _CHARSET for c in rest):
        raise AddressError("not bech32")
    data = [_CHARSET.index(c) for c in rest]
    if _polymod(_expand(hrp) + data) != 1:
        raise AddressError("checksum")
    if hrp != want_hrp:
        raise AddressError("prefix %s where %s is wanted" % (hrp, want_hrp))
    if len(data) != 58:
        raise AddressError("payload is not 32 bytes")
    number = 0
    for value in data[:-6]:
        number = number << 5 | value
    if number & 15:
        raise AddressError("padding bits are not zero")
    return (number >> 4).to_bytes(32, "big")


def user_address(text, want_hrp):
    """The key of an address somebody may be credited on: a point, and not the identity."""
    key = decode(text, want_hrp)
    if not ristretto.is_point(key):
        raise AddressError("not a Ristretto point")
    if key == bytes(32):
        raise AddressError("the identity element")
    return key
