"""Addresses by the thousand, references, exports and checkpoints, black box."""

import csv
import hashlib
import http.client
import io
import json
import os
import signal
import sqlite3
import struct
import subprocess
import threading

import pytest

from harness import BINARY, PATIENCE, Service, SimNode, clean_environment, eventually, run
from many import addresses

ROWS = int(os.environ.get("HOTSIDE_IMPORT_ROWS", "20000"))
DEPOSITS = int(os.environ.get("HOTSIDE_REFERENCE_DEPOSITS", "10000"))
CSV, NDJSON = "text/csv", "application/x-ndjson"
KEYS = ["id", "utxo", "address", "reference", "amount", "amount_stg", "state", "spend", "epoch", "offset",
        "block_hash", "tx_hash", "block_time", "first_seen", "committed_at", "retired"]


def problem(reply, status, name):
    assert reply.status == status, reply
    assert reply.json["type"] == "/docs/errors#" + name, reply
    return reply.json["detail"]


class World:
    """A chain with deposits to own1, final and not, and one service that knows own1 and own2."""

    def __init__(self, folder):
        self.node = SimNode(folder, "dev").__enter__()
        self.own = self.node.addresses()
        self.service = Service(folder, [(self.node.endpoint, self.node.token_file)]).start()
        self.service.register([self.own[0]], reference='us,er "17"', label="hot")
        self.service.register([self.own[1]], reference='us,er "17"')
        self.node.do("pay own1 9000000000 3", "pay own2 7 2", "seal", "spend own1", "pay own1 5", "grow 2")
        self.settled()

    def settled(self):
        self.service.wait_tip(self.node)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("addresses"))
    yield made
    made.service.kill()
    made.node.program.kill()


@pytest.fixture
def api(world):
    return world.service


def send(api, body, kind=CSV, **headers):
    return api.ask("POST", "/v1/addresses/import", body, {"Content-Type": kind, **headers})


# --- import ---------------------------------------------------------------------------------------

def test_import_by_line(api):
    one, two, three = addresses(3, first=1000)
    other = next(addresses(1, first=1000, hrp="stt"))
    text = "\ufeffreference,address,label\r\n" + "".join(line + "\r\n" for line in [
        'r-1,%s,"first, ""quoted"""' % one, ",%s," % two, "", "x,nonsense,", "r,%s," % other,
        '"a\nb",%s,' % three, "r,%s" % three, "r,%s,%s" % (three, "l" * 256)])
    reply = send(api, text.encode())
    assert reply.status == 200, reply
    got = reply.json
    assert (got["created"], got["existing"], got["errors_total"]) == (2, 0, 5)
    assert [e["line"] for e in got["errors"]] == [5, 6, 7, 9, 10]
    assert "testnet" in got["errors"][1]["error"]
    shown = api.good("/v1/addresses/" + one)
    assert (shown["reference"], shown["label"]) == ("r-1", 'first, "quoted"')
    # Again: nothing is new, and what was given before stays.
    again = send(api, text.encode()).json
    assert (again["created"], again["existing"], again["errors"]) == (0, 2, got["errors"])
    assert api.good("/v1/addresses/" + one) == shown


def test_import_ndjson(api):
    one, two = addresses(2, first=2000)
    lines = [json.dumps({"address": one, "reference": "ü"}), "", json.dumps({"address": two, "label": None}),
             '{"address":1}', '{"address":"%s","note":1}' % one, "{"]
    got = send(api, "\n".join(lines).encode(), NDJSON + "; charset=utf-8").json
    assert (got["created"], got["existing"], got["errors_total"]) == (2, 0, 3)
    assert [e["line"] for e in got["errors"]] == [4, 5, 6]
    assert api.good("/v1/addresses/" + one)["reference"] == "ü"


@pytest.mark.parametrize("body", [b"", b"name\nx\n", b"address,address\n", b"\xff\xfea\x00", b"reference,label\n"])
def test_import_without_its_header(api, body):
    assert "header" in problem(send(api, body), 400, "invalid-body")


def test_import_of_another_type(api):
    problem(send(api, b"x", "application/json"), 415, "unsupported-media-type")
    problem(send(api, b"x", "text/plain"), 415, "unsupported-media-type")


def test_many_errors_are_counted(api):
    got = send(api, b"address\n" + b"x\n" * 2500).json
    assert got["errors_total"] == 2500 and len(got["errors"]) == 1000
    assert got["errors"][-1]["line"] == 1001


