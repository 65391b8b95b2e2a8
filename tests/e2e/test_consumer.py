"""The reference consumer of examples/consumer: killed, rewound, restored, lied to, its books equal the service's.

What is right is worked out here from `/v1/deposits` and `/v1/events`, not with the consumer's own code.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

import story
from harness import PATIENCE, REPO, Service, SimNode, clean_environment, eventually, free_port
from test_simnode import STRANGERS, wait_equal

CONSUMER = REPO / "examples/consumer"
KILLS = int(os.environ.get("HOTSIDE_KILLS", "10"))
SEED = int(os.environ.get("HOTSIDE_SEED", random.SystemRandom().randrange(1 << 32)))


@pytest.fixture(scope="module")
def example():
    """The example's own modules, for what cannot be steered from outside its process."""
    sys.path.insert(0, str(CONSUMER))
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        import books
        import webhook
    finally:
        sys.path.remove(str(CONSUMER))
        sys.dont_write_bytecode = before
    books.webhook = webhook
    return books


class Consumer:
    """The program, as an engineer runs it."""

    def __init__(self, where, port):
        self.where, self.port, self.file = where, port, where / "books.db"

    def command(self, *args):
        return ["/usr/bin/python3", "-B", str(CONSUMER / "consumer.py"), "--books", str(self.file),
                "--url", "http://127.0.0.1:%d" % self.port, *map(str, args)]

    def run(self, *args, code=0):
        done = subprocess.run(self.command(*args), cwd=self.where, env=clean_environment(), text=True,
                              capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == code, "%s\n%s" % (done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stdout + done.stderr

    def start(self, *args):
        with (self.where / "consumer.out").open("ab") as out:
            return subprocess.Popen(self.command(*args), cwd=self.where, env=clean_environment(),
                                    stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def totals(self):
        return json.loads(self.run("totals"))

    def copy(self, there):
        with sqlite3.connect(self.file, timeout=PATIENCE) as now, sqlite3.connect(there) as then:
            now.backup(then)
        now.close()
        then.close()

    def restore(self, copy):
        """Yesterday's backup, with nothing of today beside it."""
        self.file.with_name(self.file.name + "-journal").unlink(missing_ok=True)
        self.file.write_bytes(copy.read_bytes())

    def change(self, sql):
        with sqlite3.connect(self.file, timeout=PATIENCE) as db:
            db.execute(sql)
        db.close()


def wait(process, timeout=PATIENCE):
    try:
        return process.wait(timeout)
    finally:
        kill(process)


def kill(process):
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def committed_totals(service):
    """What the service says everybody is owed, by reference or address."""
    totals = {}
    for deposit in service.deposits().values():
        if deposit["state"] == "committed":
            account = deposit["reference"] or deposit["address"]
            totals[account] = totals.get(account, 0) + deposit["amount"]
    return totals


def checkpoint(events):
    """product.md, "Checkpoint", read once more."""
    count, amount, digest = 0, 0, b"\0" * 32
    for event in events:
        if event["type"] == "deposit.committed":
            paid = event["deposit"]
            sha3 = hashlib.sha3_256(digest)
            sha3.update(bytes.fromhex(paid["utxo"]))
            sha3.update(paid["epoch"].to_bytes(8, "little"))
            sha3.update(paid["amount"].to_bytes(8, "little", signed=True))
            count, amount, digest = count + 1, amount + paid["amount"], sha3.digest()
    return {"seq": events[-1]["seq"] if events else 0, "count": count, "amount": amount, "hash": digest.hex()}


def register(service, own):
    """References of all kinds: one address, several, none."""
    service.register(own[:1] + STRANGERS[:1], reference="user-1")
    service.register(own[1:2], reference="Ünï 2 \"quoted\"")
    service.register(own[2:3] + STRANGERS[1:])


def same_books(consumer, service):
    """Takes in the rest, then compares everything."""
    consumer.run("poll", "--once", "--limit", 50)
    told, events = consumer.totals(), service.events()
    assert told["balances"] == committed_totals(service)
    assert told["checkpoint"] == checkpoint(events)
    waiting = {d["id"]: d["amount"] for d in service.deposits().values() if d["state"] == "prepared"}
    assert told["pending"] == waiting
    assert service.good("/v1/checkpoints/%d" % told["seq"]) == told["checkpoint"]
    assert consumer.run("check").startswith("agreed through event %d " % told["seq"])
    return told


@pytest.fixture
def chain(where):
    """A service that has taken in a short chain, and its consumer."""
    with SimNode(where, "1.2.2", story.write(5, 8, STRANGERS, pace=0), seed=5) as node:
        addresses = node.addresses()[:3] + STRANGERS
        with Service(where, [(node.endpoint, node.token_file)]) as service:
            register(service, addresses)
            node.finish()
            wait_equal(service, node, addresses)
            yield node, service, Consumer(where, service.port)


def test_killed_rewound_and_restored(where):
    print("HOTSIDE_SEED=%d HOTSIDE_KILLS=%d" % (SEED, KILLS))
    dice = random.Random("consumer %d" % SEED)
    text = story.write(SEED, 10 + 4 * KILLS, STRANGERS)
    with SimNode(where, "1.2.2", text, seed=SEED % 1000) as node:
        addresses = node.addresses()[:3] + STRANGERS
        service = Service(where, [(node.endpoint, node.token_file)]).start()
        consumer, copies = Consumer(where, service.port), []
        try:
            register(service, addresses)
            for n in range(KILLS):
                program = consumer.start("poll", "--limit", dice.choice([1, 3, 100]))
                time.sleep(dice.uniform(0.05, 1.0))  # the moment is meant to be random
                kill(program)
                if not consumer.file.exists():
                    continue
                what = dice.choice(["nothing", "rewind", "copy", "copy", "restore", "kill the service"])
                if what == "rewind":
                    consumer.change("UPDATE cursor SET seq = abs(random()) % (seq + 1)")
                elif what == "copy":
                    copies.append(where / ("copy-%d.db" % n))
                    consumer.copy(copies[-1])
                elif what == "restore" and copies:
                    consumer.restore(dice.choice(copies))
                elif what == "kill the service":
                    service.kill()
                    service.launch()
            eventually(service.alive, "/healthz", alive=service.program.process)
            node.finish(PATIENCE + KILLS)
            wait_equal(service, node, addresses)
            told = same_books(consumer, service)
            assert told["checkpoint"]["count"] > 20, "too little happened"
            assert {"user-1", "Ünï 2 \"quoted\"", *addresses[2:3]} <= told["balances"].keys()
        finally:
            service.kill()


def test_fails_at_every_statement(chain, where, example):
    """Each statement fails once, in the middle of a page: all of it or nothing of it is in the books."""
    _, service, consumer = chain
    events = service.events()
    page = service.good("/v1/events?limit=1000")
    assert page["next"] == page["head"] and len(events) > 20

    class Failing(sqlite3.Connection):
        left = 1 << 60

        def execute(self, sql, *args):
            if sql != "ROLLBACK":
                self.left -= 1
                if self.left < 0:
                    raise sqlite3.OperationalError("disk full")
            return super().execute(sql, *args)

    def connect(*args, **kw):
        return sqlite3.connect(*args, factory=Failing, **kw)

    file, failures = str(where / "failing.db"), 0
    while True:
        books = example.Books(file, connect)
        before = books.cursor(), books.balances(), books.pending()
        assert before == ((None, 0), {}, {}), "part of a page is in the books"
        books.db.left = failures
        try:
            books.apply(None, 0, page)
            break
        except sqlite3.OperationalError:
            failures += 1
        finally:
            books.db.close()
    assert failures > len(events) / 2
    consumer.file.write_bytes((where / "failing.db").read_bytes())
    same_books(consumer, service)


def test_another_feed_is_refused_then_started(chain, where):
    node, service, consumer = chain
    same_books(consumer, service)
    before = consumer.totals()
    with Service(where, [(node.endpoint, node.token_file)], name="other") as other:
        register(other, node.addresses()[:3] + STRANGERS)
        wait_equal(other, node, node.addresses()[:3] + STRANGERS)
        feed = other.good("/v1/status")["feed"]
        moved = Consumer(where, other.port)
        # It differs even where the numbers would fit.
        moved.change("UPDATE cursor SET seq = 1")
        words = moved.run("poll", "--once", code=1)
        assert "409" in words and "start-feed" in words and feed in words
        assert "start-feed" in moved.run("check", code=1)
        assert moved.totals()["balances"] == before["balances"]

        moved.run("start-feed", feed)
        assert moved.totals()["balances"] == before["balances"]
        told = same_books(moved, other)
        assert told["feed"] == feed != before["feed"] and told["balances"] == before["balances"]

        # A credit that the new feed does not know is for people.
        moved.change("INSERT INTO credits VALUES ('%s:1', 'user-9', 'dev1x', 5, '%s', 7)"
                     % ("ab" * 32, before["feed"]))
        words = moved.run("check", code=1)
        assert "agreed through" in words and "ab" * 32 + ":1, 5 μSTG to user-9" in words


def test_what_does_not_fit_is_refused(chain, example, where):
    _, service, consumer = chain
    same_books(consumer, service)
    before = consumer.totals()
    consumer.change("UPDATE cursor SET seq = 1000000")
    words = consumer.run("poll", "--once", code=1)
    assert "Cursor beyond the head" in words and "Do not reset the cursor" in words
    consumer.change("UPDATE cursor SET seq = %d" % before["seq"])

    page = service.good("/v1/events?limit=10")
    books = example.Books(str(where / "lied.db"))

    def refuses(changed, text, feed=None, after=0):
        state = books.cursor(), books.balances(), books.pending()
        with pytest.raises(example.Refused, match=text):
            books.apply(feed, after, changed)
        assert (books.cursor(), books.balances(), books.pending()) == state

    refuses({**page, "events": page["events"][1:]}, "asked for the events after 0")
    refuses({**page, "events": page["events"][::-1]}, "asked for the events after 0")
    refuses({**page, "next": 11}, "asked for the events after 0")
    refuses(page, "asked for feed other", feed="other")
    books.apply(None, 0, page)
    refuses(page, "does another consumer")  # a second one, that began at the same place
    rest = service.good("/v1/events?limit=1000&after=10")
    books.apply(page["feed"], 10, rest)
    books.start_feed(page["feed"])
    all_of_it = service.good("/v1/events?limit=1000")
    final = next(e for e in all_of_it["events"] if e["type"] == "deposit.committed")
    final["deposit"]["amount"] += 1
    refuses(all_of_it, "with another amount", feed=page["feed"])
    final["deposit"]["amount"] -= 1
    books.apply(page["feed"], 0, all_of_it)
    assert books.balances() == before["balances"]
    books.db.close()


def test_check_finds_the_first_difference(chain):
    _, service, consumer = chain
    same_books(consumer, service)
    final = [e for e in service.events() if e["type"] == "deposit.committed"]
    wrong, sound = final[len(final) // 2], final[len(final) // 2 - 1]
    change = "UPDATE credits SET amount = amount + %%d WHERE deposit = '%s'" % wrong["deposit"]["id"]
    consumer.change(change % 1)
    assert "the first difference is among the events %d to %d" % (
        sound["seq"] + 1, wrong["seq"]) in consumer.run("check", code=1)
    consumer.change(change % -1)
    assert "agreed" in consumer.run("check")
    consumer.change("DELETE FROM credits WHERE deposit = '%s'" % final[-1]["deposit"]["id"])
    assert "agree through event %d;" % final[-2]["seq"] in consumer.run("check", code=1)


def test_waits_for_a_service_that_is_away(chain):
    _, service, consumer = chain
    service.kill()
    program = consumer.start("poll", "--once")
    try:
        said = consumer.where / "consumer.out"
        eventually(lambda: "no answer" in said.read_text(), "it to say so", alive=program)
        service.launch()
        assert wait(program) == 0, said.read_text()
    finally:
        kill(program)
    same_books(consumer, service)


# --- webhooks ---

def sign(secret, name, at, body):
    key = base64.b64decode(secret[len("whsec_"):])
    mac = hmac.digest(key, b"%s.%d.%s" % (name.encode(), at, body), "sha256")
    return "v1," + base64.b64encode(mac).decode()


def deliver(port, headers, body):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        link.request("POST", "/", body, headers)
        return link.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        link.close()


def test_a_genuine_webhook_wakes_it(chain, where):
    node, service, consumer = chain
    old, new, foreign = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
    secrets, port = where / "webhook.secret", free_port()
    for nonsense in ("", "whsec_\n", "secret\n", old[:-4] + "\n" + "whsec_%%%\n"):
        secrets.write_text(nonsense)
        assert "whsec_ and Base64" in consumer.run("webhook", "--secret-file", secrets, code=1)
    secrets.write_text(old + "\n" + new + "\n")
    program = consumer.start("webhook", "--listen", "127.0.0.1:%d" % port, "--secret-file", secrets,
                             "--idle", 100000)

    def headers(body, *signers, later=0):
        at = int(time.time()) + later
        return {"webhook-id": "f:7", "webhook-timestamp": str(at),
                "webhook-signature": " ".join(sign(s, "f:7", at, body) for s in signers)}

    def head():
        return service.good("/v1/status")["head"]
    try:
        body = b'{"seq":7,"type":"deposit.prepared"}'
        eventually(lambda: deliver(port, headers(body, foreign), body) == 401, "the receiver", alive=program)
        eventually(lambda: consumer.totals()["seq"] == head(), "what was there", alive=program)
        caught_up = head()
        node.do("pay own1 77", "grow", "seal")
        service.wait_tip(node)  # all that it will tell of; the poller is woken once
        assert head() > caught_up
        for bad in (headers(body, foreign), headers(body + b" ", old), headers(body, old, later=-3600),
                    headers(body, old, later=3600), {},
                    {**headers(body, old), "webhook-signature": "v1,%%%"},
                    {**headers(body, old), "webhook-timestamp": "soon"}):
            assert deliver(port, bad, body) == 401, bad
        assert consumer.totals()["seq"] == caught_up, "woken by what nobody signed"
        assert deliver(port, headers(body, foreign, new), body) == 204
        eventually(lambda: consumer.totals()["seq"] == head(), "the poller to wake", alive=program)
        assert deliver(port, headers(body, foreign, new), body) == 204  # twice costs nothing
    finally:
        kill(program)
    same_books(consumer, service)


def test_signature_as_the_specification_has_it(example, monkeypatch):
    """A vector made with the library of the Standard Webhooks project."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = {"Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "Webhook-Timestamp": "1614265330",
               "Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
    body = b'{"test": 2432232314}'
    monkeypatch.setattr(time, "time", lambda: 1614265330.0)
    assert example.webhook.is_genuine([secret], headers, body)
    assert not example.webhook.is_genuine([secret], headers, body + b" ")
