"""/openapi.json: its examples are sent as they stand, and what comes back is compared with its examples."""

import json
import random
import re
import urllib.parse

import jsonschema
import pytest

from bank import Bank, hex_of
from harness import Service, SimNode, eventually, free_port
from receiver import Receiver

# What stands for itself in an example: a value like it has the same form, every other text is the same text.
FORMS = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "hash": r"[0-9a-f]{64}", "id": r"[0-9a-f]{32}",
    "deposit": r"[0-9a-f]{64}:\d+", "webhook": r"wh_[0-9a-f]{16}", "answer": r"ok|said 200", "secret": r"whsec_[0-9A-Za-z+/]+=*",
    "blob": r"([0-9a-f]{2}){40,}", "amount": r"\d+\.\d{6}", "address": r"dev1[0-9a-z]{58}",
    "url": r"(ws|https?)://\S+", "cursor": r"[0-9A-Za-z_-]{3,80}", "total": r"\d+ addresses",
        "line": r"(bundle|request|  pay|  change) .*",
}


def form(text):
    """The first form that a text has; its own text where it has none, or could be a plain word."""
    for name, pattern in FORMS.items():
        if re.fullmatch(pattern, text) and not (name == "cursor" and re.fullmatch(r"[a-z_-]+(-\d+)?", text)):
            return name
    return text


def differences(example, live, where):
    """How an answer is unlike its example: other members, other types, other words."""
    if example is None or live is None:
        return []  # most that can be null can be something else
    if isinstance(example, dict) and isinstance(live, dict):
        found = ["%s: %s" % (where, sorted(set(example) ^ set(live)))] if set(example) != set(live) else []
        for key in set(example) & set(live):
            found += differences(example[key], live[key], "%s.%s" % (where, key))
        return found
    if isinstance(example, list) and isinstance(live, list):
        found = [where + ": empty or not"] if bool(example) != bool(live) else []
        return found + [d for a, b in zip(example, live) for d in differences(a, b, where + "[]")]
    if isinstance(example, str) and isinstance(live, str):
        return [] if form(example) == form(live) else ["%s: %r, not like %r" % (where, live, example)]
    same = type(example) is type(live) or {type(example), type(live)} == {int, float}
    return [] if same else ["%s: %r, not like %r" % (where, live, example)]


class Guide:
    """Sends the examples of one description to one service."""

    def __init__(self, service):
        self.service = service
        self.root = service.good("/openapi.json")
        self.paths = self.root["paths"]
        self.resolver = jsonschema.RefResolver("", self.root)
        self.sent = set()

    def conforms(self, schema, value, where):
        found = list(jsonschema.Draft202012Validator(schema, resolver=self.resolver).iter_errors(value))
        assert not found, "%s: %s" % (where, found[0])

    def answer(self, operation, reply, where):
        """That this answer is one of those described, and has the form described."""
        answers = operation["responses"]
        assert str(reply.status) in answers, "%s: %r is not described" % (where, reply)
        described = answers[str(reply.status)]
        if "$ref" in described:
            described = self.resolver.resolve(described["$ref"])[1]
        if "content" not in described:
            assert reply.body == b"" or where.endswith("/dashboard/{file}"), where
            return None
        kind = reply.headers["Content-Type"].partition(";")[0]
        assert kind in described["content"], "%s: %s" % (where, kind)
        if kind.endswith("json"):
            self.conforms(described["content"][kind]["schema"], reply.json, where)
        return described["content"][kind]

    def operation(self, method, path):
        self.sent.add((method.lower(), path))
        return self.paths[path][method.lower()]

    def send(self, method, path, query="", headers=None, change=None, **parameters):
        """One operation, with its example as the body; `change` is put over members of it. Gives the reply."""
        operation = self.operation(method, path)
        body, fields = None, dict(headers or {})
        if "requestBody" in operation:
            kind, content = next(iter(operation["requestBody"]["content"].items()))
            body = content["example"]
            self.conforms(content["schema"], body, "the example of %s %s" % (method, path))
            if kind == "application/json":
                body = json.dumps({**body, **(change or {})})
            fields["Content-Type"] = kind
        return self.service.ask(method, path.format(**parameters) + query, body, fields)

    def check(self, method, path, **kw):
        reply = self.send(method, path, **kw)
        where = "%s %s" % (method, path)
        assert reply.status < 300, (where, reply)
        content = self.answer(self.operation(method, path), reply, where)
        if content is None:
            return None
        if "schema" in content and isinstance(content["example"], dict):
            self.conforms(content["schema"], content["example"], "the answer's example of " + where)
            found = differences(content["example"], reply.json, where)
            assert not found, "\n".join(found)
            return reply.json
        assert content["example"].splitlines()[0] == reply.body.decode().splitlines()[0]
        return reply.body.decode()


