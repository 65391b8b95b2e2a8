"""The HTTP contract, black box: shapes, filters, pages, refusals, and the feed's own rules."""

import hashlib
import http.client
import re
import signal
import threading
import time

import pytest

from conftest import TOKEN
from harness import PATIENCE, Reply, Service, eventually, free_port, write_token
from stegos import bech32, cases, fakenode, feed, oracle, payments, recordings, script
from test_recorded import GRACE, IDENTITY

CASE = next(c for c in cases.CASES if (c.folder, c.name) == ("v1.2.2", "deposits_and_spends"))
A = "dev1fn7rjmgnltc7j237ntlawpghpvcq8azacf9lcsyv7n5t008w2v3smmf7t6"
B = "dev1vcg9hh88255z4ex7lcgegwjs3z8g03r5f52mxcpekzsqhpnc9sysxpslkm"
# Not canonical, hence no point; libsodium 1.0.18 does not look at this bit.
TOP_BIT = bytes.fromhex("908b184691aba82a1c757760f6a1ffba2d43fd537cd358cec1eb596f733e41b9")
C = "dev1ncdynjg5xraugjnlqusxyyn6evplw5jg7t6wexeg3mztcc0rvv7szqpuu7"


class World:
    """One finished chain and one service for all tests that only look."""

    def __init__(self, folder):
        self.played = script.load(CASE.folder, CASE.name)
        self.end = cases.expected(CASE, self.played)
        self.node = fakenode.FakeNode(self.played, TOKEN).start()
        token_file = write_token(folder / "api.token", TOKEN)
        self.service = Service(folder, [(self.node.endpoint, token_file)], **GRACE).start()
        self.service.register([A], reference="user-a", label="first")
        self.service.register([B, C], reference="user-b")
        self.node.wait_subscribed()
        self.node.play()
        self.service.wait_through(CASE.final, CASE.final + 1, CASE.through)
        self.want = self.end.watched({A, B, C})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("api"))
    yield made
    made.service.kill()
    made.node.stop()


@pytest.fixture
def api(world):
    return world.service


