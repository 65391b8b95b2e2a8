"""The dashboard tells the truth: when all is well, when we are behind, and when nobody answers.

HOTSIDE_BIN names the program (default build/release/bin/hotside); beside it lies api_fake_server,
which serves the same page over invented trouble."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

from chrome import PATIENCE, Chrome

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOTSIDE = pathlib.Path(os.environ.get("HOTSIDE_BIN", ROOT / "build/release/bin/hotside"))
FAKE = HOTSIDE.parent / "api_fake_server"
LOADED = "document.getElementById('deposits-note').textContent"


class Service:
    """A program that prints `dashboard http://…/` once it listens."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                                        text=True)
        for line in self.process.stdout:
            if found := re.match(r"dashboard (http://\S+)$", line.strip()):
                self.url = found[1]
                # What else it says must not fill the pipe.
                self.rest = threading.Thread(target=self.process.stdout.read, daemon=True)
                self.rest.start()
                return
        raise AssertionError(f"{command}: ended with {self.process.wait()} before it listened")

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        self.rest.join()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def chrome():
    browser = Chrome()
    yield browser
    browser.close()


@pytest.fixture
def service():
    started = []

    def start(*command):
        started.append(Service(*command))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def open_page(chrome, service):
    page = chrome.page()
    page.open(service.url)
    return page


def test_demo_shows_what_the_api_says(chrome, service):
    demo = service(HOTSIDE, "demo", "--for", "3600", "--listen", "127.0.0.1:0")
    page = open_page(chrome, demo)
    page.wait("document.querySelector('#deposit-rows tr.committed')")
    page.wait("document.querySelector('#event-rows .tag')")
    page.wait("document.getElementById('link').innerText === 'live'")
    final = int(page.text("#final"))  # before the service is asked, who goes on
    status = demo.get("v1/status")[1]
    assert page.text("#network") == status["network"]
    assert final <= status["complete_through"]["final_epoch"]
    rows = page.run("[...document.querySelectorAll('#deposit-rows button.copy')].map(b => b.dataset.copy)")
    known = [deposit for deposit in demo.get("v1/deposits?limit=1000")[1]["deposits"]]
    assert rows and set(rows) <= {d["address"] for d in known} | {d["utxo"] for d in known}
    assert not chrome.console


def test_demo_shows_a_withdrawal_to_its_end(chrome, service):
    demo = service(HOTSIDE, "demo", "--for", "3600", "--listen", "127.0.0.1:0")
    page = open_page(chrome, demo)
    page.wait("[...document.querySelectorAll('#transaction-rows .tag')].some(t => t.innerText === 'committed')")
    first = demo.get("v1/transactions?state=committed")[1]["transactions"][-1]
    copies = page.run("[...document.querySelectorAll('#transaction-rows button.copy')].map(b => b.dataset.copy)")
    assert copies[-2:] == [first["hash"], first["bundle"]]
    assert not chrome.console


def test_it_moves_by_itself(chrome, service):
    demo = service(HOTSIDE, "demo", "--for", "3600", "--listen", "127.0.0.1:0")
    page = open_page(chrome, demo)
    page.wait("document.querySelector('#event-rows .tag')")
    before = page.text("#event-rows td")
    page.wait(f"document.querySelector('#event-rows td').innerText !== {json.dumps(before)}")


def test_ready(chrome, service):
    page = open_page(chrome, service(FAKE, "0", "ready"))
    page.wait(LOADED)
    assert page.text("#verdict-title") == "Ready"
    assert page.run("document.getElementById('transactions').hidden")  # there are none
    assert page.run("document.querySelectorAll('#reasons li').length") == 0
    assert page.run("document.querySelectorAll('#deposit-rows tr').length") == 14
    page.wait("document.querySelectorAll('#event-rows .tag').length === 20")
    assert "1834 : 42" in page.text("#tip")
    outside = page.run("performance.getEntriesByType('resource')"
                       ".filter(e => !e.name.startsWith(location.origin)).length")
    assert outside == 0
    assert not chrome.console


def test_being_behind_is_said_in_words(chrome, service):
    page = open_page(chrome, service(FAKE, "0", "behind"))
    page.wait(LOADED)
    assert page.text("#verdict-title") == "Not ready"
    assert "newer deposits are not shown yet" in page.text("#verdict-text")
    codes = page.run("[...document.querySelectorAll('#reasons li')].map(li => li.dataset.code)")
    assert codes == ["catching_up", "lag"]
    assert "not ready" in page.run("document.title")


def test_a_violation_shows_both_blocks(chrome, service):
    fake = service(FAKE, "0", "violation")
    page = open_page(chrome, fake)
    page.wait(LOADED)
    violation = fake.get("v1/violations")[1]["violations"][0]
    assert page.run("!document.getElementById('violations').hidden")
    shown = page.run("[...document.querySelectorAll('#violation-rows button')].map(b => b.dataset.copy)")
    assert shown == [violation["stored"], violation["shown"]]


def test_before_the_first_block_an_empty_list_claims_nothing(chrome, service):
    page = open_page(chrome, service(FAKE, "0", "empty"))
    page.wait(LOADED)
    assert "an empty list says nothing" in page.text("#deposits-note")
    assert page.text("#tip") == "–"


def test_silence_is_said_and_ends_by_itself(chrome, service):
    fake = service(FAKE, "0", "ready")
    page = open_page(chrome, fake)
    page.wait(LOADED)
    fake.process.send_signal(signal.SIGSTOP)
    page.wait("!document.getElementById('stale').hidden")
    assert re.search(r"No answer since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", page.text("#stale"))
    assert page.text("#link") == "disconnected"
    assert page.run("document.body.classList.contains('is-stale')")
    fake.process.send_signal(signal.SIGCONT)
    page.wait("document.getElementById('stale').hidden")
    assert page.text("#link") == "live"


def test_a_token_is_asked_for_kept_in_the_tab_and_forgotten(chrome, service, tmp_path):
    tokens = tmp_path / "tokens.toml"
    tokens.write_text('[[token]]\nname = "a"\nrole = "read"\nsha256 = '  # SHA-256 of "reader"
                      '"3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30"\n')
    fake = service(FAKE, "0", "ready", tokens)
    assert fake.get("v1/status")[0] == 401
    page = open_page(chrome, fake)

    def give(token):
        page.run(f"document.getElementById('token').value = {json.dumps(token)},"
                 "document.querySelector('#ask-form button').click()")

    page.wait("!document.getElementById('ask').hidden")
    assert "stt1" not in page.run("document.documentElement.outerHTML")
    give("guess")
    page.wait("document.getElementById('ask-why').textContent.includes('refused')")
    give("reader")
    page.wait(LOADED)
    page.open(fake.url)
    page.wait(LOADED)  # still known after a reload
    page.run("document.getElementById('forget').click()")
    assert page.run("sessionStorage.length") == 0
    assert page.run("document.getElementById('deposits').hidden")
