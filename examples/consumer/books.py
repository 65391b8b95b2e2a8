"""The exchange's side of the feed, in SQLite: what was credited, and up to which event.

Credits and cursor change in one transaction. Everything else here follows from that.
"""

import hashlib
import sqlite3
import struct
from contextlib import contextmanager

# STRICT: a sum beyond 64 bits is an error instead of a rounded floating-point number.
SCHEMA = """
CREATE TABLE IF NOT EXISTS cursor (    -- one row: the feed, and the last event taken in
  only INTEGER PRIMARY KEY CHECK (only = 1),
  feed TEXT,
  seq  INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO cursor VALUES (1, NULL, 0);

CREATE TABLE IF NOT EXISTS credits (   -- one row for each final deposit, for ever
  deposit TEXT PRIMARY KEY,            -- "<utxo>:<epoch>"; the UTXO id alone can come back
  account TEXT NOT NULL,
  address TEXT NOT NULL,
  amount  INTEGER NOT NULL,            -- μSTG
  feed    TEXT NOT NULL,               -- the event that told of it, last time it was told
  seq     INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS credits_in_order ON credits (feed, seq);

CREATE TABLE IF NOT EXISTS balances (
  account TEXT PRIMARY KEY,
  amount  INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS pending (   -- seen but not final: to show, never to spend
  deposit TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  amount  INTEGER NOT NULL
) STRICT;
"""


class Refused(Exception):
    """Something only a person may decide. Nothing was changed."""


class Books:
    def __init__(self, path, connect=sqlite3.connect):
        self.db = connect(path, timeout=30, isolation_level=None)  # no transactions but our own
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.executescript(SCHEMA)

    @contextmanager
    def _transaction(self):
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def cursor(self):
        """(feed, seq); the feed is None before the first page."""
        return self.db.execute("SELECT feed, seq FROM cursor").fetchone()

    def apply(self, feed, after, page):
        """Takes in the page that was asked for with `feed` and `after`, whole or not at all."""
        seqs = [event["seq"] for event in page["events"]]
        if seqs != list(range(after + 1, after + 1 + len(seqs))) or page["next"] != after + len(seqs):
            raise Refused("asked for the events after %d and got %s…, next %s: look at what stands between "
                          "this program and the service" % (after, seqs[:3], page["next"]))
        if feed not in (None, page["feed"]):
            raise Refused("asked for feed %s and got feed %s" % (feed, page["feed"]))
        with self._transaction():
            moved = self.db.execute("UPDATE cursor SET feed = ?, seq = ? WHERE feed IS ? AND seq = ?",
                                    (page["feed"], page["next"], feed, after))
            if moved.rowcount != 1:
                raise Refused("the cursor is not at %d any more: does another consumer write to these "
                              "books?" % after)
            for event in page["events"]:
                self._apply_event(page["feed"], event)

    def _apply_event(self, feed, event):
        kind, deposit = event["type"], event.get("deposit")
        if kind == "deposit.committed":
            self._credit(feed, event["seq"], deposit)
        elif kind == "deposit.prepared":
            self.db.execute("INSERT INTO pending SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM credits "
                            "WHERE deposit = ?) ON CONFLICT DO NOTHING",
                            (deposit["id"], account_of(deposit), deposit["amount"], deposit["id"]))
        elif kind == "deposit.reverted":
            self.db.execute("DELETE FROM pending WHERE deposit = ?", (deposit["id"],))
        # All other types are none of the books' business; new ones may come with a new version.

    def _credit(self, feed, seq, deposit):
        row = {"deposit": deposit["id"], "account": account_of(deposit), "address": deposit["address"],
               "amount": deposit["amount"], "feed": feed, "seq": seq}
        new = self.db.execute("INSERT INTO credits VALUES (:deposit, :account, :address, :amount, :feed, "
                              ":seq) ON CONFLICT (deposit) DO NOTHING", row)
        if new.rowcount == 1:
            self.db.execute("INSERT INTO balances VALUES (:account, :amount) ON CONFLICT (account) "
                            "DO UPDATE SET amount = amount + excluded.amount", row)
        else:  # credited before: an event seen again, or the same deposit told by a new feed
            same = self.db.execute("UPDATE credits SET feed = :feed, seq = :seq WHERE deposit = :deposit "
                                   "AND address = :address AND amount = :amount", row)
            if same.rowcount != 1:
                raise Refused("deposit %(deposit)s was credited with another amount or address than "
                              "event %(seq)d of feed %(feed)s tells" % row)
        self.db.execute("DELETE FROM pending WHERE deposit = :deposit", row)

    def start_feed(self, feed):
        """The operator's decision: from here on these books follow another feed, from its start."""
        with self._transaction():
            self.db.execute("UPDATE cursor SET feed = ?, seq = 0", (feed,))
            self.db.execute("DELETE FROM pending")  # the new feed tells of them again

    def checkpoints(self, feed):
        """[(seq, count, amount, hash)]: from nothing, then after each credit that this feed told.

        Folded from the credits themselves, so that it proves the books and not a counter beside them.
        With millions of credits, keep the last one that agreed and go on from it.
        """
        seq, count, amount, digest = 0, 0, 0, bytes(32)
        found = [(seq, count, amount, digest.hex())]
        for deposit, value, seq in self.db.execute(
                "SELECT deposit, amount, seq FROM credits WHERE feed = ? ORDER BY seq", (feed,)):
            utxo, epoch = deposit.split(":")
            told = bytes.fromhex(utxo) + struct.pack("<Qq", int(epoch), value)
            digest = hashlib.sha3_256(digest + told).digest()
            count, amount = count + 1, amount + value
            found.append((seq, count, amount, digest.hex()))
        return found

    def strays(self, feed):
        """Credits that this feed has not told of."""
        return self.db.execute("SELECT deposit, account, amount FROM credits WHERE feed <> ? "
                               "ORDER BY deposit", (feed,)).fetchall()

    def balances(self):
        return dict(self.db.execute("SELECT account, amount FROM balances ORDER BY account"))

    def pending(self):
        return dict(self.db.execute("SELECT deposit, amount FROM pending ORDER BY deposit"))


def account_of(deposit):
    """`reference` is what you registered the address with; without one, the address names the account."""
    return deposit["reference"] or deposit["address"]
