"""A Stegos node made of a recording: it plays the recorded changes and answers from the state they leave.

Three generations differ in names, error shapes, order of replies and in what a subscription delivers;
`dialect` holds what is data about that, the rest is below. The node runs in a thread of its own, so
tests stay plain sequential code.
"""

import asyncio
import json
import threading

from stegos import dialect, framing, protobuf
from stegos.blocks import outputs_of
from stegos.model import output_from_json
from stegos.ws import Closed, Socket

V13_PAGE = 71
PATIENCE = 300  # seconds that only failures wait


class Drop(Exception):
    """The node hangs up without an answer."""


class Raw:
    """A tampered message that goes out as it stands: a text frame, or as bytes on the TCP stream."""

    def __init__(self, data):
        self.data = data


class Connection:
    def __init__(self, node, socket):
        self.node, self.socket = node, socket
        self.readers = []  # [position, live, left]; v1.2.2 has at most one
        self.waiting, self.ready = [], asyncio.Event()
        self.order = asyncio.Lock()  # a reply comes before the notices it starts, and readers go in turn
        self.subscribes = 0

    async def send(self, message):
        if self.node.tamper:
            message = self.node.tamper(message)
            if message is None:
                return
        if isinstance(message, Raw):
            raw = self.socket.send if isinstance(message.data, str) else self.socket.send_raw
            await raw(message.data)
            return
        text = json.dumps(message, separators=(",", ":"))
        await self.socket.send(framing.encode(self.node.token, text))


