"""`backup`, `restore` and `verify` on a store with a history, and a script that changes every value of it."""

import shutil
import sqlite3

import pytest

import harness
from harness import FOREVER, Service, SimNode, eventually, write_config
from test_simnode import wait_equal


SCRIPT = "epoch-length 6\npay own1 9\npay own2 8000000\ngrow 1\nspend own2\ngrow 1\nseal\ngrow 1\n"


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A store with something in every table that this service can fill, closed; and its configuration."""
    where = tmp_path_factory.mktemp("story")
    with SimNode(where, "dev", SCRIPT) as node:
        own = node.addresses()[:3]
        service = Service(where, [(node.endpoint, node.token_file)], health={"max_lag": FOREVER})
        with service:
            service.ask("POST", "/v1/addresses", {"addresses": [
                {"address": a, "reference": "user", "label": "hot"} for a in own]}, {
                    "Idempotency-Key": "first"})
            node.finish()
            wait_equal(service, node, own)
            reply = service.ask("POST", "/v1/hold", {"reason": "test"}, {
                "Idempotency-Key": "k", "Content-Type": "application/json"})
            assert reply.status == 201
            node.do("pay own1 12", "pay own3 3000000", "grow 1", "seal", "pay own1 13", "pay own2 5", "grow 2",
                    "spend own3", "grow 1")
            eventually(lambda: {d["amount"]: d["spend"] for d in service.deposits().values()
                                if d["amount"] in (13, 5, 3000000) and d["state"] != "reverted"} ==
                       {13: "unspent", 5: "unspent", 3000000: "spend_prepared"}, "the open epoch's blocks")
            node.do("pop 1")
            node.do("other-macro 2", "grow 1")
            eventually(lambda: service.good("/v1/status")["violations"], "a violation")
            copy = where / "copy.db"
            code, out, err = harness.run(["backup", copy, "--config", service.config], where)
            assert code == 0, err
            service.events = service.events()
            assert service.stop() == 0
        service.copy = copy
        yield service


def verify(path, where, *more):
    return harness.run(["verify", "--store", path, *more], where)


def test_backup_of_a_running_service_is_good(story, where):
    for path in (story.copy, story.where / "serve.db"):
        for more in ([], ["--deep"]):
            assert verify(path, where, *more) == (0, "good\n", "")
    code, out, err = harness.run(["verify", "--config", story.config, "--deep", "--json"], where)
    assert (code, out) == (0, '{"findings":[]}\n'), err
    assert list(story.where.glob("copy.db*")) == [story.copy], "one file, and nothing left beside it"
    code, _, err = harness.run(["backup", story.copy, "--config", story.config], where)
    assert code == 1 and "is there already" in err


def changed(value, kind):
    """Another value of the same type that the schema may accept."""
    if value is None:
        return {"INTEGER": 1, "TEXT": "x", "BLOB": bytes(32)}[kind]
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:] if value else b"x"
    if isinstance(value, str):
        return value + "x"
    return value + 1


def tables(db):
    return [name for name, in db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")]


def columns(db, table):
    return [(name, kind) for _, name, kind, _, _, _, hidden in
            db.execute("PRAGMA table_xinfo(\"%s\")" % table) if hidden == 0]


def key_of(db, table):
    keys = [(pk, name) for _, name, _, _, _, pk in db.execute("PRAGMA table_info(\"%s\")" % table) if pk]
    return [name for _, name in sorted(keys)]


def test_verify_finds_any_value_changed_by_hand(story, where):
    """Every column of every table, in its first and its last row, one at a time."""
    base = where / "base.db"
    shutil.copy(story.copy, base)
    db = sqlite3.connect(base)
    db.execute("PRAGMA ignore_check_constraints = ON")
    db.isolation_level = None
    tried, missed, empty = 0, [], []
    for table in tables(db):
        keys = key_of(db, table)
        order = ", ".join('"%s"' % k for k in keys)
        found = db.execute('SELECT count(*) FROM "%s"' % table).fetchone()[0]
        if not found:
            empty.append(table)
            continue
        for direction in {"ASC", "DESC"} if found > 1 else {"ASC"}:
            row_order = ", ".join('"%s" %s' % (k, direction) for k in keys)
            key = db.execute('SELECT %s FROM "%s" ORDER BY %s LIMIT 1' % (order, table, row_order)).fetchone()
            at = " AND ".join('"%s" IS ?' % k for k in keys)
            for name, kind in columns(db, table):
                old = db.execute('SELECT "%s" FROM "%s" WHERE %s' % (name, table, at), key).fetchone()[0]
                new = old + 1_000_003 if name in keys and kind == "INTEGER" else changed(old, kind)
                now = [new if k == name else v for k, v in zip(keys, key)]
                db.execute('UPDATE "%s" SET "%s" = ? WHERE %s' % (table, name, at), (new, *key))
                code, out, _ = verify(base, where)
                tried += 1
                if code != 1 or not out.strip():
                    missed.append((table, name, old, new, code, out))
                db.execute('UPDATE "%s" SET "%s" = ? WHERE %s' % (table, name, at), (old, *now))
    assert not missed, missed
    assert verify(base, where)[0] == 0, "all is as it was again"
    print("%d values changed; empty: %s" % (tried, empty))
    assert tried > 150
    assert not {"certificate", "withheld", "hold", "idempotency", "violation", "micro_input"} & set(empty)
    db.execute("INSERT INTO address VALUES (zeroblob(32), NULL, NULL, 0, 0)")
    assert verify(base, where)[0] == 1, "a row that nobody wrote"
    db.execute("DELETE FROM address WHERE key = zeroblob(32)")
    db.execute("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)")
    assert verify(base, where)[0] == 1, "a row that is gone"


def test_verify_finds_what_the_digests_would_not(story, where):
    """The program's own mistakes would be in the digests, too: the invariants speak for themselves."""
    for statement, word in [
            ("UPDATE deposit SET spend = 2 WHERE state = 2 AND spend = 0", "deposit"),
            ("UPDATE public_output SET amount = amount + 1 WHERE id = 1", "certificate"),
            ("UPDATE tally SET committed = committed + 1", "tally"),
            ("DELETE FROM public_output WHERE epoch = (SELECT min(epoch) FROM public_output)", "certificate"),
            ("UPDATE address_total SET unspent_low = unspent_low + 1", "address_total"),
            ("DELETE FROM address_total", "address_total"),
            ("UPDATE checkpoint SET low = low + 1 WHERE seq = (SELECT max(seq) FROM checkpoint)", "checkpoint"),
            ("UPDATE checkpoint SET hash = zeroblob(32) WHERE seq = (SELECT min(seq) FROM checkpoint)",
             "checkpoint"),
            ("DELETE FROM checkpoint WHERE seq = (SELECT max(seq) FROM checkpoint)", "checkpoint"),
            ("UPDATE audit_log SET who = 'x' WHERE n = 1", "audit_log"),
            ("UPDATE macro_block SET hash = zeroblob(32) WHERE epoch = 1", "macro_block"),
            ("UPDATE feed SET head = head + 1", "feed"),
            ("UPDATE certificate SET matched_count = 7 WHERE epoch = 1", "certificate")]:
        path = where / "mistake.db"
        shutil.copy(story.copy, path)
        db = sqlite3.connect(path)
        db.execute(statement)
        db.commit()
        db.close()
        code, out, _ = verify(path, where)
        findings = [line for line in out.splitlines() if "is not the one that was written" not in line]
        assert code == 1 and any(line.startswith(word) or word in line for line in findings), (statement, out)


