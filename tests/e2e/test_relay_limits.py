"""What one client of the relay can take of it, and that the others are served meanwhile."""

import asyncio
import json

import pytest
import websockets

from bank import Client
from harness import PATIENCE, eventually

PLACES, IN_FLIGHT = 64, 32
MESSAGE_MAX = 4 << 20
TCP_ESTABLISHED, TIMER_KEEPALIVE = "01", "02"


@pytest.fixture
def world(relayed):
    return relayed


def reached(service, limit):
    text = service.get("/metrics").body.decode()
    name = 'hotside_limits_reached_total{limit="%s"} ' % limit
    return float(next(line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name)))


async def is_served(service):
    try:
        async with Client(service) as client:
            return (await client.ask(type="version_info", id=1))["id"] == 1
    except (OSError, EOFError, websockets.exceptions.WebSocketException):
        return False


def test_so_many_connections_and_no_more(world):
    service, _ = world

    async def crowd():
        held = [await Client(service).__aenter__() for _ in range(PLACES)]
        for client in held:
            assert (await client.ask(type="chain_name", id=7))["id"] == 7
        assert not await is_served(service)
        assert reached(service, "relay_connections") == 1
        for client in held:
            await client.__aexit__()
    asyncio.run(crowd())
    eventually(lambda: asyncio.run(is_served(service)), "a place")


def test_so_many_calls_a_second_and_at_once(world):
    service, node = world

    async def fast():
        async with Client(service) as client:
            for _ in range(1000):  # until it is too fast: no more at once than may be
                for n in range(1, IN_FLIGHT // 2):
                    await client.send(json.dumps({"type": "version_info", "id": n}))
                answers = [await client.recv() for n in range(1, IN_FLIGHT // 2)]
                refused = [a["error"] for a in answers if a["type"] == "error"]
                if refused:
                    assert await is_served(service)
                    return refused
    refused = asyncio.run(fast())
    assert refused and set(refused) == {"too many calls a second"}, refused[:3]
    assert reached(service, "relay_calls") == len(refused)

    async def waiting():
        async with Client(service) as client:
            for n in range(1, IN_FLIGHT + 2):
                await client.send(json.dumps({"type": "status_info", "id": n}))
            return await client.recv()
    node.do("stall 8")
    first = asyncio.run(waiting())
    assert (first["id"], first["error"]) == (IN_FLIGHT + 1, "too many calls at once"), first
    assert reached(service, "relay_calls") == len(refused) + 1


def test_a_message_that_is_too_long_ends_the_connection(world):
    service, _ = world

    async def talk(size):
        async with Client(service) as client:
            await client.send(json.dumps({"type": "version_info", "id": 1, "x": "y" * size}))
            return await client.recv()
    assert asyncio.run(talk(MESSAGE_MAX // 2))["id"] == 1
    with pytest.raises(websockets.exceptions.ConnectionClosed):
        asyncio.run(talk(MESSAGE_MAX))


def test_a_dead_client_gives_its_place_back(world):
    """By keep-alive: the kernel asks whether it is still there."""
    service, _ = world

    def timers():
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        return [row[5].partition(":")[0] for row in rows if row[3] == TCP_ESTABLISHED
                and row[1].endswith(":%04X" % service.relay_port)]

    async def connected():
        async with Client(service) as client:
            await client.ask(type="version_info", id=1)
            # Until what was sent is acknowledged, another timer runs.
            for _ in range(int(PATIENCE * 20)):
                if timers() == [TIMER_KEEPALIVE]:
                    return True
                await asyncio.sleep(0.05)
        return timers()
    assert asyncio.run(connected()) is True