class FakeNode:
    def __init__(self, script, token, generation=None):
        self.script, self.token = script, token
        self.generation = generation or script.generation
        self.words = dialect.WORDS[self.generation]
        self.state = script.state
        self.network = {"dev": "dev", "stt": "testnet", "stg": "mainnet"}[script.hrp]
        self.version = script.version
        self.synchronized = True
        self.tamper = None  # callable(message) -> message, Raw, or None to send nothing
        self.requests = []  # (connection number, request), for tests that ask what was sent
        self.together = 1  # so many requests of the next batch are waited for
        self.accepted = 0
        self.position = 0  # steps played
        self._connections = []
        self._subscribed = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._server = None

    # --- the test's side ---

    def start(self, port=0):
        self._thread.start()
        self._call(self._listen(port))
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def port(self):
        return self._port  # also asked for after stop(), when a test points a service elsewhere

    @property
    def endpoint(self):
        return "ws://127.0.0.1:%d" % self.port

    def wait_subscribed(self, timeout=PATIENCE):
        assert self._subscribed.wait(timeout), "nobody subscribed"

    def play(self, until=None, timeout=PATIENCE):
        """Plays steps to the end, or until `until(step)` is true of the next one."""
        self._call(self._play(until), timeout)

    def hang_up(self):
        """Drops every connection."""
        self._call(self._hang_up())

    def _call(self, job, timeout=PATIENCE):
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(timeout)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    # --- connections ---

    async def _listen(self, port):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=1 << 20)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _hang_up(self):
        for connection in self._connections:
            connection.socket.hang_up()

    async def _shut(self):
        self._server.close()
        mine = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.accepted += 1
        number = self.accepted
        socket = Socket(reader, writer, self.generation)
        connection = Connection(self, socket)
        answering = None
        try:
            await socket.accept()
            self._connections.append(connection)
            answering = asyncio.ensure_future(self._answer(connection))
            while True:
                request = self._read(await socket.recv())
                self.requests.append((number, request))
                connection.waiting.append(request)
                connection.ready.set()
        except (Closed, Drop):
            pass
        finally:
            if connection in self._connections:
                self._connections.remove(connection)
            if answering:
                answering.cancel()
            socket.hang_up()

    def _read(self, frame):
        try:
            return dialect.parse_request(framing.decode(self.token, frame))
        except (framing.FrameError, dialect.BadRequest) as why:
            raise Drop(str(why)) from why

    async def _answer(self, connection):
        try:
            while True:
                await connection.ready.wait()
                if self.generation == "1.2.2":
                    # Requests that come together are answered newest first, save version_info; the
                    # short pause is the time in which requests count as "together".
                    await asyncio.sleep(0.002)
                while len(connection.waiting) < self.together:
                    connection.ready.clear()
                    await connection.ready.wait()
                self.together = 1
                connection.ready.clear()
                batch, connection.waiting = connection.waiting, []
                for request in dialect.reply_order(self.generation, batch):
                    async with connection.order:
                        await self._handle(connection, request)
                    await self._advance_all()
        except (Closed, Drop):
            connection.socket.hang_up()

    async def _handle(self, connection, request):
        name = self.words.canonical(request.get("type"))
        handler = getattr(self, "_on_" + name, None) if name else None
        try:
            if handler is None:
                raise dialect.BadRequest("no such call")
            reply = handler(connection, request)
        except dialect.BadRequest as why:
            if self.generation == "1.2.2":
                raise Drop(str(why)) from why
            reply = {"error": dialect.GENERIC_ERROR}
        except dialect.NodeError as why:
            reply = {"type": "error", "error": str(why)}
        if request.get("id"):
            reply["id"] = request["id"]
        await connection.send(reply)

    # --- requests ---

    def _on_version_info(self, _, request):
        return {"type": "version_info", "version": self.version}

    def _on_chain_name(self, _, request):
        return {"type": "chain_name", "name": self.network}

    def _status(self, kind):
        state, words = self.state, self.words
        return {"type": kind, "is_synchronized": self.synchronized, "epoch": state.epoch,
                "offset": state.offset, "view_change": state.view_change,
                "last_block_hash": state.last_hash, words.last_macro_hash: state.last_macro_hash,
                words.last_macro_time: state.macro_time, "local_timestamp": state.last_time}

    def _on_status_info(self, _, request):
        return self._status("status_info")

    def _on_subscribe_status(self, _, request):
        return self._status("subscribed_status")

    def _on_macro_block_info(self, _, request):
        epoch = dialect.unsigned(request, "epoch", 64)
        if epoch not in self.state.macros:
            raise dialect.NodeError(self.words.no_macro % epoch)
        return dict(self.state.macros[epoch], type=self.words.macro_info)

    def _on_micro_block_info(self, _, request):
        epoch, offset = dialect.unsigned(request, "epoch", 64), dialect.unsigned(request, "offset", 32)
        if epoch != self.state.epoch or offset not in self.state.micros:
            raise dialect.NodeError(self.words.no_micro % (epoch, offset))
        return dict(self.state.micros[offset], type=self.words.micro_info)

    def _on_subscribe_chain(self, connection, request):
        epoch, offset = dialect.unsigned(request, "epoch", 64), dialect.unsigned(request, "offset", 32)
        if epoch > self.state.epoch:
            if self.generation == "1.2.2":
                raise dialect.NodeError("Invalid epoch requested: epoch=%d" % epoch)
            raise dialect.BadRequest("the real reason is lost")
        reader = {"at": (epoch, offset), "live": False, "left": V13_PAGE, "fresh": True}
        connection.readers = ([] if self.generation == "1.2.2" else connection.readers) + [reader]
        connection.subscribes += 1
        self._subscribed.set()
        return {"type": "subscribed_chain", "current_epoch": self.state.epoch,
                "current_offset": self.state.offset}

    def _on_outputs_list(self, _, request):
        wanted = [dialect.lenient_hash(u) for u in dialect.texts(request, "utxos")]
        found = self.state.unspent()
        for utxo in wanted:
            if utxo not in found:
                raise dialect.NodeError(self.words.no_output % utxo[:12])
        return {"type": "outputs_list", "utxos": [
            protobuf.encode_output(output_from_json(found[u], self.script.hrp)).hex() for u in wanted]}

    def _on_broadcast_transaction(self, _, request):
        try:
            tx = protobuf.decode_payment(bytes.fromhex(request["data"]))
        except (KeyError, TypeError, ValueError) as why:
            raise dialect.BadRequest("data") from why
        found = self.state.unspent()
        missing = [i.hex() for i in tx.txins if i.hex() not in found]
        status = {"status": "accepted"} if not missing else {
            "status": "rejected", "error": "Missing transaction input: tx=%s, utxo=%s" % (
                tx.hash().hex()[:12], missing[0][:12])}
        return {"type": "broadcast_transaction", "hash": tx.hash().hex(), "status": status}

    # --- playing ---

    async def _play(self, until):
        while self.position < len(self.script.steps):
            step = self.script.steps[self.position]
            if until and until(step):
                return
            self.position += 1
            self._apply(step)
            await self._tell(step)
            await asyncio.sleep(0)  # requests that arrived meanwhile are answered from this state

    def _apply(self, step):
        if step.kind == "micro":
            self.state.add_micro(step.block, self.script.known_macros)
        elif step.kind == "macro":
            self.state.add_macro(step.block)
        elif step.kind == "revert":
            self.state.remove_micro(step.block)
        elif step.kind == "pop":
            self.state.pop()

    async def _tell(self, step):
        """v1.2.2 tells live subscribers every change; dev readers find additions by themselves."""
        for connection in list(self._connections):
            try:
                async with connection.order:
                    await self._tell_one(connection, step)
            except Closed:
                connection.socket.hang_up()

    async def _tell_one(self, connection, step):
        for reader in connection.readers:
            live = reader["live"] if self.generation == "1.2.2" else step.kind == "repeat"
            if live and step.block and self.generation != "1.3":
                await connection.send(self._notice(step))
            else:
                await self._advance(connection, reader)

    def _notice(self, step):
        kind = "macro" if "offset" not in step.block else "revert" if step.kind == "revert" else "micro"
        return dict(step.block, type=self.words.notice[kind])

    async def _advance_all(self):
        for connection in list(self._connections):
            try:
                async with connection.order:
                    for reader in connection.readers:
                        # dev sends the first page at the event after the subscription.
                        if self.generation == "1.2.2" or not reader.pop("fresh", False):
                            await self._advance(connection, reader)
            except Closed:
                connection.socket.hang_up()

    async def _advance(self, connection, reader):
        """Moves a disk reader on, as far as the stored blocks go."""
        while not reader["live"]:
            found = self.state.next_key(reader["at"])
            if found is None:
                break
            if self.generation == "1.3":
                if not reader["left"]:
                    return
                reader["left"] -= 1
            block, reader["at"] = found
            kind = "macro" if "offset" not in block else "micro"
            await connection.send(dict(block, type=self.words.notice[kind]))
        if self.generation == "1.3":
            reader["left"] = 0
        if self.generation == "1.2.2" and reader["at"] == self.state.tip():
            reader["live"] = True


def public_recipients(script):
    """Every recipient of a public payment anywhere in a script."""
    found = set()
    for block in list(script.known_macros.values()) + script.micros_seen:
        found |= {o["recipient"] for o in outputs_of(block) if o["type"] == "public_payment_output"}
    return sorted(found)
