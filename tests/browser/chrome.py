"""A headless Chromium, driven over the DevTools pipe: the few calls that the tests need."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PATIENCE = 300  # seconds that only failures wait
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe", "--window-size=1280,1300",
]


class Refused(RuntimeError):
    """The browser would not do it; also because a page is being left at this moment."""


class Chrome:
    def __init__(self, binary="chromium"):
        self.profile = tempfile.mkdtemp(prefix="hotside-chrome-")
        to_chrome, self._out = os.pipe()
        self._in, from_chrome = os.pipe()
        # Chromium reads file descriptor 3 and writes 4; ours must not stand in the way.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (to_chrome, from_chrome)]

        def place():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            [binary, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            preexec_fn=place, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (to_chrome, from_chrome, *high):
            os.close(fd)
        self._buffer = b""
        self._next = 0
        self.console = []  # messages of the newest page: a policy violation shows here
        self._watched = None  # its session; an older page may still be asking a server that has gone

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
        shutil.rmtree(self.profile, ignore_errors=True)

    def page(self):
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = Page(self, session["sessionId"])
        self._watched, self.console = session["sessionId"], []
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        return page

    def _read(self, deadline):
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            chunk = os.read(self._in, 1 << 20)
            if not chunk:
                raise EOFError("the browser has gone")
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _call(self, method, params=None, session=None, limit=PATIENCE):
        self._next += 1
        message = {"id": self._next, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data):]
        deadline = time.monotonic() + limit
        while True:
            answer = self._read(deadline)
            if answer.get("id") == message["id"]:
                if "error" in answer:
                    raise Refused(f"{method}: {answer['error']}")
                return answer["result"]
            if answer.get("sessionId") != self._watched:
                continue
            if answer.get("method") == "Log.entryAdded":
                self.console.append(answer["params"]["entry"]["text"])
            if answer.get("method") == "Runtime.exceptionThrown":
                self.console.append(str(answer["params"]["exceptionDetails"]))


class Page:
    def __init__(self, chrome, session):
        self._chrome = chrome
        self._session = session

    def call(self, method, params=None):
        return self._chrome._call(method, params, self._session)

    def open(self, url):
        self.run("window.isLeft = true")
        self.call("Page.navigate", {"url": url})
        self.wait(f"!window.isLeft && location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def run(self, script):
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", {"expression": script, "returnByValue": True,
                                                "awaitPromise": True, "userGesture": True})
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def text(self, selector):
        return self.run(f"(document.querySelector({json.dumps(selector)}) || {{}}).innerText || ''")

    def wait(self, script, limit=PATIENCE):
        """Until the expression is true; what the page shows then is in the failure."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            try:
                if self.run(f"!!({script})"):
                    return
            except Refused:
                pass  # between two pages
            select.select([], [], [], 0.1)
        raise AssertionError(f"never true: {script}\n{self.text('body')}\n{self._chrome.console}")

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia",
                  {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))
