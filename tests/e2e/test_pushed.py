"""Long polls and streams, several at once, across restarts of the service: each event once, and in order."""

import http.client
import json
import threading

from harness import PATIENCE, Service, SimNode, eventually

POLLERS, STREAMS, ROUNDS = 5, 5, 4


class Reader(threading.Thread):
    """A consumer that keeps nothing but his cursor and goes on from it, whatever happens to the connection."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.seen, self.broken, self.done = service, [], 0, threading.Event()
        self.wrong = None

    def run(self):
        while not self.done.is_set():
            try:
                self.once()
            except (OSError, http.client.HTTPException):
                self.broken += 1  # the service is away
                self.done.wait(0.02)
            except BaseException as why:  # for the test, which is another thread
                self.wrong = why
                raise

    @property
    def cursor(self):
        return self.seen[-1]["seq"] if self.seen else 0


class Poller(Reader):
    def once(self):
        reply = self.service.get("/v1/events?wait=60&limit=3&after=%d" % self.cursor)
        if reply.status == 503:  # it is stopping
            self.broken += 1
            return
        page = reply.json
        assert reply.status == 200 and page["next"] >= self.cursor, reply
        self.seen += page["events"]


class Streamer(Reader):
    def once(self):
        link = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=PATIENCE)
        try:
            link.request("GET", "/v1/events/stream", headers={"Last-Event-ID": str(self.cursor)})
            reply = link.getresponse()
            assert reply.status in (200, 503), reply.status
            name = None
            for raw in reply:
                field, _, value = raw.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data" and name is None:
                    self.seen.append(json.loads(value))
            self.broken += 1
        finally:
            link.close()


def test_many_of_both_across_restarts(where):
    with SimNode(where, "1.2.2", "epoch-length 6\n") as node:
        own = node.addresses()
        service = Service(where, [(node.endpoint, node.token_file)], finality={"revert_grace": 1}).start()
        readers = [Poller(service) for _ in range(POLLERS)] + [Streamer(service) for _ in range(STREAMS)]
        try:
            service.register(own[:2])
            for reader in readers:
                reader.start()
            for round_ in range(ROUNDS):
                node.do("pay own1 1000 5", "grow", "pay own2 7", "grow", "fork 1 drop", "grow")
                if round_ % 2:
                    node.do("seal")
                # Not waited for: what is under way is to be interrupted.
                if round_ == 1:
                    assert service.stop() == 0
                    service.start()
                elif round_ == 2:
                    service.kill()
                    service.start()
            node.do("seal")
            service.wait_tip(node)
            node.do("pay own1 1", "grow")
            eventually(lambda: any(d["amount"] == 1 for d in service.deposits().values()), "the last payment")
            whole = service.events()
            assert [e["seq"] for e in whole] == list(range(1, len(whole) + 1)) and len(whole) > 20
            for reader in readers:
                eventually(lambda who=reader: who.wrong or who.cursor >= len(whole), "all events at each reader",
                           3 * PATIENCE)

            def all_noticed():
                """Who was between two requests when the service went away has to be tried again."""
                if all(reader.wrong or reader.broken >= 2 for reader in readers):
                    return True
                service.kill()
                service.start()
                return False
            eventually(all_noticed, "the restarts to be noticed")
        finally:
            for reader in readers:
                reader.done.set()
            service.kill()
        for reader in readers:
            reader.join(PATIENCE)
            assert reader.wrong is None and not reader.is_alive()
            assert reader.seen[:len(whole)] == whole, "each event once, in order, as the feed has it"
