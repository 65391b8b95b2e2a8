"""Bounds that no other test reaches: docs/limits.md says where each of them is."""

import asyncio
import collections
import resource
import sqlite3
import subprocess
import uuid

import harness
from bank import Client
from harness import Service, SimNode, eventually, free_port, run
from test_api import problem
from test_relay_limits import world  # noqa: F401 (a fixture)

MIB = 1 << 20


def test_lists_of_one_request(world):  # noqa: F811
    service, node = world
    address = node.addresses()[0]
    payout, id_ = {"recipient": address, "amount": 1}, "%064x"

    def bundle(**fields):
        return service.ask("POST", "/v1/bundles", {"outputs": [payout], **fields},
                           {"Idempotency-Key": str(uuid.uuid4())})
    for count, found in ((1000, (404,)), (1001, (400,))):
        reply = service.ask("POST", "/v1/outputs", {"utxos": [id_ % n for n in range(count)]})
        assert reply.status in found, reply
    for fields in ({"outputs": [payout] * 1001}, {"from": [address] * 1001}, {"expires_in": 0},
                   {"expires_in": 30 * 86400 + 1}):
        assert "invalid-body" in problem(bundle(**fields), 400)["type"]
    # What may be is refused for another reason: there is nothing to pay from.
    for fields in ({"outputs": [payout] * 1000}, {"from": [address] * 1000}, {"expires_in": 30 * 86400}):
        assert bundle(**fields).status in (409, 422)

    async def outputs(count):
        async with Client(service) as client:
            return await client.ask(type="outputs_list", utxos=[id_ % n for n in range(count)], id=1)
    assert "not found" in asyncio.run(outputs(1000))["error"]
    refused = asyncio.run(outputs(1001))
    assert refused["type"] == "error" and "1000" in refused["error"], refused


def test_files_that_never_end(where, token_file):
    """Refused as soon as they are longer than any: with little memory."""
    def told(*args):
        done = subprocess.run([str(harness.BINARY), *map(str, args)], env=harness.clean_environment(), text=True,
                              capture_output=True, timeout=120, check=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (512 * MIB, 512 * MIB)))
        assert done.returncode in (1, 2), done
        return done.stdout + done.stderr
    assert "larger than 64 MiB" in told("bundle", "verify", "/dev/zero")
    assert "larger than 1 MiB" in told("config", "check", "--config", "/dev/zero")
    config = Service(where, [("ws://127.0.0.1:%d" % free_port(), token_file)],
                     http={"tokens_file": "/dev/zero"}).config
    assert "larger than 1 MiB" in told("config", "check", "--config", config)


def test_a_configuration_of_one_mebibyte(where, token_file):
    config = Service(where, [("ws://127.0.0.1:%d" % free_port(), token_file)]).config
    text = config.read_text()
    config.write_text(text + "#" * (MIB - len(text)))
    assert run(["config", "check", "--config", config], where)[0] == 0
    config.write_text(text + "#" * (MIB - len(text) + 1))
    code, _, said = run(["config", "check", "--config", config], where)
    assert code == 2 and "larger than 1 MiB" in said, said


def test_what_is_told_line_by_line(where):
    """A flood of events is one line of the log; of what `verify` finds, each check lists the first hundred."""
    with SimNode(where, "1.2.2", "epoch-length 6\n") as node:
        service = Service(where, [(node.endpoint, node.token_file)]).start()
        node.do(*["pay own1 7 900", "grow"] * 6, "seal")
        tip = node.do("height")[0].split()[-1]
        eventually(lambda: (service.through() or {}).get("block_hash") == tip, "the blocks")
        service.register(node.addresses()[:1])
        head = service.good("/v1/status")["head"]
        assert head >= 5400
        assert service.stop() == 0
    log = service.program.err.read_text()
    assert "events 1 to %d in one go" % head in log and "deposit committed" not in log
    with sqlite3.connect(where / "serve.db") as db:
        db.execute("UPDATE deposit SET spend = 2")
    code, out, _ = run(["verify", "--store", where / "serve.db"], where, 120)
    # Each finding begins with the table or row that it is about, and ends with what is wrong.
    kinds = collections.Counter(line.rpartition(": ")[2] for line in out.splitlines())
    assert code == 1 and max(kinds.values()) == 100, kinds
