"""The replayed node and the oracle against each other, without the service."""

import asyncio
import base64
import json

import pytest
import websockets

from stegos import blocks, cases, fakenode, framing, recordings, script
from stegos.client import NodeClient, pull_chain

TOKEN = base64.b64decode("AAECAwQFBgcICQoLDA0ODw==")


def run(job, timeout=300):
    return asyncio.run(asyncio.wait_for(job, timeout))


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.id)
def test_case_table(case):
    """The table's numbers follow from the file, and the replay of what is known links."""
    played = script.load(case.folder, case.name)
    end = cases.expected(case, played)
    assert (end.final_epoch, len(end.micros)) == (case.final, case.open_len)
    with fakenode.FakeNode(played, TOKEN) as node:
        node.play()
        assert node.position == len(played.steps)
        tip_epoch = node.state.epoch
    assert (tip_epoch > case.final + 1) == case.holds


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.id)
def test_client_follows(case):
    """A subscriber gets the recorded story; what it can pull at the end is what the oracle expects."""
    played = script.load(case.folder, case.name)
    with fakenode.FakeNode(played, TOKEN) as node:
        run(_follow(node, case, played))


async def _follow(node, case, played):
    loop = asyncio.get_running_loop()
    async with NodeClient(node.endpoint, TOKEN, node.generation) as client:
        start = min(case.start, node.state.epoch)
        reply = await client.request(type="subscribe_chain", epoch=start, offset=0)
        assert reply["type"] == "subscribed_chain"
        playing = loop.run_in_executor(None, node.play)
        end = cases.expected(case, played)
        told = []
        want = played.micros_seen[-1]["block_hash"]
        while not told or told[-1]["block_hash"] != want:
            told.append(client.notices.pop(0) if client.notices else await client.receive())
        await playing
        assert all(blocks.check_macro(b, "dev") == [] if blocks.is_macro(b)
                   else blocks.check_micro(b, "dev") == [] for b in told)
        macros = []
        while True:
            reply = await client.macro(case.start + len(macros))
            if reply["type"] == "error":
                assert reply["error"] == "Macro block doesn't exists: epoch=%d" % (
                    case.start + len(macros))
                break
            macros.append(reply)
        assert [m["block_hash"] for m in macros] == [
            m["block_hash"] for m in played.final_macros(case.start)]
        status = await client.status()
        assert (status["epoch"] > end.final_epoch + 1) == case.holds
        if not case.holds:
            assert status["offset"] == case.open_len


def _refused(generation, request):
    """What a node of a generation does with one request: a reply, or None when it hangs up."""
    played = script.load("v1.2.2" if generation == "1.2.2" else "dev", "live_from_genesis")

    async def ask(node):
        async with websockets.connect(node.endpoint, compression=None, ping_interval=None) as socket:
            await socket.send(framing.encode(TOKEN, request))
            try:
                return json.loads(framing.decode(TOKEN, await socket.recv()))
            except websockets.ConnectionClosed:
                return None

    with fakenode.FakeNode(played, TOKEN, generation) as node:
        return run(ask(node))


@pytest.mark.parametrize("folder", recordings.FOLDERS)
def test_errors_as_recorded(folder):
    """Bad requests end as they did on the recorded node: same reply shape, or a dropped connection."""
    calls = {"no_such_call", "chain_name", "status_info", "macro_block_info", "micro_block_info",
             "subscribe_chain", None}
    lines = list(recordings.lines(recordings.path_of(folder, "errors")))
    generation = "1.2.2" if folder == "v1.2.2" else "dev"
    checked = 0
    for at, line in enumerate(lines):
        if line.dir != "send" or not line.raw or not line.msg or line.msg.get("type") not in calls:
            continue
        after = next((n for n in lines[at + 1:] if n.dir in ("recv", "event")), None)
        recorded = after.msg if after and after.dir == "recv" else None
        text = line.raw
        if lines[at - 2].note == "case: leading space":
            text = " " + text
        got = _refused(generation, text)
        assert (got is None) == (recorded is None), text
        if got is not None and recorded.get("type") not in ("status_info",):
            assert got == recorded, text
        checked += 1
    assert checked >= 15


