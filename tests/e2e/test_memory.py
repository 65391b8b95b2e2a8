"""A macro block of 54,600 public payments (60 full micro blocks of the simulator), taken in within 1 GiB."""

import resource
import subprocess

import harness
from harness import Service, SimNode, eventually

GIB = 1 << 30


def resident(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as status:
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in status
                if line.startswith(("VmHWM", "VmRSS"))}


def test_a_large_macro_block(where):
    with SimNode(where, "1.2.2", "epoch-length 60\n") as node:
        own = node.addresses()[:1]
        service = Service(where, [(node.endpoint, node.token_file)])
        with open(where / "serve.err", "ab") as err:
            process = subprocess.Popen(
                [str(harness.BINARY), "serve", "--config", str(service.config)], stderr=err,
                stdout=subprocess.DEVNULL, env=harness.clean_environment(),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (GIB, GIB)))
        try:
            eventually(service.alive, "/healthz", alive=process)
            service.register(own)
            node.do(*["pay-many 1000", "grow 1"] * 60, "seal", "grow 1")
            final = node.do("height")[0].split()[1]
            eventually(lambda: (service.through() or {}).get("final_epoch") == int(final) - 1,
                       "the large epoch", 300, process)
            assert service.good("/v1/status")["counts"]["public_outputs"] >= 54_600
            memory = resident(process)
            print("peak %d MiB, now %d MiB" % (memory["VmHWM"] >> 20, memory["VmRSS"] >> 20))
            assert memory["VmHWM"] < GIB
        finally:
            process.terminate()
            assert process.wait(60) == 0
