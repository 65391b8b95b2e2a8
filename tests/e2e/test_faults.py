"""Nodes that lie, stammer or vanish, and operators who mistype: below finality we wait and say why."""

import base64
import copy
import os

import pytest

import harness
from conftest import TOKEN
from harness import Service, free_port, write_token
from stegos import cases, fakenode, oracle, script
from stegos.fakenode import Raw
from test_api import A, samples
from test_recorded import GRACE, IDENTITY, watch

CASE = next(c for c in cases.CASES if (c.folder, c.name) == ("v1.2.2", "deposits_and_spends"))
DEV_CASE = next(c for c in cases.CASES if (c.folder, c.start) == ("dev", 3))


class World:
    """A recorded chain, the node that tells it, and what must come out whatever the node does meanwhile."""

    def __init__(self, case=CASE):
        self.case = case
        self.played = script.load(case.folder, case.name)
        self.node = fakenode.FakeNode(self.played, TOKEN)
        self.end = cases.expected(case, self.played)
        self.recipients = watch(self.played)

    def service(self, where, token_file, **config):
        config.setdefault("start", self.case.start)
        return Service(where, [(self.node.endpoint, token_file)], **{**GRACE, **config})

    def finish(self, service):
        service.wait_through(self.case.final, self.case.final + 1, self.case.through)

    def check(self, service):
        want = self.end.watched(self.recipients)
        problems = oracle.differences(want, service.deposits(), IDENTITY + ["block_hash"])
        assert not problems, "\n".join(problems[:20])
        service.check_feed()


@pytest.fixture
def world():
    made = World()
    with made.node:
        yield made


@pytest.fixture
def dev_world():
    made = World(DEV_CASE)
    with made.node:
        yield made


def metric(service, prefix):
    reply = service.get("/metrics")
    assert reply.status == 200, reply
    return sum(v for k, v in samples(reply.body.decode()).items() if k.startswith(prefix))


def reason_text(service, code):
    return " ".join(r["text"] for r in service.get("/readyz").json["reasons"] if r["code"] == code)


# --- reaching a node ------------------------------------------------------------------------------

def test_wrong_token(world, where, tmp_path):
    other = write_token(tmp_path / "other.token", bytes(16))
    with world.service(where, other) as service:
        service.wait_reason("no_node")
        harness.eventually(lambda: "token" in reason_text(service, "no_node"), "a word about the token")
        assert service.through() is None
        assert base64.b64encode(bytes(16)).decode() not in service.program.err.read_text()


def test_nobody_there_then_somebody(where, token_file):
    world, port = World(), free_port()
    service = Service(where, [("ws://127.0.0.1:%d" % port, token_file)], **GRACE)
    with service:
        service.register(world.recipients)
        service.wait_reason("no_node")
        world.node.start(port)
        try:
            world.node.wait_subscribed()
            world.node.play()
            world.finish(service)
            world.check(service)
        finally:
            world.node.stop()


def test_unsynchronised_node(world, where, token_file):
    world.node.synchronized = False
    with world.service(where, token_file) as service:
        service.wait_reason("node_unsynchronised")


def test_another_network(world, where, token_file):
    def tamper(message):
        return dict(message, name="mainnet") if message.get("type") == "chain_name" else message

    world.node.tamper = tamper
    with world.service(where, token_file) as service:
        service.wait_reason("wrong_network")
        text = reason_text(service, "wrong_network")
        assert "mainnet" in text and "dev" in text
        assert service.through() is None and service.good("/v1/status")["violations"] == []


def test_another_genesis_at_first_contact(world, where, token_file):
    """Merely not followed: nothing is stored, so nothing is contradicted."""
    world.node.tamper = _another_macro(0)
    with world.service(where, token_file) as service:
        service.wait_reason("wrong_network")
        assert service.through() is None and service.good("/v1/status")["violations"] == []


def _another_macro(epoch):
    """The node shows another macro block for one epoch (on v1.2.2 its hash cannot be recomputed)."""
    false_hash = "ab" * 32

    def tamper(message):
        message = copy.copy(message)
        if "multisigmap" in message and message["epoch"] == epoch:
            message["block_hash"] = false_hash
        if "multisigmap" in message and message["epoch"] == epoch + 1:
            message["previous"] = false_hash
        if "last_macro_block_hash" in message and message["epoch"] == epoch + 1:
            message["last_macro_block_hash"] = false_hash
        if message.get("offset") == 0 and "transactions" in message and message["epoch"] == epoch + 1:
            message["previous"] = false_hash
        return message
    return tamper


# --- connections that break -----------------------------------------------------------------------

