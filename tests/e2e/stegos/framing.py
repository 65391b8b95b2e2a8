"""Text frames of the node's API: base64(iv[16] || AES-128-CTR(token, iv, json))."""

import base64
import binascii
import os
import re

from Cryptodome.Cipher import AES

IV_LEN = 16
_LOW64 = 1 << 64


class FrameError(ValueError):
    """The frame cannot be read; a node drops the connection without a word here."""


def _ctr64(key, iv, data):
    # The node adds the block number to the low half of the IV only, with no carry into the high half.
    # A counter of eight bytes with the high half as prefix does the same, except for its wrap, which
    # this library refuses; so the data is cut where the low half starts again from zero.
    high, low = iv[:8], int.from_bytes(iv[8:], "big")
    before_wrap = (_LOW64 - low) * 16
    head = _ctr_run(key, high, low, data[:before_wrap])
    if len(data) <= before_wrap:
        return head
    return head + _ctr_run(key, high, 0, data[before_wrap:])


def _ctr_run(key, high, low, data):
    if not data:
        return b""
    return AES.new(key, AES.MODE_CTR, nonce=high, initial_value=low).encrypt(data)


def encode(token, text, iv=None):
    """The text frame of a JSON text. A random IV never comes near the wrap of the counter."""
    if iv is None:
        raw = bytearray(os.urandom(IV_LEN))
        raw[8] &= 0x7F
        iv = bytes(raw)
    body = text.encode() if isinstance(text, str) else text
    return base64.b64encode(iv + _ctr64(token, iv, body)).decode("ascii")


def decode(token, frame):
    """The JSON text inside a frame, as bytes. Reads what the node reads: padding may be missing."""
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", frame):
        raise FrameError("not standard Base64")
    bare = frame.rstrip("=")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error as why:
        raise FrameError(str(why)) from why
    if len(raw) < IV_LEN:
        raise FrameError("shorter than an IV")
    plain = _ctr64(token, raw[:IV_LEN], raw[IV_LEN:])
    if not (plain.startswith(b"{") and plain.endswith(b"}")):
        raise FrameError("no braces: another token, or not a message")
    return plain


def read_token(data):
    """The 16 bytes of a token file; white space around them is ours to trim, a wrong length is not."""
    try:
        token = base64.b64decode(data.strip(), validate=True)
    except binascii.Error as why:
        raise FrameError(str(why)) from why
    if len(token) != 16:
        raise FrameError("token of %d bytes" % len(token))
    return token
