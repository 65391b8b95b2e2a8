#!/usr/bin/env python3
"""Has one request of a bundle signed by an offline Stegos node. Runs on the cold machine; read it, it is short.

    sign.py bundle.json 1 --key-file KEY --node 127.0.0.1:3145 --token-file api.token -o signed-1.json

KEY holds the secret key of the request's `source`: 32 numbers as JSON, or 64 hex digits in the same order.
The output is the node's whole answer, which `hotside broadcast` takes as it is; it holds no secret.
Needs Python's standard library and the `openssl` command. Check the bundle first: `hotside bundle verify`.
"""

import argparse
import base64
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys

ANSWERS_WITHIN = 60  # seconds


class Refused(Exception):
    pass


def crypt(token, iv, data):
    """AES-128-CTR, either way."""
    return subprocess.run(["openssl", "enc", "-aes-128-ctr", "-K", token.hex(), "-iv", iv.hex()], input=data,
                          stdout=subprocess.PIPE, check=True).stdout


def seal(token, text):
    iv = bytearray(os.urandom(16))
    iv[8] &= 0x7F  # the node counts in the low half only: never near its end
    return base64.b64encode(bytes(iv) + crypt(token, bytes(iv), text.encode()))


def unseal(token, frame):
    raw = base64.b64decode(frame)
    return json.loads(crypt(token, raw[:16], raw[16:]))


class Node:
    """The client half of WebSocket, as far as a node speaks it: one text frame for each message."""

    def __init__(self, address):
        host, _, port = address.removeprefix("ws://").rstrip("/").rpartition(":")
        self.file = socket.create_connection((host.strip("[]"), int(port)), ANSWERS_WITHIN).makefile("rwb")
        self.file.write(b"GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
                        % (host.encode(), base64.b64encode(os.urandom(16))))
        self.file.flush()
        if b" 101 " not in self.file.readline():
            raise Refused("%s does not speak WebSocket" % address)
        while self.file.readline().strip():
            pass

    def send(self, payload):
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else (
            b"\xfe" + struct.pack(">H", size) if size < 1 << 16 else b"\xff" + struct.pack(">Q", size))
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.file.write(b"\x81" + length + mask + masked)
        self.file.flush()

    def receive(self):
        while True:
            head = self.read(2)
            size = head[1] & 0x7F
            if size > 125:
                size = int.from_bytes(self.read(2 if size == 126 else 8), "big")
            payload = self.read(size)
            if head[0] & 0x0F == 1:
                return payload

    def read(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise Refused("the node has ended the connection: a wrong token, or a request that it cannot read")
        return data


def secret_key(text):
    numbers = json.loads(text) if text.lstrip().startswith("[") else list(bytes.fromhex(text.strip()))
    if len(numbers) != 32:
        raise Refused("the key file holds %d bytes, not 32" % len(numbers))
    return numbers


def sign(bundle, number, key, node, token):
    requests = bundle["requests"]
    if not 1 <= number <= len(requests):
        raise Refused("the bundle has requests 1 to %d" % len(requests))
    connection = Node(node)
    connection.send(seal(token, json.dumps(dict(requests[number - 1], secret_key=key, id=1))))
    while True:
        answer = unseal(token, connection.receive())
        if answer.get("id") == 1:
            break
    if "data" not in answer:
        raise Refused("the node says: %s" % answer.get("error", answer))
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("number", type=int, help="which of its requests, from 1")
    parser.add_argument("--key-file", type=pathlib.Path, required=True)
    parser.add_argument("--node", default="127.0.0.1:3145")
    parser.add_argument("--token-file", type=pathlib.Path, required=True)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    given = parser.parse_args()
    try:
        answer = sign(json.loads(given.bundle.read_text()), given.number, secret_key(given.key_file.read_text()),
                      given.node, base64.b64decode(given.token_file.read_text()))
        given.output.write_text(json.dumps(answer) + "\n")
    except (Refused, OSError, ValueError, KeyError, subprocess.SubprocessError) as why:
        print("sign.py: %s" % why, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