def _once(kind, replacement):
    """Replaces the first message of a kind; afterwards the node is honest again."""
    left = [1]

    def tamper(message):
        if left and kind in message.get("type", ""):
            left.clear()
            return replacement(message)
        return message
    return tamper


GARBAGE = {
    "not base64": Raw("!!!not base64!!!"),
    "shorter than an iv": Raw("AAAA"),
    "iv only": Raw("bID6MAdRdTUpTvcjjBprGw=="),
    "empty": Raw(""),
    "another key": Raw("EBESExQVFhcYGRobHB0eH3PcS1Uokbms7lUKFh9RWZEnZWjImu3Mogg5SZwRpA=="),
    "plain json": Raw('{"type":"version_info"}'),
    "a binary frame": Raw(b"\x82\x02{}"),
    "a frame of 2^62 bytes": Raw(b"\x81\x7f\x40" + bytes(7)),
    "reserved bits": Raw(b"\xf1\x02{}"),
    "a masked frame": Raw(b"\x81\x82\1\2\3\4zy"),
    "not websocket": Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "half a frame": Raw(b"\x81\x7e\x10"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_on_the_wire(name, world, where, token_file):
    """Refused and counted; the connection is made anew and nothing is lost."""
    with world.service(where, token_file) as service:
        service.register(world.recipients)
        world.node.wait_subscribed()
        before = world.node.accepted
        world.node.tamper = _once("micro_block_prepared", lambda _: GARBAGE[name])
        played = len(world.played.steps) // 2
        world.node.play(until=lambda _: world.node.position >= played)
        if name == "half a frame":
            world.node.hang_up()  # the rest never comes
        harness.eventually(lambda: world.node.accepted > before, "a new connection")
        world.node.play()
        world.finish(service)
        world.check(service)
        if name not in ("half a frame",):
            assert metric(service, "hotside_frames_refused_total") >= 1


@pytest.mark.parametrize("pieces", [2, 7])
def test_connection_lost(pieces, world, where, token_file):
    """The TCP connection goes away several times, in the middle of epochs and of reverts."""
    with world.service(where, token_file) as service:
        service.register(world.recipients)
        world.node.wait_subscribed()
        total = len(world.played.steps)
        for piece in range(1, pieces):
            world.node.play(until=lambda _, p=piece: world.node.position >= p * total // pieces)
            before = world.node.accepted
            world.node.hang_up()
            harness.eventually(lambda b=before: world.node.accepted > b, "a new connection")
        world.node.play()
        world.finish(service)
        world.check(service)


# --- blocks that are wrong ------------------------------------------------------------------------

def _in_block(change):
    def replacement(message):
        message = copy.deepcopy(message)
        change(message)
        return message
    return replacement


def _bad_output_id(block):
    block["transactions"][0]["txouts"][0]["output_hash"] = "00" * 32


def _bad_root(block):
    block["outputs_range_hash"] = "11" * 32


def _bad_tx_root(block):
    block["transactions_range_hash"] = "11" * 32


def _bad_canaries(block):
    block["canaries_range_hash"] = "11" * 32


def _unlinked(block):
    block["previous"] = "22" * 32


def _more_amount(block):
    for tx in block["transactions"]:
        for out in tx["txouts"]:
            if "amount" in out:
                out["amount"] += 1
    block["transactions"][0]["block_reward"] += 1


@pytest.mark.parametrize("change", [_bad_output_id, _bad_root, _bad_tx_root, _bad_canaries, _unlinked,
                                    _more_amount], ids=lambda f: f.__name__.strip("_"))
def test_bad_micro_block_told_once(change, world, where, token_file):
    """A bad notice is refused; the good block is had by asking, and the end is the same."""
    with world.service(where, token_file) as service:
        service.register(world.recipients)
        world.node.wait_subscribed()
        half = len(world.played.steps) // 2
        world.node.play(until=lambda _: world.node.position >= half)
        world.node.tamper = _once("micro_block_prepared", _in_block(change))
        world.node.play()
        world.finish(service)
        world.check(service)


def test_bad_block_hash_on_dev(dev_world, where, token_file):
    """On dev the hash of a block is recomputed: a wrong time is enough to refuse it."""
    world = dev_world

    def later(block):
        block["timestamp"] = block["timestamp"][:-2] + ("1Z" if block["timestamp"][-2] != "1" else "2Z")

    with world.service(where, token_file) as service:
        service.register(world.recipients)
        world.node.wait_subscribed()
        world.node.tamper = _once("micro_block_prepared", _in_block(later))
        world.node.play()
        world.finish(service)
        world.check(service)
        refused = metric(service, "hotside_blocks_refused_total")
        assert refused >= 1 or metric(service, "hotside_reconcile_total") >= 1


def test_bad_macro_block_is_a_stop(world, where, token_file):
    """Never a skip: the position stays, the reason is shown, and it goes on once the node is honest."""
    bad = {"on": True}

    def tamper(message):
        if bad["on"] and "multisigmap" in message and message["epoch"] == 2:
            message = copy.deepcopy(message)
            message["outputs"][5]["output_hash"] = "33" * 32
        return message

    world.node.tamper = tamper
    with world.service(where, token_file) as service:
        service.register(world.recipients)
        world.node.wait_subscribed()
        world.node.play()
        service.wait_reason("bad_block")
        # What came before it may still be on its way into the store.
        harness.eventually(lambda: (service.through() or {}).get("final_epoch") == 1, "the epoch before it")
        assert metric(service, "hotside_blocks_refused_total") >= 1
        assert all(d["epoch"] <= 1 or d["state"] != "committed" for d in service.deposits().values())
        bad["on"] = False
        world.finish(service)
        world.check(service)
        harness.eventually(lambda: "bad_block" not in service.reasons(), "the reason to go")


# --- contradictions of finality -------------------------------------------------------------------

@pytest.mark.parametrize("shorter", [False, True], ids=["same length", "shorter chain"])
def test_another_macro_block_for_a_closed_epoch(shorter, where, token_file):
    """Stops ingestion, survives restarts and an honest node, changes no deposit, and a person clears it."""
    world = World()
    with world.node:
        service = world.service(where, token_file).start()
        try:
            service.register(world.recipients)
            world.node.wait_subscribed()
            world.node.play()
            world.finish(service)
            before = service.deposits()
            assert service.stop() == 0
            liar = World()
            with liar.node:
                epoch = 2 if shorter else 3
                stop_at = next(i for i, s in enumerate(liar.played.steps) if s.kind == "micro"
                               and (s.block["epoch"], s.block["offset"]) == (epoch + 1, 0))
                liar.node.play(until=lambda _: liar.node.position > stop_at)
                liar.node.tamper = _another_macro(epoch)
                _point_to(service, world.node, liar.node)
                service.start()
                _assert_latched(service, before, epoch)
            service.kill()
            _point_to(service, liar.node, world.node)
            service.start()
            _assert_latched(service, before, epoch)
            reply = service.ask("DELETE", "/v1/violations", {"reason": "the node was a liar"})
            assert reply.status == 204, reply
            harness.eventually(lambda: "violation" not in service.reasons(), "the violation to go")
            world.finish(service)
            world.check(service)
        finally:
            service.kill()


def _point_to(service, old, new):
    text = service.config.read_text()
    assert old.endpoint in text
    service.config.write_text(text.replace(old.endpoint, new.endpoint))


def _assert_latched(service, before, epoch):
    service.wait_reason("violation")
    assert service.get("/readyz").status == 503
    shown = service.good("/v1/violations")["violations"]
    assert [v["kind"] for v in shown] == ["macro_block"] and shown[0]["epoch"] == epoch
    assert shown[0]["shown"] == "ab" * 32 and shown[0]["stored"] != shown[0]["shown"]
    assert metric(service, "hotside_violation") == 1
    assert service.deposits() == before
    kinds = [e["type"] for e in service.events()]
    assert kinds.count("chain.finality_violation") == 1
    service.check_feed()


def test_another_genesis_later(world, where, token_file):
    """The same contradiction for genesis, on a running service whose node is replaced under its address."""
    with world.service(where, token_file) as service:
        service.register(world.recipients)
        world.node.wait_subscribed()
        world.node.play()
        world.finish(service)
        world.node.tamper = _another_macro(0)
        world.node.hang_up()
        service.wait_reason("violation")
        assert [v["kind"] for v in service.good("/v1/violations")["violations"]] == ["genesis"]
        world.check(service)


def test_node_that_lags_contradicts_nothing(where, token_file):
    """A node behind our final epoch makes no deposit disappear."""
    world = World()
    with world.node:
        service = world.service(where, token_file).start()
        try:
            service.register(world.recipients)
            world.node.wait_subscribed()
            world.node.play()
            world.finish(service)
            before = service.deposits()
            assert service.stop() == 0
            young = World()
            with young.node:
                _point_to(service, world.node, young.node)
                service.start()
                service.wait_reason("catching_up")
                assert service.deposits() == before
                assert service.good("/v1/status")["violations"] == []
                young.node.play()
                world.finish(service)
                harness.eventually(lambda: "catching_up" not in service.reasons(), "to have caught up")
                world.check(service)
        finally:
            service.kill()


# --- stopping and starting ------------------------------------------------------------------------

def test_clean_stop_and_restart(world, where, token_file):
    service = world.service(where, token_file).start()
    try:
        service.register(world.recipients)
        world.node.wait_subscribed()
        half = len(world.played.steps) // 2
        world.node.play(until=lambda _: world.node.position >= half)
        harness.eventually(lambda: service.deposits(), "a deposit")
        told = service.events()
        assert service.stop() == 0
        service.start()
        assert service.events()[:len(told)] == told  # the past does not change
        world.node.play()
        world.finish(service)
        world.check(service)
    finally:
        service.kill()


def test_second_service_on_one_database(world, where, token_file):
    with world.service(where, token_file) as service:
        port = free_port()
        config = harness.write_config(where / "second.toml", [(world.node.endpoint, token_file)],
                                      port=port, store=where / "serve.db")
        code, _, errors = harness.run(["serve", "--config", config], where)
        assert code != 0 and errors
        assert service.get("/healthz").status == 200


# --- configuration --------------------------------------------------------------------------------

def test_all_mistakes_at_once(where, token_file):
    config = where / "bad.toml"
    config.write_text('network = "moonnet"\n[[node]]\nendpoint = "ws://127.0.0.1:1"\n'
                      'token_file = "/does/not/exist"\n[finality]\nrevert_grace = 601\n'
                      '[start]\nepoch = "zero"\n[store]\nurl = "sqlite:%s"\n[http]\n'
                      'listen = "127.0.0.1:0"\ncolour = "red"\n' % (where / "h.db"))
    for command in (["serve"], ["config", "check"]):
        code, out, errors = harness.run([*command, "--config", config], where)
        text = out + errors
        assert code == (2 if command == ["serve"] else 1) or code == 2, text
        for line, key in ((1, "network"), (4, "token_file"), (6, "revert_grace"), (8, "epoch"),
                          (13, "colour")):
            found = [row for row in text.splitlines() if key in row and "bad.toml" in row]
            assert any(":%d" % line in row for row in found), "%s at line %d\n%s" % (key, line, text)
    assert not (where / "h.db").exists()


@pytest.mark.parametrize("text,word", [
    ("network = ", "bad.toml"), ("", "network"), ('network = "dev"\n', "node"),
    ('network = "devnet"\n[[node]]\nendpoint="ws://127.0.0.1:1"\ntoken_file="api.token"\n', "genesis"),
    ('network = "dev"\n[http]\nlisten = "0.0.0.0:8080"\n', "tokens_file")])
def test_mistakes(text, word, where, token_file):
    config = where / "bad.toml"
    config.write_text(text)
    code, out, errors = harness.run(["serve", "--config", config], where)
    assert code == 2 and word in out + errors, out + errors


def test_no_such_file_and_no_such_command(where):
    assert harness.run(["serve", "--config", where / "none.toml"], where)[0] == 2
    assert harness.run(["fly"], where)[0] == 2
    assert harness.run(["--help"], where)[0] == 0
    assert harness.run(["serve", "--help"], where)[0] == 0


def test_override_from_the_environment(where, token_file):
    config = harness.write_config(where / "ok.toml", [("ws://127.0.0.1:1", token_file)], port=free_port())
    assert harness.run(["config", "check", "--config", config], where)[0] == 0
    code, out, errors = harness.run(["config", "check", "--config", config], where,
                                    extra={"HOTSIDE_FINALITY_REVERT_GRACE": "0"})
    assert code != 0 and "revert_grace" in (out + errors).lower()


def test_database_of_another_network(world, where, token_file):
    service = world.service(where, token_file).start()
    world.node.wait_subscribed()
    harness.eventually(service.through, "a first block")
    assert service.stop() == 0
    config = harness.write_config(where / "other.toml", [(world.node.endpoint, token_file)],
                                  network="testnet", port=free_port(), store=where / "serve.db")
    code, out, errors = harness.run(["serve", "--config", config], where)
    assert code == 2 and "dev" in out + errors and "testnet" in out + errors


def test_unwritable_database(world, where, token_file):
    config = harness.write_config(where / "ro.toml", [(world.node.endpoint, token_file)],
                                  port=free_port(), store="/proc/none/h.db")
    code, out, errors = harness.run(["serve", "--config", config], where)
    assert code in (1, 2) and "/proc/none" in out + errors


def test_secrets_stay_out_of_logs(world, where, token_file):
    with world.service(where, token_file, log={"level": "trace"}) as service:
        world.node.wait_subscribed()
        world.node.play()
        world.finish(service)
        text = service.program.err.read_text() + service.program.out.read_text()
        assert base64.b64encode(TOKEN).decode() not in text and TOKEN.hex() not in text
    mode = os.stat(where / "serve.db").st_mode & 0o777
    assert mode & 0o007 == 0, "the database can be read by everybody: %o" % mode
    assert A in world.recipients