def walk(guide, node, receiver):
    """Every subject of the API once, in the order of a deposit's life."""
    service, check = guide.service, guide.check
    own = node.addresses()[0]
    for path in ("/healthz", "/v1/status", "/metrics"):
        check("GET", path)
    assert check("POST", "/v1/addresses") == {"created": 1, "existing": 0, "errors": []}
    bank = Bank(service, node)
    assert service.good("/v1/addresses/" + own)["reference"] == "user-17", "the example is of the first address"
    rows = check("POST", "/v1/addresses/import")
    assert (rows["created"], rows["errors_total"], rows["errors"][0]["line"]) == (1, 1, 3)
    coin = bank.coin()
    bank.coin(7_000_000)
    check("GET", "/v1/addresses", query="?limit=1")
    check("GET", "/v1/addresses/{address}", address=own)
    assert check("PATCH", "/v1/addresses/{address}", address=own)["label"] == "main account"
    check("GET", "/v1/references/{reference}", reference="user-17")
    deposit = check("GET", "/v1/deposits", query="?limit=1")["deposits"][0]
    check("GET", "/v1/deposits/{id}", id=deposit["id"])
    check("GET", "/v1/deposits.csv")
    head = check("GET", "/v1/events", query="?types=deposit.committed&limit=1")["head"]
    check("GET", "/v1/checkpoints/{seq}", seq=head)
    check("GET", "/v1/certificates", query="?limit=1")
    check("GET", "/v1/certificates/{epoch}", epoch=deposit["epoch"])
    check("GET", "/v1/utxos", query="?limit=1")
    check("POST", "/v1/outputs", change={"utxos": [deposit["utxo"]]})
    bundle = check("POST", "/v1/bundles", headers={"Idempotency-Key": "payout-1"})["id"]
    check("GET", "/v1/bundles", query="?limit=1")
    check("GET", "/v1/bundles/{id}", id=bundle)
    check("DELETE", "/v1/bundles/{id}", id=bundle)
    signed = check("POST", "/v1/transactions", change={"data": hex_of(bank.pay(coin))})
    check("GET", "/v1/transactions", query="?limit=1")
    check("GET", "/v1/transactions/{hash}", hash=signed["hash"])
    # Nobody outside this machine is to be spoken to.
    hook = check("POST", "/v1/webhooks", change={"url": receiver.url, "allow_private": True})["id"]
    check("GET", "/v1/webhooks")
    check("GET", "/v1/webhooks/{id}", id=hook)
    check("POST", "/v1/webhooks/{id}/rotate", id=hook)
    check("POST", "/v1/webhooks/{id}/redeliver", id=hook, change={"seq": head})
    eventually(lambda: service.good("/v1/webhooks/%s/deliveries" % hook)["deliveries"], "the delivery")
    check("GET", "/v1/webhooks/{id}/deliveries", id=hook)
    check("PATCH", "/v1/webhooks/{id}", id=hook)
    check("DELETE", "/v1/webhooks/{id}", id=hook)
    check("POST", "/v1/hold")
    check("DELETE", "/v1/hold")
    check("GET", "/v1/violations")
    check("DELETE", "/v1/violations")
    check("GET", "/v1/audit", query="?limit=1")
    check("DELETE", "/v1/addresses/{address}", address=own)


# Pages for people, and what is compared elsewhere.
APART = {("get", "/"), ("get", "/dashboard/{file}"), ("get", "/openapi.json"), ("get", "/docs/errors"),
         ("get", "/docs/audit"), ("get", "/docs/{guide}"), ("get", "/readyz"), ("get", "/v1/events/stream")}


@pytest.fixture
def node(where):
    with SimNode(where, "1.2.2") as started:
        yield started


def test_examples_are_what_comes_back(where, node):
    with Service(where, [(node.endpoint, node.token_file)]) as service, Receiver() as receiver:
        def like_the_example():
            status = service.good("/v1/status")
            return status["ready"] and status["nodes"][0]["state"] == "following"
        eventually(like_the_example, "the service to be ready")
        guide = Guide(service)
        walk(guide, node, receiver)
        described = {(method, path) for path, operations in guide.paths.items()
                     for method in operations if method != "parameters"}
        assert guide.sent == described - APART
        # A problem looks like its example, whatever the subject.
        problem = service.good("/openapi.json")["components"]["schemas"]["Problem"]["examples"][0]
        reply = service.get("/v1/deposits/%s:1834" % ("0" * 64))
        assert (reply.status, differences(problem, reply.json, "problem")) == (404, [])
        ready = service.get("/readyz")
        assert set(ready.json) == {"ready", "reasons"}


