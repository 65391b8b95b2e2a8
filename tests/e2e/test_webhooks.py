"""Webhooks against receivers that fail in every way: each event arrives, in order, signed; nobody waits for others."""

import os
import random
import signal
import sqlite3
import subprocess
import time

import pytest

from harness import PATIENCE, Service, SimNode, eventually, free_port
from receiver import Receiver, new_secret
from test_api import problem, samples

DEPOSITS = ["deposit.prepared", "deposit.committed", "deposit.reverted"]


@pytest.fixture
def node(where):
    with SimNode(where, "dev", "epoch-length 30\n") as started:
        started.finish()
        yield started


@pytest.fixture
def service(where, node):
    made = Service(where, [(node.endpoint, node.token_file)])
    made.start()
    made.register(node.addresses()[:2], reference="user-1")
    made.wait_tip(node)
    yield made
    made.kill()


def add(service, url, events=None, allow_private=True, **fields):
    reply = service.ask("POST", "/v1/webhooks", {"url": url, "events": events or DEPOSITS,
                                                 "allow_private": allow_private, **fields})
    assert reply.status == 201, reply
    return reply.json


def pay(node, count=1, seal=False):
    node.do("pay own1 1000 %d" % count, "seal" if seal else "grow")


def wanted(service, types=DEPOSITS, after=0):
    return [e["seq"] for e in service.events() if e["type"] in types and e["seq"] > after]


def settled(service, receiver, after=0, types=DEPOSITS):
    """Waits until the receiver has taken every event there is: all, in order, none passed over."""
    def there():
        want = wanted(service, types, after)
        return want and receiver.accepted() == want
    eventually(there, "the receiver to have everything", PATIENCE, service.program.process)


def deliveries(service, hook):
    items, _ = service.pages("/v1/webhooks/%s/deliveries?limit=3" % hook["id"], "deliveries")
    return items


def shown(service, hook):
    return service.good("/v1/webhooks/" + hook["id"])


def logs(service):
    return service.program.err.read_text() + service.program.out.read_text()


# --- the interface --------------------------------------------------------------------------------