def test_deep_finds_an_id_that_is_none(story, where):
    path = where / "id.db"
    shutil.copy(story.copy, path)
    db = sqlite3.connect(path)
    db.execute("UPDATE deposit SET serno = serno + 1")
    db.commit()
    db.close()
    assert "hash to" in verify(path, where, "--deep")[1]
    assert "hash to" not in verify(path, where)[1]


def test_damaged_file(story, where):
    path = where / "torn.db"
    data = bytearray(story.copy.read_bytes())
    data[4096 * 3:4096 * 3 + 512] = bytes(512)
    path.write_bytes(data)
    assert verify(path, where)[0] == 1
    assert verify(where / "none.db", where)[0] == 2


# --- restore --------------------------------------------------------------------------------------

def without_feed(events):
    return [{k: v for k, v in e.items() if k != "feed"} for e in events]


def test_restore_starts_a_new_feed_with_the_whole_history(where):
    with SimNode(where, "dev", "epoch-length 6\npay own1 9\nseal\npay own1 8\ngrow 2\n") as node:
        own = node.addresses()[:1]
        service = Service(where, [(node.endpoint, node.token_file)])
        with service:
            service.register(own)
            node.finish()
            wait_equal(service, node, own)
            copy = where / "copy.db"
            assert harness.run(["backup", copy, "--config", service.config], where)[0] == 0
            then, old = service.events(), service.good("/v1/status")["feed"]
            certificates = service.good("/v1/certificates")["certificates"]
            node.do("pay own1 7", "seal", "grow 1")
            wait_equal(service, node, own)
            code, _, err = harness.run(["restore", copy, "--config", service.config], where)
            assert code == 1 and "another process" in err
            assert service.good("/v1/status")["feed"] == old
            service.stop()
            node.do("pay own1 6", "seal", "grow 1")
            code, out, err = harness.run(["restore", copy, "--config", service.config], where)
            assert code == 0 and "restored as feed" in out, err
            assert (where / "serve.db.before-restore").exists()
            assert not (where / "serve.db.restoring").exists()
            assert harness.run(["verify", "--deep", "--config", service.config], where)[0] == 0
            service.start()
            feed = service.good("/v1/status")["feed"]
            assert feed != old and out.split("feed ")[1].startswith(feed)
            assert service.get("/v1/events?feed=%s&after=1" % old).status == 409
            wait_equal(service, node, own)
            now = service.events()
            assert without_feed(now[:len(then)]) == without_feed(then)
            assert {e["feed"] for e in now} == {feed}
            assert len(service.check_feed().committed) == 4
            after = service.good("/v1/certificates")["certificates"]
            assert after[:len(certificates)] == certificates, "what was certified stays"
            assert after[-1]["feed"] == feed and after[-1]["previous"] == after[-2]["hash"]


def test_restore_refuses(story, where):
    config = write_config(where / "other.toml", [("ws://127.0.0.1:1", "none")], network="testnet")
    code, _, err = harness.run(["restore", story.copy, "--config", config], where)
    assert code == 1 and "network" in err and not (where / "h.db").exists()
    config = write_config(where / "same.toml", [("ws://127.0.0.1:1", "none")])
    damaged = where / "damaged.db"
    shutil.copy(story.copy, damaged)
    db = sqlite3.connect(damaged)
    db.execute("UPDATE address SET label = 'x'")
    db.commit()
    db.close()
    code, _, err = harness.run(["restore", damaged, "--config", config], where)
    assert code == 1 and "damaged" in err and not (where / "h.db").exists()
    (where / "h.db").write_bytes(b"not a store at all" * 1000)
    code, _, err = harness.run(["restore", story.copy, "--config", config], where)
    assert code == 1 and "move" in err and (where / "h.db").read_bytes().startswith(b"not a store")
    (where / "h.db").unlink()
    assert harness.run(["restore", story.copy, "--config", config], where)[0] == 0
    assert harness.run(["verify", "--config", config], where)[0] == 0