VALUES = ["", "0", "1", "-1", "2", "1.5", "x", "9" * 25, "true", "%00", "%ff", "%", "a" * 300, "é", "0" * 64,
          "0" * 64 + ":1", "dev1x", "wh_0", "committed", "deposit.committed", "integration.md", "18446744073709551615"]
JUNK = [None, True, -1, 0, 2**63, 2**64, 1.5, "", "x", "\0", "0" * 64, "x" * 300, [], {}, [None], [""], [[]], {"a": 1}]


def spoiled(dice, example):
    """A body with one thing wrong, or nothing."""
    kind = dice.randrange(6)
    if kind == 0:
        return example
    if kind == 1:
        return dice.choice([b"", b"{", b"[]", b"null", b"\xff", b'{"a":1,"a":2}', b"{}{}", b"[" * 2000, b'{"\\u0000":1}'])
    if isinstance(example, str):
        return example[:dice.randrange(len(example))] + dice.choice(["", '"', "\n\n", ",,,,", "\0"])
    body = json.loads(json.dumps(example))
    if kind == 2:
        body[dice.choice(["x", "", "é", *body])] = dice.choice(JUNK)
    elif kind == 3:
        body.pop(dice.choice(list(body)))
    else:
        inside = dice.choice(list(body))
        if isinstance(body[inside], list) and body[inside] and isinstance(body[inside][0], dict):
            body[inside][0][dice.choice(["x", *body[inside][0]])] = dice.choice(JUNK)
        else:
            body[inside] = dice.choice(JUNK)
    return body


def test_whatever_is_asked_the_answer_is_as_described(where, token_file):
    dice = random.Random(5)
    with Service(where, [("ws://127.0.0.1:%d" % free_port(), token_file)]) as service:
        guide, statuses = Guide(service), set()
        for path, operations in guide.paths.items():
            for method, operation in operations.items():
                if method == "parameters" or path == "/v1/events/stream":
                    continue
                given = [guide.resolver.resolve(p["$ref"])[1] if "$ref" in p else p
                         for p in operation.get("parameters", []) + operations.get("parameters", [])]
                for _ in range(25):
                    query, target, fields = [], path, {}
                    for one in given:
                        value = dice.choice(VALUES)
                        value = value if value.startswith("%") else urllib.parse.quote(value, safe="")
                        if one["in"] == "path":
                            target = target.replace("{%s}" % one["name"], value or "x")
                        elif one["in"] == "header":
                            fields.update({one["name"]: str(dice.random())} if dice.random() < 0.9 else {})
                        elif dice.random() < 0.3:
                            query.append("%s=%s" % (one["name"], value))
                    if dice.random() < 0.05:
                        query.append("colour=red")
                    body = None
                    if "requestBody" in operation:
                        kind, content = next(iter(operation["requestBody"]["content"].items()))
                        body = spoiled(dice, content["example"])
                        body = body if isinstance(body, (bytes, str)) else json.dumps(body)
                        fields["Content-Type"] = kind if dice.random() < 0.95 else "text/plain"
                    body = body.encode() if isinstance(body, str) else body
                    reply = service.ask(method.upper(), target + "?" * bool(query) + "&".join(query), body, fields)
                    guide.answer(operation, reply, "%s %s" % (method.upper(), path))
                    assert reply.status != 500
                    statuses.add(reply.status)
        assert {200, 201, 204, 400, 404, 409, 415} <= statuses, sorted(statuses)
        assert service.stop() == 0


def test_differences_are_found():
    """The comparison can fail."""
    example = {"id": "%064x:3" % 1, "amount": 5, "state": "committed", "list": [{"a": "1.000000"}], "n": None}
    assert differences(example, {**example, "id": "%064x:4" % 2, "amount": 7, "n": "x"}, "") == []
    for wrong in ({"id": "x"}, {"amount": "5"}, {"amount": True}, {"state": "prepared"}, {"list": []},
                  {"list": [{"a": "1.0"}]}, {"more": 1}):
        assert differences(example, {**example, **wrong}, "") != [], wrong
