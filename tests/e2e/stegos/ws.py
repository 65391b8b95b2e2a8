"""The server half of WebSocket, small enough to misbehave exactly like the recorded nodes.

A library would answer Close frames, send Pongs once and spell headers correctly; the nodes do not.
"""

import asyncio
import base64
import hashlib
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Closed(Exception):
    """The peer is gone, or sent something a node would hang up on."""


class Socket:
    def __init__(self, reader, writer, generation):
        self._reader, self._writer = reader, writer
        self._generation = generation
        self._sending = asyncio.Lock()

    async def accept(self):
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as why:
            raise Closed("no handshake") from why
        headers = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        if b"sec-websocket-key" not in headers:
            raise Closed("no key")
        digest = hashlib.sha1(headers[b"sec-websocket-key"] + _GUID).digest()
        self._writer.write(self._reply(base64.b64encode(digest).decode()).encode())
        await self._drain()

    def _reply(self, accept):
        if self._generation == "1.2.2":
            return ("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: %s\r\n"
                    "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" % accept)
        return ("HTTP/1.1 101 Switching Protocols Switching Protocols\r\nconnection: Upgrade\r\n"
                "upgrade: websocket\r\nsec-websocket-accept: %s\r\n\r\n" % accept)

    async def _exactly(self, count):
        try:
            return await self._reader.readexactly(count)
        except (asyncio.IncompleteReadError, OSError) as why:
            raise Closed("end of stream") from why

    async def _frame(self):
        first, second = await self._exactly(2)
        size = second & 127
        if size == 126:
            size = struct.unpack(">H", await self._exactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", await self._exactly(8))[0]
        if not second & 128:
            raise Closed("a client must mask")
        mask = await self._exactly(4)
        data = await self._exactly(size)
        key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        plain = (int.from_bytes(data, "big") ^ key).to_bytes(size, "big")
        return first & 128, first & 15, plain

    async def recv(self):
        """The next text message. Answers Pings on the way, like the library below each node does."""
        parts = []
        while True:
            final, opcode, data = await self._frame()
            if opcode == PING:
                for _ in range(1 if self._generation == "1.2.2" else 2):
                    await self.send(data, PONG)
            elif opcode == CLOSE or opcode == BINARY:
                raise Closed("close" if opcode == CLOSE else "binary")
            elif opcode in (0, TEXT):
                parts.append(data)
                if final:
                    return b"".join(parts).decode("utf-8", "replace")

    async def send(self, data, opcode=TEXT):
        if isinstance(data, str):
            data = data.encode()
        size = len(data)
        head = bytes([128 | opcode])
        if size < 126:
            head += bytes([size])
        elif size < 1 << 16:
            head += b"\x7e" + struct.pack(">H", size)
        else:
            head += b"\x7f" + struct.pack(">Q", size)
        await self.send_raw(head + data)

    async def send_raw(self, data):
        async with self._sending:
            self._writer.write(data)
            await self._drain()

    async def _drain(self):
        try:
            await self._writer.drain()
        except OSError as why:
            raise Closed("write") from why

    def hang_up(self):
        """A plain TCP close, with no Close frame: what nodes do in every case."""
        self._writer.close()

    def reset(self):
        self._writer.transport.abort()
