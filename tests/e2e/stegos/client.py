"""A small node client on the `websockets` library: it pulls a chain from any node, real or made."""

import asyncio
import json

import websockets

from stegos import dialect, framing


class NodeClient:
    """One connection. Notices that arrive while a reply is awaited are kept in `notices`."""

    def __init__(self, endpoint, token, generation):
        self.endpoint, self.token, self.words = endpoint, token, dialect.WORDS[generation]
        self.notices = []
        self._next_id = 0
        self._socket = None

    async def __aenter__(self):
        self._socket = await websockets.connect(self.endpoint, max_size=None, ping_interval=None,
                                                open_timeout=300, compression=None)
        return self

    async def __aexit__(self, *_):
        # Nodes answer a Close frame with a TCP close; there is nothing to wait for.
        self._socket.transport.close()

    async def receive_text(self, timeout=300):
        return framing.decode(self.token, await asyncio.wait_for(self._socket.recv(), timeout))

    async def receive(self, timeout=300):
        return json.loads(await self.receive_text(timeout))

    async def send(self, **fields):
        self._next_id += 1
        await self._socket.send(framing.encode(self.token, json.dumps(dict(fields, id=self._next_id))))

    async def request(self, **fields):
        await self.send(**fields)
        while True:
            reply = await self.receive()
            if reply.get("id") == self._next_id:
                return reply
            self.notices.append(reply)

    async def status(self):
        return await self.request(type="status_info")

    async def macro(self, epoch):
        return await self.request(type=self.words.macro_info, epoch=epoch)

    async def micro(self, epoch, offset):
        return await self.request(type=self.words.micro_info, epoch=epoch, offset=offset)


async def pull_chain(endpoint, token, generation, macros=None):
    """All macro blocks, and the micro blocks of the open epoch, at one moment.

    The chain may move on while it is read: then the open epoch is read again. Macro blocks pulled
    before may be given, for they do not change.
    """
    macros = [] if macros is None else macros
    async with NodeClient(endpoint, token, generation) as node:
        while True:
            status = await node.status()
            while len(macros) < status["epoch"]:
                macros.append(await node.macro(len(macros)))
            micros = [await node.micro(status["epoch"], o) for o in range(status["offset"])]
            again = await node.status()
            if all("block_hash" in m for m in micros) and again["epoch"] == status["epoch"] and (
                    again["last_block_hash"] == status["last_block_hash"]):
                return macros, micros


def pull(endpoint, token, generation, macros=None):
    return asyncio.run(pull_chain(endpoint, token, generation, macros))
