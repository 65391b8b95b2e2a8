"""What can honestly be expected of each recorded file, as a table.

Most files begin in the middle of a chain or lack macro blocks that the recording client never asked for.
A node of such a recording answers "doesn't exists" for them, although its own status says they must be
there. A service may then do one thing only: wait below finality and say why.

`start` is the `start.epoch` of the service. Where macro block start-1 is in no file, its hash is to be had
from `status_info` (tip in the epoch `start`) or from `previous` of macro block `start`.
"""

from dataclasses import dataclass

from stegos import oracle


@dataclass(frozen=True)
class Case:
    folder: str
    name: str
    start: int
    final: int  # last final epoch the service can reach
    open_len: int  # micro blocks known of the epoch after it
    holds: bool  # the node is past an epoch whose macro block nobody has: the service must wait
    why: str
    gate: object = None  # the service starts when the node is about to make this (epoch, offset)
    held_from: object = None  # blocks from this offset on are taken back and never replaced

    @property
    def through(self):
        """The offset that `complete_through` must come to: a held block is never named by it."""
        return (self.open_len if self.held_from is None else self.held_from) - 1

    @property
    def id(self):
        return "%s-%s-from-%d" % (self.folder, self.name, self.start)


CASES = [
    Case("v1.2.2", "live_from_genesis", 0, 5, 2, False,
         "complete: macro blocks 0-3 pulled, two epoch ends with 60 reverts each"),
    Case("v1.2.2", "deposits_and_spends", 0, 3, 1, False,
         "complete: genesis is the same in every file, macro blocks 1-3 come live"),
    Case("v1.2.2", "slow_reader", 55, 56, 60, True,
         "macro 54 only as a hash; then the queue overflows: reverts stop at (57,38), macro blocks 57-66 "
         "were never told, and the tip jumps to (67,49). Epoch 57 stays provisional",
         held_from=38),
    Case("v1.2.2", "slow_reader", 67, 67, 3, False,
         "the same file behind its hole: macro 66 only as `previous` of macro 67", gate=(68, 0)),
    Case("v1.2.2", "second_subscribe", 7, 8, 60, False,
         "macro 6 only as `previous` of macro 7; blocks repeat because the recorded client subscribed "
         "twice; the file ends while macro block 9 is pending"),
    Case("v1.2.2", "pop_micro_block", 4, 4, 5, False,
         "macro 3 only as a hash; three blocks popped, later the rest reverted, and micro blocks 13-59 of "
         "epoch 4 are never sent again: macro block 4 alone tells of them"),
    Case("v1.2.2", "same_utxo_id_again", 79, 81, 26, False,
         "macro 78 only as a hash; one id in three epochs, a natural replacement at (80,21)"),
    Case("dev", "live_from_genesis", 0, 2, 60, True,
         "macro blocks 3-5 were never sent nor pulled: epoch 3 stays provisional for ever"),
    Case("dev", "deposits_and_spends", 3, 5, 2, False,
         "macro blocks 2-5 were pulled by the recording client"),
    Case("dev", "deposits_and_spends", 2, 5, 2, False,
         "the same from epoch 2: macro 1 only as `previous` of macro 2"),
    Case("dev", "second_subscribe", 79, 80, 28, False,
         "macro 78 only as `previous` of macro 79; two readers interleave on the recorded connection"),
    Case("dev", "slow_reader", 71, 70, 60, True,
         "no macro block at all: macro 70 is known from the status while the tip is in epoch 71, and "
         "macro 71 never; nothing becomes final", gate=(71, 10)),
    Case("dev", "pop_micro_block", 56, 56, 60, True,
         "macro 55 only as a hash; micro blocks (56,0)-(56,12) exist nowhere, so epoch 56 cannot be "
         "followed before its macro block comes; macro 57 is never told"),
]


def anchor_of(case, script):
    """The macro block before the first epoch, as (epoch, hash); None at genesis."""
    return (case.start - 1, script.state.hashes[case.start - 1]) if case.start else None


def expected(case, script):
    """The replay of everything the service can know of a case at its end."""
    anchor = anchor_of(case, script)
    macros = script.final_macros(case.start)
    final = (macros[-1]["epoch"], macros[-1]["block_hash"]) if macros else anchor
    micros = oracle.last_version(script.micros_seen, final[0] + 1, final[1])
    history = [b for b in script.micros_seen if case.start <= b["epoch"] <= final[0]]
    return oracle.replay(macros, micros, history, script.hrp, anchor)