def upload(api, lines, broken_after=None):
    """Streams lines without a length; gives the answer, or None when we broke off."""
    link = http.client.HTTPConnection("127.0.0.1", api.port, timeout=600)
    link.putrequest("POST", "/v1/addresses/import")
    link.putheader("Content-Type", CSV)
    link.putheader("Transfer-Encoding", "chunked")
    link.endheaders()
    piece, sent = [], 0
    for line in lines:
        piece.append(line)
        sent += 1
        if len(piece) == 1000 or sent == broken_after:
            data = "".join(piece).encode()
            link.send(b"%x\r\n%s\r\n" % (len(data), data))
            piece = []
        if sent == broken_after:
            link.close()
            return None
    data = "".join(piece).encode()
    link.send((b"%x\r\n%s\r\n" % (len(data), data) if data else b"") + b"0\r\n\r\n")
    reply = link.getresponse()
    answer = json.loads(reply.read())
    link.close()
    assert reply.status == 200, answer
    return answer


def test_a_large_import_broken_off_and_repeated_while_blocks_come(world):
    api, node = world.service, world.node
    rows = ["address,reference,label\n"]
    rows += ["%s,user-%d,\n" % (a, i) for i, a in enumerate(addresses(ROWS, first=100_000))]
    before = api.good("/v1/status")["counts"]["addresses"]
    assert upload(api, rows, broken_after=len(rows) // 2) is None
    answers = []
    sender = threading.Thread(target=lambda: answers.append(upload(api, rows)))
    sender.start()
    while sender.is_alive():
        node.do("grow")
        world.settled()  # a live block does not wait for the whole import
        sender.join(0.05)
    got = answers[0]
    assert got["created"] + got["existing"] == ROWS and got["errors_total"] == 0
    status = api.good("/v1/status")["counts"]["addresses"]
    assert status == before + ROWS
    head = api.good("/v1/status")["head"]
    again = upload(api, rows)
    assert (again["created"], again["existing"]) == (0, ROWS)
    assert api.good("/v1/status")["counts"]["addresses"] == status
    assert api.good("/v1/status")["head"] == head
    # Every batch that wrote something stands in the audit log, also those of the broken one.
    with sqlite3.connect("file:%s?mode=ro" % (api.where / "serve.db"), uri=True) as db:
        told = [t for (t,) in db.execute("SELECT target FROM audit_log WHERE action = 'address.import'")]
    assert sum(int(t.split()[0]) for t in told) >= ROWS and len(told) > 3 * ROWS // 3000


# --- change, references ---------------------------------------------------------------------------

def test_change(api):
    one = next(addresses(1, first=3000))
    path = "/v1/addresses/" + one
    problem(api.ask("PATCH", path, {"label": "x"}), 404, "not-found")
    api.register([one], reference="before", label="l")
    changed = api.ask("PATCH", path, {"reference": "after"})
    assert changed.status == 200 and (changed.json["reference"], changed.json["label"]) == ("after", "l")
    assert api.ask("PATCH", path, {"reference": None, "label": None}).json["reference"] is None
    assert api.good(path)["label"] is None
    unchanged = api.ask("PATCH", path, {})
    assert unchanged.status == 200 and unchanged.json == api.good(path)
    for body in ({"address": one}, {"label": 1}, {"label": ""}, {"label": "a\nb"}, []):
        problem(api.ask("PATCH", path, body), 400, "invalid-body")
    key = {"Idempotency-Key": "change-1"}
    first = api.ask("PATCH", path, {"label": "kept"}, headers=key)
    api.ask("PATCH", path, {"label": "later"})
    assert api.ask("PATCH", path, {"label": "kept"}, headers=key).whole() == first.whole()
    assert api.good(path)["label"] == "later"
    problem(api.ask("PATCH", path, {"label": "other"}, headers=key), 422, "idempotency-key-reused")


def test_reference(world):
    api = world.service
    got = api.good("/v1/references/us%2Cer%20%2217%22")
    assert got["reference"] == 'us,er "17"' and got["next"] is None
    assert {a["address"] for a in got["addresses"]} == set(world.own[:2])
    for name in ("prepared", "committed", "unspent"):
        for part in ("count", "amount"):
            assert got[name][part] == sum(a[name][part] for a in got["addresses"]), name
    assert got["committed"]["amount"] >= 27_000_000_014
    page = api.good("/v1/references/us%2Cer%20%2217%22?limit=1")
    assert len(page["addresses"]) == 1 and page["committed"] == got["committed"]
    rest = api.good("/v1/references/us%2Cer%20%2217%22?limit=1&after=" + page["next"])
    assert page["addresses"] + rest["addresses"] == got["addresses"] and rest["next"] is None
    problem(api.get("/v1/references/nobody"), 404, "not-found")
    problem(api.get("/v1/references/a%00b"), 400, "invalid-parameter")


def test_retired_addresses_are_still_recorded(world):
    api, node = world.service, world.node
    third = world.own[2]
    api.register([third], reference="gone")
    key = {"Idempotency-Key": "retire-1"}
    first = api.ask("DELETE", "/v1/addresses/" + third, headers=key)
    assert first.status == 204, first
    assert api.ask("DELETE", "/v1/addresses/" + third, headers=key).whole() == first.whole()
    node.do("pay own3 11", "grow")
    world.settled()
    (deposit,) = api.good("/v1/deposits?address=" + third)["deposits"]
    assert deposit["retired"] is True and deposit["amount"] == 11
    assert api.good("/v1/addresses/" + third)["prepared"]["amount"] == 11


# --- the export -----------------------------------------------------------------------------------

def exported(api, query=""):
    reply = api.get("/v1/deposits.csv" + query)
    assert reply.status == 200 and reply.headers["Content-Type"].split(";")[0] == CSV, reply
    rows = list(csv.reader(io.StringIO(reply.body.decode(), newline="")))
    assert rows[0] == KEYS
    return [dict(zip(KEYS, row, strict=True)) for row in rows[1:]]


def as_text(value):
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_export(api):
    whole, _ = api.pages("/v1/deposits?limit=1000", "deposits")
    assert exported(api) == [{k: as_text(d[k]) for k in KEYS} for d in whole]
    spent, _ = api.pages("/v1/deposits?spend=unspent&min_amount=6", "deposits")
    assert [d["id"] for d in exported(api, "?spend=unspent&min_amount=6")] == [d["id"] for d in spent]
    assert exported(api, "?epoch_from=999999") == []
    problem(api.get("/v1/deposits.csv?limit=1"), 400, "invalid-parameter")
    problem(api.get("/v1/deposits.csv?state=lost"), 400, "invalid-parameter")


# --- checkpoints ----------------------------------------------------------------------------------

def test_checkpoints(api):
    events = api.events()
    count, amount, chain = 0, 0, bytes(32)
    want = {0: (0, 0, chain.hex())}
    for event in events:
        if event["type"] == "deposit.committed":
            deposit = event["deposit"]
            count += 1
            amount += deposit["amount"]
            chain = hashlib.sha3_256(chain + bytes.fromhex(deposit["utxo"]) +
                                     struct.pack("<Qq", deposit["epoch"], deposit["amount"])).digest()
        want[event["seq"]] = (count, amount, chain.hex())
    assert count > 3
    for seq in [*range(0, len(events), max(1, len(events) // 40)), len(events)]:
        got = api.good("/v1/checkpoints/%d" % seq)
        assert list(got) == ["seq", "count", "amount", "hash"] and got["seq"] == seq
        assert (got["count"], got["amount"], got["hash"]) == want[seq]
    problem(api.get("/v1/checkpoints/%d" % (10**15)), 409, "cursor-beyond-head")
    for bad in ("x", "-1", "1.0", "99999999999999999999999"):
        problem(api.get("/v1/checkpoints/" + bad), 400, "invalid-parameter")


# --- very many deposits to one reference ----------------------------------------------------------

def test_pages_of_a_large_reference_while_new_ones_come(tmp_path):
    with SimNode(tmp_path, "dev") as node:
        own = node.addresses()
        with Service(tmp_path, [(node.endpoint, node.token_file)]) as service:
            service.register(own[:2], reference="big")
            for _ in range(DEPOSITS // 1000):
                node.do("pay own1 1 500", "pay own2 1 500", "seal")
            eventually(lambda: service.good("/v1/references/big")["committed"]["count"] == DEPOSITS,
                       "%d deposits" % DEPOSITS, 2 * PATIENCE)
            before = {d["id"] for d in service.pages("/v1/deposits?reference=big&limit=1000", "deposits")[0]}
            assert len(before) == DEPOSITS
            stop, rounds = threading.Event(), []

            def more():
                while not stop.is_set():
                    _, offset, _ = node.do("pay own1 2 3", "pay own2 2 3", "grow 7")[2].split()[1:]
                    if offset.isdigit() and int(offset) > 2:
                        node.do("fork 2")
                    rounds.append(offset)

            payer = threading.Thread(target=more)
            payer.start()
            try:
                pages = 0
                while pages < 3 or len(rounds) < 2:  # else nothing came meanwhile
                    assert payer.is_alive()
                    pages += 1
                    paged = service.pages("/v1/deposits?reference=big&limit=237", "deposits")[0]
                    ids = [d["id"] for d in paged if d["amount"] == 1]
                    assert len(ids) == len(set(ids)) and set(ids) == before
                    rows = exported(service, "?reference=big")
                    ids = [d["id"] for d in rows]
                    assert len(ids) == len(set(ids)) and before <= set(ids)
            finally:
                stop.set()
                payer.join()
            service.wait_tip(node)
            whole = service.pages("/v1/deposits?limit=1000", "deposits")[0]
            totals = service.good("/v1/references/big")
            for name, keep in (("prepared", {"prepared"}), ("committed", {"committed"})):
                assert totals[name]["count"] == sum(d["state"] in keep for d in whole)


# --- the commands ---------------------------------------------------------------------------------

def command(api, *args, **kw):
    return run([*args, "--url", "http://127.0.0.1:%d" % api.port], api.where, **kw)


def test_commands(world, tmp_path):
    api = world.service
    one, two = addresses(2, first=4000)
    code, out, _ = command(api, "address", "add", one, "--reference", "cli", "--label", "x")
    assert code == 0 and out == "1 created, 0 existing, 0 refused\n"
    code, out, err = command(api, "address", "add", "nonsense")
    assert code == 1 and "index 0: address nonsense" in err
    table = tmp_path / "addresses.csv"
    table.write_text("address,reference,label\n%s,cli,\nbad,,\n" % two)
    code, out, err = command(api, "address", "import", table)
    assert code == 1 and out == "1 created, 0 existing, 1 refused\n" and err.startswith("line 3: ")
    code, out, err = command(api, "address", "import", table, "--progress", "--json")
    assert code == 1 and json.loads(out)["existing"] == 1 and "100.0 %" in err
    (tmp_path / "a.ndjson").write_text(json.dumps({"address": two}))
    assert command(api, "address", "import", tmp_path / "a.ndjson")[0] == 0
    table.write_text("nothing\n")
    code, _, err = command(api, "address", "import", table)
    assert code == 1 and "header" in err and "no harm" in err
    assert command(api, "address", "import", tmp_path / "none.csv")[0] == 2
    (tmp_path / "secret").write_text("two words\n")
    code, _, err = command(api, "address", "list", "--api-token-file", tmp_path / "secret")
    assert code == 2 and "one word" in err and "two" not in err
    code, _, err = command(api, "address", "import", "/proc/self/mem")  # opens, and fails when it is read
    assert code == 1 and "cannot be read to its end" in err
    code, out, _ = command(api, "address", "list", "--reference", "cli")
    assert code == 0 and one in out and two in out
    assert command(api, "address", "set", one, "--reference", "", "--label", "y")[0] == 0
    shown = json.loads(command(api, "address", "show", one, "--json")[1])
    assert (shown["reference"], shown["label"]) == (None, "y")
    assert command(api, "address", "retire", one)[0] == 0
    assert "retired               true" in command(api, "address", "show", one)[1]
    code, _, err = command(api, "address", "show", next(addresses(1, first=4100)))
    assert code == 1 and "never registered" in err
    code, out, _ = command(api, "deposits", "list", "--min-amount", "9000000000", "--json")
    assert code == 0 and all(d["amount"] >= 9_000_000_000 for d in json.loads(out)["deposits"])
    assert command(api, "deposits", "list", "--epoch-from", "x")[0] == 1
    assert command(api, "deposits", "list", "--limit", "0")[0] == 2


def test_follow_goes_on_after_a_restart(tmp_path):
    with SimNode(tmp_path, "dev") as node, Service(tmp_path, [(node.endpoint, node.token_file)]) as service:
        service.register([node.addresses()[0]])
        out = tmp_path / "followed"
        with out.open("wb") as to:
            follower = subprocess.Popen([str(BINARY), "deposits", "follow", "--json", "--types",
                                         "deposit.committed", "--url", "http://127.0.0.1:%d" % service.port],
                                        stdout=to, stderr=subprocess.PIPE, env=clean_environment())
        try:
            def told():
                whole, _, _ = out.read_text().rpartition("\n")  # the last line may be half written
                return [json.loads(line) for line in whole.splitlines()]

            node.do("pay own1 5", "seal")
            eventually(lambda: len(told()) == 1, "the first event", alive=follower)
            service.kill()
            node.do("pay own1 6", "seal")
            service.start()
            eventually(lambda: len(told()) == 2, "the second event", alive=follower)
            assert [e["deposit"]["amount"] for e in told()] == [5, 6]
        finally:
            follower.send_signal(signal.SIGINT)
            follower.communicate(timeout=PATIENCE)
