"""Shared fixtures. Every test has a folder of its own; on failure the programs' output is in the report."""

import base64
import os
import signal

import pytest

import harness

# Started in the background, a shell's child ignores SIGINT, and so would every program started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

TOKEN = base64.b64decode("AAECAwQFBgcICQoLDA0ODw==")


@pytest.fixture
def where(tmp_path):
    return tmp_path


@pytest.fixture
def token_file(tmp_path):
    return harness.write_token(tmp_path / "api.token", TOKEN)


@pytest.fixture
def relayed(where):
    """A service with its relay open, behind it a node."""
    relay_port = harness.free_port()
    token = harness.write_token(where / "relay.token", os.urandom(16))
    with harness.SimNode(where, "1.2.2") as node:
        with harness.Service(where, [(node.endpoint, node.token_file)],
                             relay={"listen": "127.0.0.1:%d" % relay_port, "token_file": str(token)}) as service:
            harness.eventually(lambda: service.through(), "the first blocks")
            service.relay_port, service.relay_token = relay_port, base64.b64decode(token.read_text())
            yield service, node


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    folder = item.funcargs.get("tmp_path") if hasattr(item, "funcargs") else None
    if report.failed and folder:
        for log in sorted(folder.glob("*.err")) + sorted(folder.glob("*.out")):
            text = log.read_text(errors="replace")
            if text:
                report.sections.append(("%s (last lines)" % log, text[-6000:]))
