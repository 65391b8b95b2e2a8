"""Macro blocks of 60,000 outputs (60 micro blocks as full as a node makes them), taken in within 1 GiB.

A private output is thirty times the text of a public one, and a v1.2.2 node writes the whole block into one
message.
"""

import asyncio
import resource
import subprocess

import harness
import pytest
from harness import PATIENCE, Service, SimNode, eventually
from stegos import client

GIB = 1 << 30
# Of one micro block: ten transactions of a hundred outputs, each with its change.
PUBLIC = ["pay-many 990", "grow"]
MIXED = ["pay-many 495", "pay-many 495 1000 private", "grow"]


def memory_of(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as status:
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in status
                if line.startswith(("VmHWM", "VmRSS"))}


def outputs_of(node, epoch):
    """How many the macro block has, by another program's reading."""
    async def ask():
        async with client.NodeClient(node.endpoint, node.token, node.generation) as link:
            await link.send(type=link.words.macro_info, epoch=epoch)
            return await link.receive_text(600)
    return asyncio.run(ask()).count(b'"recipient":')


@pytest.mark.parametrize(("block", "public"), [(PUBLIC, 59_400), (MIXED, 29_700)], ids=["public", "mixed"])
def test_a_large_macro_block(where, block, public):
    with SimNode(where, "1.2.2", "epoch-length 60\n") as node:
        service = Service(where, [(node.endpoint, node.token_file)])
        with open(where / "serve.err", "ab") as err:
            process = subprocess.Popen(
                [str(harness.BINARY), "serve", "--config", str(service.config)], stderr=err,
                stdout=subprocess.DEVNULL, env=harness.clean_environment(),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (GIB, GIB)))
        try:
            eventually(service.alive, "/healthz", alive=process)
            service.register(node.addresses()[:1])
            node.do(*block * 60, "seal")
            tip = node.do("height")[0].split()[-1]
            eventually(lambda: (service.through() or {}).get("block_hash") == tip, "the large epoch", 3 * PATIENCE, process)
            final = service.through()["final_epoch"]
            assert service.good("/v1/status")["counts"]["public_outputs"] >= public
            memory = memory_of(process)
            print("peak %d MiB, now %d MiB" % (memory["VmHWM"] >> 20, memory["VmRSS"] >> 20))
            assert memory["VmHWM"] < GIB
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0
        assert outputs_of(node, final) >= 60_000
