"""Starting, asking and killing the real program. Waits are bounded polls; nothing sleeps blindly."""

import base64
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

from stegos import blocks, client, feed

REPO = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("HOTSIDE_BIN", REPO / "build/release/bin/hotside")).resolve()
POLL = 0.05
PATIENCE = 300.0  # only failures wait this long
FOREVER = 100 * 365 * 86400  # recorded blocks are old; age is not what these tests are about


class Timeout(AssertionError):
    pass


def eventually(what, text, timeout=PATIENCE, alive=None):
    """Polls `what` until it gives something true. `alive` is a process that must not end meanwhile."""
    end = time.monotonic() + timeout
    while True:
        found = what()
        if found:
            return found
        if alive is not None and alive.poll() is not None:
            raise Timeout("waiting for %s: the program ended with %s" % (text, alive.returncode))
        if time.monotonic() > end:
            raise Timeout("waited %g s for %s" % (timeout, text))
        time.sleep(POLL)


def _own_ports():
    """Ports that stay ours until somebody listens, and between a program's end and its next start.

    They lie below those that the system gives to whoever connects or asks for any, and are taken by the
    hundred: a name in the kernel tells other runs of these tests so, for as long as this process lives.
    """
    first_of_the_system = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    hundreds = list(range(10_000, first_of_the_system - 99, 100))
    random.SystemRandom().shuffle(hundreds)
    for hundred in hundreds:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind("\0hotside-test-ports-%d" % hundred)
        except OSError:
            continue  # another run has them
        _claims.append(claim)
        for port in range(hundred, hundred + 100):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue  # a service of this machine
            yield port


_claims = []
_ports = _own_ports()


def free_port():
    port = next(_ports, None)
    if port is None:  # the system gives all of them away
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    return port


def clean_environment():
    """Our own HOTSIDE_… variables would be read by the program as overrides of its configuration."""
    return {k: v for k, v in os.environ.items() if not k.startswith("HOTSIDE_")}


def toml_value(value):
    return json.dumps(value) if isinstance(value, (str, bool, list)) else str(value)