def test_wire_habits_of_dev():
    """Doubled reason phrase, lower-case headers, two Pongs for one Ping, no Close reply."""
    async def probe(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols Switching Protocols\r\n")
        assert b"sec-websocket-accept: " in head
        writer.write(b"\x89\x85\0\0\0\0hello")
        assert await reader.readexactly(14) == b"\x8a\x05hello" * 2
        writer.write(b"\x88\x80\0\0\0\0")
        assert await reader.read() == b""
        writer.close()

    with fakenode.FakeNode(script.load("dev", "live_from_genesis"), TOKEN) as node:
        run(probe(node.port))


def test_order_of_replies():
    """v1.2.2: version_info first, the rest newest first; dev: as asked."""
    async def ask(node):
        kinds = ["status_info", "version_info", "chain_name"]
        async with websockets.connect(node.endpoint, compression=None) as socket:
            node.together = len(kinds)
            for id_, kind in enumerate(kinds, 1):
                await socket.send(framing.encode(TOKEN, json.dumps({"type": kind, "id": id_})))
            return [json.loads(framing.decode(TOKEN, await socket.recv()))["id"] for _ in kinds]

    with fakenode.FakeNode(script.load("v1.2.2", "live_from_genesis"), TOKEN) as node:
        assert run(ask(node)) == [2, 3, 1]
    with fakenode.FakeNode(script.load("dev", "live_from_genesis"), TOKEN) as node:
        assert run(ask(node)) == [1, 2, 3]


def test_one_page_of_v13():
    """v1.3 sends at most 71 blocks for a subscription, under its own names, and then nothing."""
    async def follow(node):
        async with NodeClient(node.endpoint, TOKEN, "1.3") as client:
            await client.request(type="subscribe_chain", epoch=0, offset=0)
            await client.status()  # the page comes with the next event
            await asyncio.get_running_loop().run_in_executor(None, node.play)
            await client.status()
            assert {n["type"] for n in client.notices} == {"macroblock_committed", "microblock_prepared"}
            assert len(client.notices) <= 71
            reply = await client.macro(99)
            assert reply["error"] == "Macroblock does not exist: epoch=99"
            assert "last_mblock_hash" in await client.status()

    with fakenode.FakeNode(script.load("dev", "live_from_genesis"), TOKEN, "1.3") as node:
        run(follow(node))


def test_pull_whole_chain():
    played = script.load("v1.2.2", "live_from_genesis")
    with fakenode.FakeNode(played, TOKEN) as node:
        node.play()
        macros, micros = run(pull_chain(node.endpoint, TOKEN, "1.2.2"))
    assert [m["epoch"] for m in macros] == list(range(6)) and len(micros) == 2


def test_outputs_list():
    played = script.load("v1.2.2", "deposits_and_spends")

    async def ask(node):
        async with NodeClient(node.endpoint, TOKEN, "1.2.2") as client:
            found = await client.request(type="outputs_list", utxos=[unspent, unspent])
            gone = await client.request(type="outputs_list", utxos=[spent])
            return found, gone

    spent = "9ff2717c1174d70961a6b11833c54d4d0b77ea7a4a8d56e85b1a1bc9f6076a14"
    unspent = "e49e50c4b162b4f69a967ef73cdd1f61354dca8283e48bbf73f636968c8ee5df"
    with fakenode.FakeNode(played, TOKEN) as node:
        node.play(until=lambda step: step.kind == "micro" and step.block["epoch"] == 3)
        found, gone = run(ask(node))
    assert len(found["utxos"]) == 2 and found["utxos"][0] == found["utxos"][1]
    assert gone["error"] == "Output was not found hash=9ff2717c1174"
