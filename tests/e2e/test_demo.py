"""The demo tells its whole story: a deposit, and a withdrawal from the bundle to the final block."""

import re

from harness import PATIENCE, Program, eventually, run

DEPOSIT = ["deposit.prepared", "deposit.reverted", "deposit.prepared", "deposit.committed", "spend.prepared",
           "spend.reverted", "spend.prepared"]
WITHDRAWAL = ["transaction.accepted", "transaction.prepared", "transaction.reverted", "transaction.prepared",
              "transaction.committed"]


def told(text):
    return re.findall(r"^\S+  #\d+  (\S+) ", text, re.M)


def is_within(wanted, types):
    """Whether `wanted` came in this order, whatever came in between."""
    rest = iter(types)
    return all(any(each == one for each in rest) for one in wanted)


def test_the_withdrawal_is_signed_offline_and_followed_to_the_end(where):
    demo = Program(["demo", "--for", "3600", "--listen", "127.0.0.1:0"], where, "demo")
    try:
        eventually(lambda: "  transaction.committed  " in demo.out.read_text(), "the withdrawal to be final",
                   2 * PATIENCE, demo.process)
        assert demo.stop() == 0
    finally:
        demo.kill()
    text = demo.out.read_text()
    assert demo.err.read_text() == ""
    types = told(text)
    assert is_within(DEPOSIT, types) and is_within(WITHDRAWAL, types), types
    assert [t for t in types if t.startswith("transaction.")] == WITHDRAWAL
    # The manifest of what was signed, and its change, which comes back as a deposit like any other.
    assert re.search(r"^   manifest [0-9a-f]{64}$", text, re.M)
    change = re.search(r"^     change (\S+) STG to (dev1\S+)$", text, re.M)
    assert re.search(r"deposit\.committed  final, credit now: %s STG to %s" % (
        re.escape(change[1]), re.escape(change[2][:10])), text), text


def test_it_ends_when_it_is_told_to(where):
    code, out, err = run(["demo", "--for", "2", "--listen", "127.0.0.1:0"], where)
    assert (code, err) == (0, "") and out.startswith("dashboard http://127.0.0.1:"), (code, out, err)
