"""Very many valid addresses, fast: each one point further than the last, printed by table."""

import base64

from stegos import bech32, payments, ristretto

STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
OURS = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
TO_OURS = bytes.maketrans(STANDARD, OURS)


class Printer:
    """bech32 of 32 bytes. The checksum is linear: it is the XOR of what each byte adds to that of zeros."""

    def __init__(self, hrp):
        self.hrp = hrp
        self.zero = self._sum(bytes(32))
        self.adds = [[self._sum(bytes(i) + bytes([b]) + bytes(31 - i)) ^ self.zero for b in range(256)]
                     for i in range(32)]

    def _sum(self, raw):
        value = 0
        for char in bech32.encode(self.hrp, raw)[-6:]:
            value = value << 5 | OURS.index(char.encode())
        return value

    def text(self, raw):
        value = self.zero
        for add, byte in zip(self.adds, raw, strict=True):
            value ^= add[byte]
        data = base64.b32encode(raw).rstrip(b"=").translate(TO_OURS)
        check = bytes(OURS[value >> shift & 31] for shift in (25, 20, 15, 10, 5, 0))
        return "%s1%s" % (self.hrp, (data + check).decode())


def addresses(count, first=1, hrp="dev"):
    printer = Printer(hrp) if count > 1000 else None
    point = payments.public_key(first)
    for i in range(count):
        text = printer.text(point) if printer else bech32.encode(hrp, point)
        if i % 10_000 == 0:
            assert text == bech32.encode(hrp, point)
        yield text
        point = ristretto.add(point, ristretto.BLINDING)
