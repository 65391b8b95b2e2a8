"""What the supervisor hears of a service that is well."""

import socket
import subprocess

import harness
from harness import Service


def test_supervisor_hears_of_a_service_that_turns(where, token_file):
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(where / "notify"))
    ear.settimeout(harness.PATIENCE)
    service = Service(where, [("ws://127.0.0.1:%d" % harness.free_port(), token_file)])
    process = subprocess.Popen([str(harness.BINARY), "serve", "--config", str(service.config)],
                               env={**harness.clean_environment(), "NOTIFY_SOCKET": str(where / "notify")},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        heard = [ear.recv(100) for _ in range(4)]
        assert heard == [b"READY=1"] + [b"WATCHDOG=1"] * 3
    finally:
        process.terminate()
        assert process.wait(harness.PATIENCE) == 0
        ear.close()