def write_config(path, nodes, network="dev", start=0, port=0, store=None, **sections):
    """A configuration as product.md gives it. `nodes` are (endpoint, token file) pairs."""
    lines = ["network = " + toml_value(network)]
    lines += ["%s = %s" % (k, toml_value(v)) for k, v in sections.pop("top", {}).items()]
    for endpoint, token_file in nodes:
        lines += ["[[node]]", "endpoint = " + toml_value(endpoint),
                  "token_file = " + toml_value(str(token_file))]
    tables = {"start": {"epoch": start}, "store": {"url": "sqlite:%s" % (store or path.parent / "h.db")},
              "http": {"listen": "127.0.0.1:%d" % port}, "health": {"max_lag": FOREVER},
              "log": {"level": "debug"}}
    for name, values in sections.items():
        tables.setdefault(name, {}).update(values)
    for name, values in tables.items():
        lines.append("[%s]" % name)
        lines += ["%s = %s" % (k, toml_value(v)) for k, v in values.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_token(path, token):
    path.write_text(base64.b64encode(token).decode())
    path.chmod(0o600)
    return path


class Program:
    """One process of the binary, with its output in files beside it."""

    def __init__(self, args, where, name):
        assert BINARY.exists(), "no program at %s: build it, or set HOTSIDE_BIN" % BINARY
        self.out, self.err = where / (name + ".out"), where / (name + ".err")
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen([str(BINARY), *map(str, args)], stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL, env=clean_environment(), cwd=where)

    def kill(self):
        """As the kernel would: no warning, no clean-up."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=PATIENCE):
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Timeout("still running %g s after SIGTERM" % timeout) from None


def run(args, where, timeout=PATIENCE, extra=None):
    """Runs a command to its end: exit code, output, errors."""
    assert BINARY.exists(), "no program at %s: build it, or set HOTSIDE_BIN" % BINARY
    done = subprocess.run([str(BINARY), *map(str, args)], cwd=where, timeout=timeout, text=True,
                          capture_output=True, env={**clean_environment(), **(extra or {})}, check=False)
    return done.returncode, done.stdout, done.stderr


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def whole(self):
        """All of it but what is new each time: what the same Idempotency-Key has to give again."""
        return self.status, sorted((name, value) for name, value in self.headers.items()
                                   if name not in ("Date", "X-Request-Id")), self.body

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:600])


class Service:
    """`hotside serve` on a configuration of its own, and a client of its HTTP API."""

    def __init__(self, where, nodes, name="serve", **config):
        self.where, self.name = where, name
        self.port = free_port()
        self.config = write_config(where / (name + ".toml"), nodes, port=self.port,
                                   store=where / (name + ".db"), **config)
        self.program = None

    def start(self):
        self.launch()
        eventually(lambda: self.alive(), "/healthz", alive=self.program.process)
        return self

    def launch(self):
        """Starts the process without waiting for it to answer."""
        assert self.program is None or self.program.process.poll() is not None, "already running"
        self.program = Program(["serve", "--config", self.config], self.where, self.name)

    def __enter__(self):
        return self if self.program else self.start()

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.program:
            self.program.kill()

    def stop(self):
        return self.program.stop()

    def alive(self):
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    # --- HTTP ---

    def ask(self, method, path, body=None, headers=None, timeout=PATIENCE):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            send = dict(headers or {})
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
                send.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, send)
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        except http.client.HTTPException as why:
            raise ConnectionError(str(why)) from why
        finally:
            connection.close()

    def get(self, path, **kw):
        return self.ask("GET", path, **kw)

    def good(self, path):
        reply = self.get(path)
        assert reply.status == 200, "%s: %r" % (path, reply)
        return reply.json

    def register(self, addresses, **fields):
        reply = self.ask("POST", "/v1/addresses",
                         {"addresses": [{"address": a, **fields} for a in addresses]})
        assert reply.status in (200, 201), reply
        assert reply.json["errors"] == [], reply
        return reply.json

    def pages(self, path, name):
        """All items of a list, page by page; `complete_through` of the last page."""
        items, after = [], None
        while True:
            sep = "&" if "?" in path else "?"
            page = self.good(path + ("%safter=%s" % (sep, after) if after else ""))
            items += page[name]
            after = page["next"]
            if after is None:
                return items, page["complete_through"]

    def deposits(self):
        items, _ = self.pages("/v1/deposits?limit=1000", "deposits")
        assert len({d["id"] for d in items}) == len(items)
        return {d["id"]: d for d in items}

    def events(self, after=0):
        found = []
        while True:
            page = self.good("/v1/events?limit=1000&after=%d" % after)
            found += page["events"]
            if not page["events"]:
                assert page["next"] == page["head"] == after, page["next"]
                return found
            after = page["next"]

    def through(self):
        return self.good("/v1/status")["complete_through"]

    def wait_through(self, final, epoch, offset, hash_=None, timeout=PATIENCE):
        """Waits until everything up to a block is taken in; `final` None where no epoch is final yet."""
        want = {"epoch": epoch, "offset": offset}
        if final is not None:
            want["final_epoch"] = final

        def there():
            now = self.through()
            return now and all(now[k] == v for k, v in want.items()) and (
                hash_ in (None, now["block_hash"]))
        try:
            eventually(there, "complete_through %s" % want, timeout, self.program.process)
        except Timeout as why:
            raise Timeout("%s; status is %s" % (why, self.get("/v1/status"))) from None

    def wait_tip(self, node):
        """Waits until the service has what the simulated node has."""
        tip = node.do("height")[0].split()[-1]
        eventually(lambda: (self.through() or {}).get("block_hash") == tip, "the node's tip",
                   alive=self.program.process)

    def reasons(self):
        reply = self.get("/readyz")
        assert (reply.status == 200) == reply.json["ready"], reply
        return [r["code"] for r in reply.json["reasons"]]

    def wait_reason(self, code, timeout=PATIENCE):
        eventually(lambda: code in self.reasons(), "/readyz to say " + code, timeout,
                   self.program.process)

    def check_feed(self):
        """The whole feed is well formed and tells exactly the tables."""
        folded = feed.fold_feed(self.events())
        problems = feed.check_against(folded, self.deposits())
        assert not problems, "\n".join(problems[:20])
        return folded


class SimNode:
    """`hotside simnode`, steered by a scenario and through its control port.

    A scenario that fails fails the test, also one that nobody waits for.
    """

    def __init__(self, where, generation, scenario="", seed=1, speed=0, name="simnode"):
        self.where, self.generation, self.name = where, generation, name
        self.port, self.control = free_port(), free_port()
        self.token_file = where / (name + ".token")
        self.script = where / (name + ".scenario")
        self.script.write_text(scenario)
        self.args = ["simnode", "--listen", "127.0.0.1:%d" % self.port, "--token-file", self.token_file,
                     "--network", "dev", "--generation", generation, "--scenario", self.script,
                     "--seed", seed, "--speed", speed, "--control", "127.0.0.1:%d" % self.control]
        self.program = None
        self.macros = []  # pulled so far; final, hence never asked for again

    def __enter__(self):
        self.program = Program(self.args, self.where, self.name)
        eventually(self._open, "the simulated node", alive=self.program.process)
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.progress()
        finally:
            self.program.kill()

    def progress(self):
        """How far the scenario is: `none`, `running line N` or `done`; a failed one raises."""
        state = self.do("scenario")[0].partition(" ")[2]
        if state.startswith("failed"):
            line = int(state.partition("line ")[2].partition(":")[0])
            told = self.script.read_text().splitlines()[:line][-30:]
            raise AssertionError("the scenario %s\n%s" % (state, "\n".join(told)))
        return state

    def finish(self, timeout=PATIENCE):
        """Waits until the scenario is done."""
        eventually(lambda: self.progress() == "done", "the scenario", timeout, self.program.process)

    def addresses(self):
        """Those whose keys the node has: own1, own2, … of its scenario."""
        return self.do("addresses")[0].split()[1:]

    def _open(self):
        # The control port, not the API: a connect without a handshake aborts a real dev node.
        try:
            socket.create_connection(("127.0.0.1", self.control), PATIENCE).close()
            return self.token_file.exists()
        except OSError:
            return False

    def chain(self):
        """All macro blocks, each checked once, and the open epoch's micro blocks: an independent pull."""
        checked = len(self.macros)
        macros, micros = client.pull(self.endpoint, self.token, self.generation, self.macros)
        for block in macros[checked:]:
            assert blocks.check_macro(block, "dev") == [], "the simulated node makes bad blocks"
        return macros, micros

    @property
    def endpoint(self):
        return "ws://127.0.0.1:%d" % self.port

    @property
    def token(self):
        return base64.b64decode(self.token_file.read_text().strip())

    def do(self, *actions):
        """Sends action lines and gives the answers; each must be ok."""
        answers = []
        with socket.create_connection(("127.0.0.1", self.control), PATIENCE) as link:
            stream = link.makefile("rw", newline="\n")
            for action in actions:
                stream.write(action + "\n")
                stream.flush()
                answers.append(stream.readline().strip())
                assert answers[-1].split(" ")[0] == "ok", "%s: %s" % (action, answers[-1])
        return answers
