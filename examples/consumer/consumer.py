#!/usr/bin/env python3
"""A reference consumer of Hotside's feed: credits each final deposit once, whatever crashes when.

Python's standard library only. Read books.py first: it is what matters.
"""

import argparse
import bisect
import json
import os
import random
import sqlite3
import sys
import time

from api import Api, Unavailable
from books import Books, Refused


def take_one_page(api, books, wait, limit):
    """Asks for what comes after the cursor and takes it in. Gives the page."""
    feed, after = books.cursor()
    page = api.get("/v1/events", after=after, feed=feed, wait=wait, limit=limit, timeout=wait + 30)
    books.apply(feed, after, page)
    final = [event["deposit"] for event in page["events"] if event["type"] == "deposit.committed"]
    for deposit in final:
        print("final: %(amount)d μSTG to %(address)s, deposit %(id)s" % deposit, flush=True)
    return page


def poll(api, books, wait=30, limit=1000, once=False, idle=lambda: None):
    """For ever; or until there is nothing new. `idle` is called when there is nothing new just now."""
    failures = 0
    while True:
        try:
            page = take_one_page(api, books, 0 if once else wait, limit)
        except Unavailable as why:
            failures += 1
            pause = max(why.retry_after, min(30, 2 ** (failures - 2)) * random.uniform(0.5, 1.0))
            print("no answer (%s), trying again in %.1f s" % (why, pause), file=sys.stderr, flush=True)
            time.sleep(pause)
            continue
        failures = 0
        if not page["events"]:
            if once:
                return
            idle()


def check(api, books):
    """Do these books and the service agree, at our cursor? Gives the text to say, and whether it is good."""
    feed, seq = books.cursor()
    if feed is None:
        return "nothing taken in yet", True
    api.get("/v1/events", after=seq, feed=feed, limit=1)  # refuses when the service is at another feed
    ours = books.checkpoints(feed)

    def agrees(at, point):
        theirs = api.get("/v1/checkpoints/%d" % at)
        return (theirs["count"], theirs["amount"], theirs["hash"]) == point[1:]

    strays = books.strays(feed)
    lines = ["credited, but not told of by this feed up to event %d: %s, %d μSTG to %s"
             % (seq, deposit, amount, account) for deposit, account, amount in strays]
    if agrees(seq, ours[-1]):
        lines.insert(0, "agreed through event %d of feed %s: %d deposits, %d μSTG, %s"
                     % (seq, feed, *ours[-1][1:]))
        return "\n".join(lines), not strays
    # The hashes are chained: once they differ they stay different, so the first one is found by halving.
    first = bisect.bisect_left(ours, True, key=lambda point: not agrees(point[0], point))
    until = ours[first][0] if first < len(ours) else seq
    since = ours[first - 1][0] if first else 0
    lines.insert(0, "DIFFERENT: the books agree through event %d; the first difference is among the events "
                 "%d to %d" % (since, since + 1, until))
    return "\n".join(lines), False


def totals(books):
    feed, seq = books.cursor()
    _, count, amount, digest = books.checkpoints(feed)[-1]
    return {"feed": feed, "seq": seq, "balances": books.balances(), "pending": books.pending(),
            "checkpoint": {"seq": seq, "count": count, "amount": amount, "hash": digest}}


def read_arguments():
    parser = argparse.ArgumentParser(description="Credits deposits from Hotside's feed, each once.",
                                     epilog="The API token comes from the variable HOTSIDE_TOKEN.")
    parser.add_argument("--books", default="books.db", metavar="FILE", help="SQLite (default %(default)s)")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the service (default %(default)s)")
    parser.add_argument("--ca-file", metavar="PEM", help="who signs the service's certificate")
    commands = parser.add_subparsers(dest="command", required=True)
    polling = commands.add_parser("poll", help="take in what comes, by long polling")
    polling.add_argument("--once", action="store_true", help="end when there is nothing new")
    polling.add_argument("--limit", type=int, default=1000, help="events in one transaction")
    hook = commands.add_parser("webhook", help="take in what comes, woken by webhooks")
    hook.add_argument("--listen", default="127.0.0.1:9000", metavar="ADDR:PORT")
    hook.add_argument("--secret-file", required=True, metavar="FILE", help="whsec_…, one a line")
    hook.add_argument("--idle", type=float, default=60, metavar="SECONDS",
                      help="look anyway after so long without a webhook (default %(default)g)")
    commands.add_parser("check", help="compare these books with the service's checkpoint")
    commands.add_parser("totals", help="print the books as JSON")
    start = commands.add_parser("start-feed", help="follow a new feed, from its first event")
    start.add_argument("feed", help="its id, which an operator has confirmed")
    return parser.parse_args()


def run(given):
    api = Api(given.url, os.environ.get("HOTSIDE_TOKEN"), given.ca_file)
    books = Books(given.books)
    if given.command == "poll":
        poll(api, books, limit=given.limit, once=given.once)
    elif given.command == "webhook":
        from webhook import Doorbell
        with open(given.secret_file, encoding="ascii") as file:
            doorbell = Doorbell(given.listen, file.read().split())
        poll(api, books, wait=0, idle=lambda: doorbell.wait(given.idle))
    elif given.command == "check":
        text, is_good = check(api, books)
        print(text)
        return 0 if is_good else 1
    elif given.command == "totals":
        print(json.dumps(totals(books), indent=1))
    elif given.command == "start-feed":
        books.start_feed(given.feed)
        print("now at the start of feed %s; poll takes it in" % given.feed)
    return 0


def main():
    try:
        sys.exit(run(read_arguments()))
    except (Refused, Unavailable, OSError, sqlite3.Error) as why:
        sys.exit("consumer: %s" % why)  # exit code 1
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
