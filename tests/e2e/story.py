"""Seeded stories for the simulated node: scripts full of forks, lost messages and ids that come back.

Every line can be carried out: what an action needs (a block to take back, an output to spend) is arranged in
the lines before it, so that a scenario that fails is a finding. The same seed gives the same chain.
"""

import random

LENGTH = 4  # micro blocks in an epoch
STRANGERS = [7, 8, 9]  # secret keys the node does not have


class Story:
    """Writes a script, and keeps count of the blocks that it makes."""

    def __init__(self, seed, strangers, pace):
        self.dice, self.strangers, self.pace = random.Random("story %s" % seed), strangers, pace
        self.lines, self.offset, self.epochs, self.steps = [], 0, 0, 0

    def say(self, *lines):
        self.lines += lines

    def grow(self, count=1):
        for _ in range(count):
            self.say("grow")
            self.offset += 1
            self.steps += 1
            if self.offset > LENGTH:
                self.offset, self.epochs = 0, self.epochs + 1
            self.rest()

    def rest(self):
        if self.pace:
            self.say("wait %g" % (self.pace * self.dice.uniform(0.5, 1.5)))

    def seal(self):
        self.say("seal")
        self.offset, self.epochs, self.steps = 0, self.epochs + 1, self.steps + 1
        self.rest()

    def room(self, micros):
        """So many micro blocks fit into the open epoch."""
        if LENGTH - self.offset < micros:
            self.seal()

    def amount(self):
        return self.dice.choice([1, 999, 10**6, self.dice.randrange(1, 10**9), 10**12])

    def anybody(self):
        # Not own2: what is recreated must be worth its fee.
        return self.dice.choice(["own1", "own3", *self.strangers])

    def pay(self):
        self.say("pay %s %d %d" % (self.anybody(), self.amount(), self.dice.choice([1, 1, 3])))

    def maybe(self, chance, *lines):
        if self.dice.random() < chance:
            self.say(*lines)

    # --- what can happen ---

    def ordinary(self):
        self.pay()
        self.maybe(0.2, "pay-many %d" % self.dice.randrange(1, 20))
        self.grow(self.dice.randrange(1, 4))

    def forked(self):
        depth = self.dice.randrange(1, LENGTH + 1)
        self.room(depth)
        for _ in range(depth):
            self.pay()
            self.grow()
        for _ in range(self.dice.choice([1, 1, 2])):
            self.say("fork %d %s" % (self.dice.randrange(1, depth + 1),
                                     self.dice.choice(["move", "keep", "drop"])))
            self.rest()
        self.dice.choice([self.seal, self.grow])()

    def spent(self):
        self.room(2)
        self.say("pay own1 %d" % self.dice.randrange(5 * 10**6, 10**7))
        self.grow()
        self.say("spend own1" + self.dice.choice(["", " 1000000"]))
        self.grow()
        self.maybe(0.4, "fork 1 " + self.dice.choice(["move", "keep", "drop"]))

    def recreated(self):
        self.room(2)
        self.say("pay own2 %d" % self.dice.randrange(5 * 10**6, 10**7))
        self.grow()
        self.say("recreate own2")
        self.grow()
        self.maybe(0.3, "fork 1 keep")
        self.seal()  # a fork that dropped this spend would leave the order standing
        self.maybe(0.5, "pay own2 6000000")
        self.grow(2)
        self.maybe(0.5, "fork 1 " + self.dice.choice(["move", "keep", "drop"]))

    def recreated_at_once(self):
        # own4 has one output, of an early epoch: no epoch may create an id twice (protocol, 12).
        self.seal()
        self.say("recreate own4 same-epoch")
        self.grow(2)
        self.maybe(0.5, "fork 2 keep")
        self.seal()

    def awarded(self):
        self.say("award %s %d" % (self.anybody(), self.amount()))
        self.seal()

    def gone_from_the_macro_block(self):
        self.room(2)
        to = self.anybody()
        self.say("pay %s %d 2" % (to, self.amount()))
        self.grow(2)
        self.say("seal-without " + to)
        self.offset, self.epochs, self.steps = 0, self.epochs + 1, 0  # it forgets its steps, too
        self.rest()

    def taken_back(self):
        self.room(2)
        self.pay()
        self.grow(2)
        self.say("pop %d" % self.dice.choice([1, 2]))
        self.offset -= int(self.lines[-1].split()[1])
        self.rest()
        self.grow()

    def lost(self):
        self.say("%s %d" % (self.dice.choice(["drop-notice", "drop-notice", "dup-notice"]),
                            self.dice.randrange(1, 2 * LENGTH)))
        self.dice.choice([self.ordinary, self.forked, self.spent])()

    def late(self):
        lag = min(self.dice.randrange(1, 2 * LENGTH), self.steps)
        self.say("lag %d" % lag)
        for _ in range(lag):
            self.pay()
            self.grow()
        self.maybe(0.5 if self.offset else 0, "fork 1")
        self.say("lag 0")
        self.rest()

    def broken_off(self):
        self.pay()
        self.say(self.dice.choice(["close", "reset", "stall 0.2", "mute 0.1", "garbage", "short-frame"]))
        self.grow(self.dice.randrange(1, LENGTH))


# How often each happens, in parts.
CHANCES = [(Story.ordinary, 6), (Story.forked, 6), (Story.spent, 4), (Story.recreated, 3),
           (Story.recreated_at_once, 1), (Story.awarded, 2), (Story.gone_from_the_macro_block, 1),
           (Story.taken_back, 2), (Story.lost, 5), (Story.late, 2), (Story.broken_off, 1)]


def write(seed, epochs, strangers, pace=0.02, before=0.0):
    """A script that makes about `epochs` epochs, a block every `pace` seconds, after `before` seconds.

    It ends in an open epoch with a fork that drops a deposit and a spend: both must be undone before any
    macro block says so.
    """
    story = Story(seed, strangers, pace)
    story.say("wait %g" % before, "epoch-length %d" % LENGTH, "pay own4 123456789")
    for address in strangers:
        story.say("pay %s 7000000" % address)
    story.seal()
    story.recreated()  # own2 is paid in no other way, and every story is to tell of it
    while story.epochs < epochs - 1:
        story.dice.choices([what for what, _ in CHANCES], [part for _, part in CHANCES])[0](story)
    story.seal()
    story.say("pay own1 9000000")
    story.grow()
    story.say("spend own1", "pay own3 5 2")
    story.grow()
    story.say("fork 1 drop")
    story.rest()
    story.pay()
    story.grow()
    return "\n".join(story.lines) + "\n"