def problem(reply, status):
    """An RFC 9457 answer with a stable type."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"].split(";")[0] == "application/problem+json"
    assert re.fullmatch(r"(https?://[^/]+)?/docs/errors#[a-z0-9-]+", reply.json["type"]), reply
    assert reply.json["status"] == status
    return reply.json


def key_address(number, hrp="dev"):
    return bech32.encode(hrp, payments.public_key(number))


# --- status and health ----------------------------------------------------------------------------

def test_status(world):
    status = world.service.good("/v1/status")
    last = world.played.micros_seen[-1]
    assert status["network"] == "dev"
    assert status["genesis"] == world.played.known_macros[0]["block_hash"]
    assert status["complete_through"] == {"final_epoch": 3, "epoch": 4, "offset": 0,
                                          "block_hash": last["block_hash"]}
    tip = status["tip"]
    assert (tip["epoch"], tip["offset"], tip["block_hash"]) == (4, 0, last["block_hash"])
    assert tip["block_time"] == oracle.json_time(last["timestamp"])
    node = status["nodes"][0]
    assert {"name", "generation", "state", "epoch", "offset", "lag_seconds", "following"} <= node.keys()
    assert node["name"] == world.node.endpoint and node["following"] is True
    assert status["counts"]["deposits"] == len(world.want)
    assert status["counts"]["public_outputs"] == len(world.end.deposits)
    assert status["violations"] == [] and status["hold"] is None
    assert status["head"] == world.service.events()[-1]["seq"]
    assert {"version", "feed", "ready", "reasons"} <= status.keys()


def test_health(api):
    assert api.get("/healthz").status == 200
    ready = api.get("/readyz")
    assert ready.status in (200, 503) and ready.json["ready"] == (ready.status == 200)
    assert all(set(r) >= {"code", "text"} for r in ready.json["reasons"])


METRICS = ["build_info", "chain_epoch", "chain_offset", "chain_final_epoch", "chain_lag_seconds", "ready",
           "violation", "node_up", "blocks_total", "blocks_refused_total", "frames_refused_total",
           "reconcile_total", "deposits", "events_head", "commit_seconds", "block_to_event_seconds",
           "http_requests_total", "http_request_seconds", "store_wal_bytes"]


def samples(text):
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


def test_metrics(world):
    text = world.service.get("/metrics").body.decode()
    for name in METRICS:
        assert re.search(r"^(# TYPE )?hotside_%s\b" % name, text, re.M), name
    now = samples(text)
    assert now["hotside_chain_final_epoch"] == 3 and now["hotside_chain_epoch"] == 4
    assert now["hotside_violation"] == 0
    assert now["hotside_events_head"] == world.service.good("/v1/status")["head"]
    committed = [v for k, v in now.items() if k.startswith("hotside_deposits{") and "committed" in k]
    assert committed == [sum(d["state"] == "committed" for d in world.want.values())]


def test_dashboard(api):
    reply = api.get("/")
    assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/html")
    for secret in (A, B, C, "user-a"):
        assert secret.encode() not in reply.body


def test_keep_alive(api):
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=PATIENCE)
    for _ in range(3):
        connection.request("GET", "/healthz")
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200 and not reply.will_close
    connection.close()


# --- addresses ------------------------------------------------------------------------------------

def test_registering(api):
    one, two = key_address(101), key_address(102)
    body = {"addresses": [{"address": one, "reference": "r"}, {"address": two.upper()},
                          {"address": key_address(101, "stt")}, {"address": "nonsense"},
                          {"address": bech32.encode("dev", bytes(32))},
                          {"address": bech32.encode("dev", b"\x02" + bytes(31))},
                          {"address": bech32.encode("dev", TOP_BIT)}]}
    first = api.ask("POST", "/v1/addresses", body).json
    assert (first["created"], first["existing"]) == (2, 0)
    assert [e["index"] for e in first["errors"]] == [2, 3, 4, 5, 6]
    assert all(e["error"] for e in first["errors"])
    assert "stt" in first["errors"][0]["error"] or "testnet" in first["errors"][0]["error"]
    again = api.ask("POST", "/v1/addresses", {"addresses": [{"address": two}]}).json
    assert (again["created"], again["existing"], again["errors"]) == (0, 1, [])
    assert api.good("/v1/addresses/" + two.upper())["address"] == two


@pytest.mark.parametrize("case", recordings.vector("vectors/bech32.json")["invalid"],
                         ids=lambda c: c["reason"])
def test_bad_addresses_refused(api, case):
    reply = api.ask("POST", "/v1/addresses", {"addresses": [{"address": case["address"]}]})
    assert reply.status in (200, 201, 400)
    if reply.status != 400:
        assert reply.json["created"] == 0 and len(reply.json["errors"]) == 1


def test_address_sums(world):
    for address, reference in ((A, "user-a"), (B, "user-b"), (C, "user-b")):
        shown = world.service.good("/v1/addresses/" + address)
        mine = [d for d in world.want.values() if d["address"] == address]
        assert (shown["address"], shown["reference"], shown["retired"]) == (address, reference, False)
        for name, keep in (("prepared", lambda d: d["state"] == "prepared"),
                           ("committed", lambda d: d["state"] == "committed"),
                           ("unspent", lambda d: (d["state"], d["spend"]) == ("committed", "unspent"))):
            sum_ = sum(d["amount"] for d in mine if keep(d))
            assert shown[name] == {"count": sum(map(bool, map(keep, mine))), "amount": sum_,
                                   "amount_stg": feed.stg(sum_)}, name
    assert world.service.good("/v1/addresses/" + A)["label"] == "first"


def test_address_list(api):
    found, through = api.pages("/v1/addresses?limit=1", "addresses")
    assert {A, B, C} <= {a["address"] for a in found}
    assert len({a["address"] for a in found}) == len(found) and through["final_epoch"] == 3
    mine, _ = api.pages("/v1/addresses?reference=user-b", "addresses")
    assert {a["address"] for a in mine} == {B, C}
    problem(api.get("/v1/addresses/" + key_address(999)), 404)


# --- deposits -------------------------------------------------------------------------------------

def test_deposits_equal_the_replay(world):
    got = {k: d for k, d in world.service.deposits().items() if d["address"] in (A, B, C)}
    assert oracle.differences(world.want, got, IDENTITY + ["block_hash"]) == []
    for deposit in got.values():
        assert deposit["amount_stg"] == feed.stg(deposit["amount"])
        assert deposit["reference"] == ("user-a" if deposit["address"] == A else "user-b")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", deposit["first_seen"])
        assert (deposit["committed_at"] is not None) == (deposit["state"] == "committed")
        assert deposit["retired"] is False
        assert world.service.good("/v1/deposits/" + deposit["id"]) == deposit


def test_deposit_order_and_pages(api):
    whole, through = api.pages("/v1/deposits?limit=1000", "deposits")
    # Newest first; those known only from a macro block come last within their epoch.
    key = [(-d["epoch"], d["offset"] is None, -(d["offset"] or 0)) for d in whole]
    assert key == sorted(key) and through["epoch"] == 4
    assert api.pages("/v1/deposits?limit=2", "deposits")[0] == whole


def test_deposit_filters(world):
    whole, _ = world.service.pages("/v1/deposits?limit=1000", "deposits")
    amounts = sorted(d["amount"] for d in whole)
    middle = amounts[len(amounts) // 2]
    checks = {"address=" + A: lambda d: d["address"] == A,
              "address=" + A.upper(): lambda d: d["address"] == A,
              "reference=user-b": lambda d: d["reference"] == "user-b",
              "state=committed": lambda d: d["state"] == "committed",
              "state=reverted": lambda d: d["state"] == "reverted",
              "spend=spent": lambda d: d["spend"] == "spent",
              "spend=unspent": lambda d: d["spend"] == "unspent",
              "epoch_from=3": lambda d: d["epoch"] >= 3, "epoch_to=2": lambda d: d["epoch"] <= 2,
              "epoch_from=2&epoch_to=2": lambda d: d["epoch"] == 2,
              "min_amount=%d" % middle: lambda d: d["amount"] >= middle,
              "utxo=" + whole[0]["utxo"]: lambda d: d["utxo"] == whole[0]["utxo"],
              "state=committed&spend=spent&address=" + A:
                  lambda d: (d["state"], d["spend"], d["address"]) == ("committed", "spent", A)}
    for query, keep in checks.items():
        got, _ = world.service.pages("/v1/deposits?limit=3&" + query, "deposits")
        assert got == [d for d in whole if keep(d)], query


def test_no_such_deposit(api):
    problem(api.get("/v1/deposits/%s:1" % ("0" * 64)), 404)
    assert api.good("/v1/deposits?utxo=" + "0" * 64)["deposits"] == []


# --- events ---------------------------------------------------------------------------------------

def test_feed(world):
    folded = world.service.check_feed()
    assert set(folded.committed) >= {k for k, d in world.want.items() if d["state"] == "committed"}
    page = world.service.good("/v1/events?after=0&limit=2")
    assert [e["seq"] for e in page["events"]] == [1, 2] and page["next"] == 2
    assert page["feed"] == page["events"][0]["feed"] == world.service.good("/v1/status")["feed"]
    assert page["complete_through"]["final_epoch"] == 3
    assert world.service.good("/v1/events?after=0&feed=" + page["feed"])["events"]


def test_types_filter(api):
    whole = api.events()
    page = api.good("/v1/events?limit=1000&after=0&types=deposit.committed,spend.committed")
    want = [e for e in whole if e["type"] in ("deposit.committed", "spend.committed")]
    assert page["events"] == want
    # `next` moves past what was filtered out, or a consumer would ask the same again for ever.
    nothing = api.good("/v1/events?limit=1000&after=0&types=transaction.conflicted")
    assert nothing["events"] == [] and nothing["next"] == nothing["head"] == whole[-1]["seq"]


def test_waiting_for_an_event(world, tmp_path):
    """A long poll ends when its time is over, or at once when something happens."""
    token_file = write_token(tmp_path / "api.token", TOKEN)
    with Service(tmp_path, [(world.node.endpoint, token_file)], **GRACE) as service:
        service.wait_through(CASE.final, CASE.final + 1, CASE.through)
        assert service.good("/v1/events?after=0&wait=1")["events"] == []
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(
            service.good("/v1/events?after=0&wait=60")))
        waiter.start()
        registered = time.monotonic()
        service.register([C])
        waiter.join(PATIENCE)
        assert answers and time.monotonic() - registered < 50, "the long poll was not woken"
        late = service.events()
        assert answers[0]["events"] and answers[0]["events"] == late[:len(answers[0]["events"])]
        assert all(e["backfill"] is True for e in late)
        want = world.end.watched({C})
        assert {e["deposit"]["id"] for e in late if e["type"].startswith("deposit.")} == set(want)
        service.check_feed()


def test_events_refused(api):
    head = api.good("/v1/status")["head"]
    problem(api.get("/v1/events?after=%d" % (head + 1)), 409)
    problem(api.get("/v1/events?after=0&feed=" + "0" * 32), 409)
    problem(api.get("/v1/events?types=deposit.sunk"), 400)


# --- refusals -------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", [
    "/v1/deposits?limit=0", "/v1/deposits?limit=1001", "/v1/deposits?limit=x", "/v1/deposits?limit=-1",
    "/v1/deposits?colour=red", "/v1/deposits?limit=1&limit=2", "/v1/deposits?state=sunk",
    "/v1/deposits?spend=maybe", "/v1/deposits?epoch_from=-1", "/v1/deposits?min_amount=1.5",
    "/v1/deposits?utxo=zz", "/v1/deposits?after=not-a-cursor", "/v1/deposits?address=nonsense",
    "/v1/addresses?limit=0", "/v1/addresses?x=1", "/v1/addresses?after=not-a-cursor",
    "/v1/events?after=-1", "/v1/events?after=x", "/v1/events?wait=61", "/v1/events?wait=-1",
    "/v1/events?limit=1001", "/v1/events?after=0&after=0", "/v1/events?x=1", "/v1/status?x=1"])
def test_bad_parameters(api, path):
    problem(api.get(path), 400)


@pytest.mark.parametrize("body", [
    b"{", b"[]", b"{}", b'{"addresses":{}}', b'{"addresses":[{}]}', b'{"addresses":[{"address":7}]}',
    b'{"addresses":[],"colour":1}', b'{"addresses":[{"address":"x","colour":1}]}', b"\xff\xfe"])
def test_bad_bodies(api, body):
    problem(api.ask("POST", "/v1/addresses", body, {"Content-Type": "application/json"}), 400)


def test_unknown_paths(api):
    problem(api.get("/v1/nothing"), 404)
    problem(api.get("/nothing"), 404)
    assert api.ask("DELETE", "/v1/status").status in (404, 405)


def test_limits(api):
    # The length alone is told: a body that nobody reads would only meet a closed door half way.
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=PATIENCE)
    connection.putrequest("POST", "/v1/addresses")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str((8 << 20) + 1))
    connection.endheaders()
    reply = connection.getresponse()
    problem(Reply(reply.status, reply.headers, reply.read()), 413)
    connection.close()
    assert api.ask("GET", "/healthz", headers={"X-Long": "x" * (65 << 10)}).status == 431
    assert api.get("/healthz").status == 200


# --- tokens ---------------------------------------------------------------------------------------

def _tokens(path, **roles):
    path.write_text("".join('[[token]]\nname = "%s"\nrole = "%s"\nsha256 = "%s"\n' % (
        text, role, hashlib.sha256(text.encode()).hexdigest()) for text, role in roles.items()))
    return path


def _as(text):
    return {"headers": {"Authorization": "Bearer " + text}}


def test_tokens_and_sighup(where, token_file):
    tokens = _tokens(where / "tokens.toml", reader="read", manager="manage")
    nowhere = "ws://127.0.0.1:%d" % free_port()
    with Service(where, [(nowhere, token_file)], http={"tokens_file": str(tokens)}) as service:
        for path in ("/healthz", "/readyz", "/metrics", "/"):
            assert service.get(path).status in (200, 503), path
        refused = service.get("/v1/status")
        problem(refused, 401)
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        problem(service.get("/v1/status", **_as("wrong")), 401)
        assert service.get("/v1/status", **_as("reader")).status == 200
        body = {"addresses": [{"address": key_address(5)}]}
        problem(service.ask("POST", "/v1/addresses", body, **_as("reader")), 403)
        assert service.ask("POST", "/v1/addresses", body, **_as("manager")).json["created"] == 1
        _tokens(tokens, newcomer="read")
        service.program.process.send_signal(signal.SIGHUP)
        eventually(lambda: service.get("/v1/status", **_as("newcomer")).status == 200, "new tokens")
        problem(service.get("/v1/status", **_as("reader")), 401)
        # A file that cannot be read leaves what was there.
        tokens.write_text("[[token]]\nname = ")
        service.program.process.send_signal(signal.SIGHUP)
        eventually(lambda: "tokens.toml" in service.program.err.read_text()
                   + service.program.out.read_text(), "a word about the broken file")
        assert service.get("/v1/status", **_as("newcomer")).status == 200