def test_refusals(service):
    def post(body, status, name):
        said = problem(service.ask("POST", "/v1/webhooks", body), status)
        assert said["type"].endswith("#" + name), said
        return said["detail"]
    good = {"url": "https://exchange.example/h", "events": ["deposit.committed"]}
    for host in ("127.0.0.1", "localhost:80", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[::1]",
                 "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "0.0.0.0", "224.0.0.1", "127.1", "2130706433"):
        assert "allow_private" in post({**good, "url": "http://%s/" % host}, 422, "webhook-target")
    # What only its resolver knows to be an address.
    assert "127.0.0.1" in post({**good, "url": "http://%31%32%37.0.0.1/"}, 422, "webhook-target")
    assert "deposit.gone" in post({**good, "events": ["deposit.gone"]}, 422, "webhook-event-type")
    for change in ({"events": []}, {"events": "deposit.committed"}, {"url": 3}, {"url": "ftp://a.example/"},
                   {"secret": "whsec_short"}, {"secret": 1}, {"allow_private": "yes"}, {"enabled": True},
                   {"events": ["node.up", "node.up"]}, {"url": "https://a.example/#x"}):
        post({**good, **change}, 400, "invalid-body")
    for missing in good:
        post({k: v for k, v in good.items() if k != missing}, 400, "invalid-body")
    assert service.good("/v1/webhooks") == {"webhooks": [], "next": None,
                                           "complete_through": service.through()}
    for method, path, body in (("GET", "", None), ("PATCH", "", {"enabled": False}), ("DELETE", "", None),
                               ("POST", "/rotate", {}), ("GET", "/deliveries", None),
                               ("POST", "/redeliver", {"seq": 1})):
        problem(service.ask(method, "/v1/webhooks/wh_0" + path, body), 404)
    hook = add(service, good["url"], allow_private=False)
    path = "/v1/webhooks/" + hook["id"]
    assert hook["secret"].startswith("whsec_") and hook["enabled"] and not hook["configured"]
    for body, status in (({}, 400), ({"secret": hook["secret"]}, 400), ({"url": "http://10.0.0.1/"}, 422),
                         ({"url": "http://%31%30.0.0.1/"}, 422),
                         ({"events": ["x"]}, 422), ({"enabled": 1}, 400)):
        problem(service.ask("PATCH", path, body), status)
    for body in ({"overlap_seconds": -1}, {"overlap_seconds": 1.5}, {"x": 1}):
        problem(service.ask("POST", path + "/rotate", body), 400)
    problem(service.ask("POST", path + "/redeliver", {"seq": 10**9}), 404)
    problem(service.ask("POST", path + "/redeliver", {"seq": 0}), 400)
    problem(service.get(path + "/deliveries?after=x"), 400)
    assert hook["secret"] not in service.get("/v1/webhooks").body.decode()
    assert service.ask("DELETE", path).status == 204
    problem(service.get(path), 404)


def test_how_many_there_may_be(service, node):
    def limited(method, path, body):
        said = problem(service.ask(method, "/v1/webhooks" + path, body), 409)
        assert said["type"].endswith("#webhook-limit"), said
    with Receiver(say="hang") as receiver:
        first = add(service, receiver.url)
        nowhere = "http://127.0.0.1:%d/" % free_port()
        for number in range(99):
            add(service, nowhere + str(number))
        limited("POST", "", {"url": nowhere, "events": DEPOSITS, "allow_private": True})
        path = "/" + first["id"]
        for _ in range(7):
            assert service.ask("POST", "/v1/webhooks" + path + "/rotate", {}).status == 200
        limited("POST", path + "/rotate", {})
        pay(node)
        eventually(lambda: wanted(service), "an event")
        again = {"seq": wanted(service)[0]}
        for _ in range(100):
            assert service.ask("POST", "/v1/webhooks" + path + "/redeliver", again).status == 202
        limited("POST", path + "/redeliver", again)
        assert service.ask("DELETE", "/v1/webhooks" + path).status == 204
    add(service, nowhere)


def test_what_a_receiver_gets(service, node, where):
    old = new_secret(1)
    pay(node)
    eventually(lambda: wanted(service), "a first event")
    with Receiver() as receiver:
        head = service.good("/v1/status")["head"]
        hook = add(service, receiver.url, secret=old)
        assert hook["secret"] == old and hook["delivered_through"] >= head
        pay(node, 20)
        pay(node, 3, seal=True)
        eventually(lambda: len(wanted(service, after=head)) >= 46, "the events")
        settled(service, receiver, after=head)  # and nothing of before
        got = receiver.check(old)
        assert [b for _, _, _, b in got] == [
            b for b in map(bytes_of(service), [seq for seq, _, _, _ in got])]
        eventually(lambda: [d["seq"] for d in reversed(deliveries(service, hook))] == receiver.accepted(),
                   "all of it to be listed", PATIENCE)
        listed = deliveries(service, hook)
        assert all((d["status"], d["attempt"], d["error"], d["response"]) == (200, 1, None, "said 200")
                   for d in listed)
        # Rotated: both secrets sign, then the new one alone.
        reply = service.ask("POST", "/v1/webhooks/%s/rotate" % hook["id"])
        assert reply.status == 200 and set(reply.json) == {"secret", "old_valid_until"}, reply
        new = reply.json["secret"]
        receiver.got.clear()
        pay(node, 2)
        eventually(lambda: len(receiver.accepted()) == 2, "both", PATIENCE)
        receiver.check(old, new)
        third = service.ask("POST", "/v1/webhooks/%s/rotate" % hook["id"], {"overlap_seconds": 0}).json["secret"]
        receiver.got.clear()
        pay(node, 2)
        eventually(lambda: len(receiver.accepted()) == 2, "both", PATIENCE)
        receiver.check(third)
        for _, _, headers, _ in receiver.got:
            assert headers["webhook-signature"].count("v1,") == 1
        # Once more, out of order, without moving anything.
        first = wanted(service)[0]
        before = wanted(service)[-1]
        eventually(lambda: shown(service, hook)["delivered_through"] == before, "it to be written", PATIENCE)
        receiver.got.clear()
        reply = service.ask("POST", "/v1/webhooks/%s/redeliver" % hook["id"], {"seq": first})
        assert reply.status == 202 and reply.json == {"seq": first}, reply
        eventually(lambda: receiver.accepted() == [first], "the redelivery", PATIENCE)
        receiver.check(third)
        assert shown(service, hook)["delivered_through"] == before
        eventually(lambda: deliveries(service, hook)[0]["seq"] == first, "its line", PATIENCE)

        def backlog():
            now = samples(service.get("/metrics").body.decode())
            label = '{endpoint="%s"}' % hook["id"]
            return now.get("hotside_webhook_backlog" + label), now.get(
                "hotside_webhook_oldest_undelivered_seconds" + label)
        eventually(lambda: backlog() == (0, 0), "an empty backlog", PATIENCE)
        receiver.close()
        pay(node, 5)
        eventually(lambda: backlog()[0] == 5 and backlog()[1] > 0, "a backlog", PATIENCE)
        eventually(lambda: "is failing since" in logs(service), "a word about it", PATIENCE)
        text = logs(service) + service.get("/metrics").body.decode() + service.get("/v1/webhooks").body.decode()
        for secret in (old, new, third):
            assert secret.removeprefix("whsec_") not in text
        assert "very-secret" not in logs(service)
        service.ask("DELETE", "/v1/webhooks/" + hook["id"])
        eventually(lambda: backlog() == (None, None), "its metrics to go", PATIENCE)


def bytes_of(service):
    """The event as the feed gives it, byte by byte."""
    def one(seq):
        text = service.get("/v1/events?limit=1&after=%d" % (seq - 1)).body
        start = text.index(b'"events":[') + len(b'"events":[')
        return text[start:text.index(b'],"next":')]
    return one


# --- receivers that fail --------------------------------------------------------------------------

def test_failing_receivers_hold_up_nobody(service, node):
    bad = [500, 301, 404, "garbage", "nothing", "hang"]
    receivers = [Receiver(say=word) for word in bad]
    silent, good = Receiver(), Receiver()
    secret = new_secret(9)
    try:
        for receiver in [*receivers, good]:
            receiver.open()
        hooks = [add(service, r.url, secret=secret) for r in [*receivers, silent, good]]
        begin = time.monotonic()
        pay(node, 10)
        settled(service, good)
        healthy = time.monotonic() - begin
        for receiver, hook in zip([*receivers, silent], hooks):
            eventually(lambda: deliveries(service, hook), "an attempt for %s" % receiver.say, PATIENCE)
            assert receiver.accepted() == []
            now = shown(service, hook)
            assert now["enabled"] and now["failures"] >= 1 and now["failing_since"], now
            newest = deliveries(service, hook)[0]
            assert newest["error"] and newest["seq"] == wanted(service)[0], newest
            assert newest["status"] == (receiver.say if receiver.say in (500, 301, 404) else None), newest
        pay(node, 10, seal=True)
        settled(service, good)
        assert all(len({seq for seq, *_ in r.got}) == 1 for r in receivers), "one passed over the first"
        print("the healthy receiver had its first ten after %.2f s" % healthy)
        for receiver in receivers:
            receiver.say = 204
            receiver.release.set()
        silent.open()
        for receiver in [*receivers, silent]:
            settled(service, receiver)
            receiver.check(secret)
        assert logs(service).count("delivers again") >= len(bad) + 1
    finally:
        for receiver in [*receivers, silent, good]:
            receiver.close()


def test_while_the_store_takes_nothing_little_is_sent(service, node):
    """64 attempts, and no more until they are written: what is not written is sent again after a crash."""
    receiver = Receiver(say=200)
    hook = add(service, "http://127.0.0.1:%d/" % receiver.port)
    pay(node, 100)
    eventually(lambda: len(wanted(service)) == 100, "the events")
    eventually(lambda: shown(service, hook)["failing_since"], "a failed attempt")
    with sqlite3.connect(service.where / "serve.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with receiver:
            eventually(lambda: len(receiver.got) >= 64, "the first ones", PATIENCE)
            service.wait_reason("store", PATIENCE)  # that long nothing could be written
            assert len(receiver.got) == 64
            other.execute("ROLLBACK")
            settled(service, receiver)


def test_gone_is_off_until_an_operator_says(service, node):
    with Receiver(say=410) as receiver:
        hook = add(service, receiver.url)
        pay(node)
        eventually(lambda: not shown(service, hook)["enabled"], "it to be off", PATIENCE)
        assert shown(service, hook)["disabled_because"] == "gone"
        pay(node)
        service.kill()
        service.start()
        receiver.say = 200
        assert len(receiver.got) == 1 and not shown(service, hook)["enabled"]
        reply = service.ask("PATCH", "/v1/webhooks/" + hook["id"], {"enabled": True})
        assert reply.status == 200 and reply.json["enabled"], reply
        settled(service, receiver)
        # Off by hand: nothing comes; on again: everything does. Other types count from there on.
        service.ask("PATCH", "/v1/webhooks/" + hook["id"], {"enabled": False})
        assert shown(service, hook)["disabled_because"] == "operator"
        pay(node, 3)
        eventually(lambda: len(wanted(service)) >= 5, "events", PATIENCE)
        service.ask("PATCH", "/v1/webhooks/" + hook["id"], {"enabled": True, "events": ["deposit.committed"]})
        node.do("seal")
        committed = ["deposit.committed"]
        eventually(lambda: len(wanted(service, committed)) == 5, "commitment", PATIENCE)
        eventually(lambda: receiver.accepted()[2:] == wanted(service, committed), "them", PATIENCE)


def test_killed_in_the_middle(service, node, where):
    """kill -9 at random moments: nothing is passed over, nothing comes out of order."""
    dice = random.Random(5)
    with Receiver(say=lambda event: 500 if dice.random() < 0.05 else 200) as receiver, Receiver() as other:
        secret = new_secret(3)
        hook = add(service, receiver.url, secret=secret)
        add(service, other.url, secret=secret)
        for _ in range(6):
            pay(node, 60)
            eventually(lambda: len(receiver.got) > 0, "a delivery", PATIENCE)
            time.sleep(dice.uniform(0, 0.3))  # any moment will do
            service.kill()
            service.start()
        # What a macro block alone tells of is committed without having been prepared.
        eventually(lambda: len(wanted(service)) == 360, "all that is prepared", PATIENCE)
        node.do("seal")
        eventually(lambda: len(wanted(service)) == 720, "all events", PATIENCE)
        for each in (receiver, other):
            eventually(lambda: each.accepted() and each.accepted()[-1] == wanted(service)[-1], "the last", PATIENCE)
            taken = each.accepted()
            # Each restart may repeat what was not written yet, never skip: a number that is new is the next one.
            new = []
            for seq in taken:
                if not new or seq > new[-1]:
                    new.append(seq)
            assert new == wanted(service)
            each.check(secret)
            print("%d events in %d requests" % (len(new), len(each.got)))
        eventually(lambda: shown(service, hook)["failures"] == 0, "the last success to be written")


def test_redelivery_survives_a_kill(service, node):
    with Receiver() as receiver:
        hook = add(service, receiver.url)
        pay(node)
        settled(service, receiver)
        seq = wanted(service)[0]
        receiver.close()
        service.ask("PATCH", "/v1/webhooks/" + hook["id"], {"enabled": False})
        assert service.ask("POST", "/v1/webhooks/%s/redeliver" % hook["id"], {"seq": seq}).status == 202
        eventually(lambda: deliveries(service, hook)[0]["attempt"] == 2, "the attempt", PATIENCE)
        assert deliveries(service, hook)[0]["error"]
        service.kill()
        service.start()
        receiver.open()
        service.ask("POST", "/v1/webhooks/%s/redeliver" % hook["id"], {"seq": seq})
        eventually(lambda: deliveries(service, hook)[0]["attempt"] == 3, "the next", PATIENCE)
        assert deliveries(service, hook)[0]["status"] == 200


def test_a_certificate_that_nobody_signed_is_refused(service, node, where):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out",
                           "cert.pem", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                           "subjectAltName=IP:127.0.0.1"], cwd=where, capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    with Receiver(tls=(where / "cert.pem", where / "key.pem")) as receiver:
        hook = add(service, receiver.url)
        pay(node)
        eventually(lambda: deliveries(service, hook), "an attempt", PATIENCE)
        newest = deliveries(service, hook)[0]
        assert newest["status"] is None and "certificate" in newest["error"], newest
        assert receiver.got == []


# --- of the configuration -------------------------------------------------------------------------

def test_configured(where, node):
    secret, other = new_secret(1), new_secret(2)
    file = where / "hook.secret"
    file.write_text(secret + "\n" + other + "\n")
    with Receiver() as receiver:
        table = '[[webhook]]\nurl = "%s"\nsecret_file = "%s"\nevents = ["deposit.prepared"]\nallow_private = true\n'
        service = Service(where, [(node.endpoint, node.token_file)])
        plain = service.config.read_text()
        service.config.write_text(plain + table % (receiver.url, file))
        try:
            service.start()
            service.register(node.addresses()[:1])
            hook = service.good("/v1/webhooks")["webhooks"][0]
            assert hook["configured"] and hook["events"] == ["deposit.prepared"]
            path = "/v1/webhooks/" + hook["id"]
            for method, at, body in (("PATCH", path, {"url": "https://a.example/"}), ("DELETE", path, None),
                                     ("POST", path + "/rotate", {})):
                assert problem(service.ask(method, at, body), 409)["type"].endswith("#webhook-configured")
            pay(node, 2)
            settled(service, receiver, types=["deposit.prepared"])
            receiver.check(secret, other)
            # Out of the file, the place is kept; back in it, with another secret, it goes on from there.
            service.config.write_text(plain)
            os.kill(service.program.process.pid, signal.SIGHUP)
            eventually(lambda: shown(service, hook)["disabled_because"] == "removed", "it to be off", PATIENCE)
            pay(node, 2)
            third = new_secret(4)
            file.write_text(third + "\n")
            service.config.write_text(plain + table % (receiver.url, file))
            receiver.got.clear()
            os.kill(service.program.process.pid, signal.SIGHUP)
            eventually(lambda: len(receiver.accepted()) == 2, "what came meanwhile", PATIENCE)
            receiver.check(third)
            # A mistake changes nothing.
            file.write_text("whsec_nonsense\n")
            os.kill(service.program.process.pid, signal.SIGHUP)
            eventually(lambda: "not reloaded" in logs(service), "a complaint", PATIENCE)
            assert shown(service, hook)["enabled"]
            assert "nonsense" not in logs(service)
            # Nor does one elsewhere in the file.
            file.write_text(third + "\n")
            service.config.write_text(plain.replace("[http]", '[http]\ntls_cert = "a.pem"\ntls_key = "b.pem"'))
            os.kill(service.program.process.pid, signal.SIGHUP)
            eventually(lambda: "http.tls_key: cannot read" in logs(service), "another complaint", PATIENCE)
            assert shown(service, hook)["enabled"]
        finally:
            service.kill()
