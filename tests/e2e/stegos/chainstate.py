"""The chain as one node knows it at one moment, and what a `subscribe_chain` reader finds in it."""

MACRO_OFFSET = 2**32 - 1  # the key of a macro block within its epoch
EPOCH_LEN = 60


class ChainState:
    """Macro blocks, the micro blocks of the open epoch, and the tip.

    Recordings are partial, so any block may be unknown; the tip and the hashes are known even then.
    """

    def __init__(self, hashes=None):
        self.macros = {}
        self.hashes = dict(hashes or {})  # epoch -> hash of its macro block, also of unknown ones
        self.micros = {}
        self.epoch, self.offset = 0, 0
        self.view_change = 0
        self.last_hash = ""
        self.last_time = "1970-01-01T00:00:00.000Z"
        self.macro_time = self.last_time

    @property
    def last_macro_hash(self):
        return self.hashes.get(self.epoch - 1, "0" * 64)

    def has(self, block):
        if "offset" not in block:
            return block["epoch"] < self.epoch and self.hashes.get(block["epoch"]) == block["block_hash"]
        mine = self.micros.get(block["offset"]) if block["epoch"] == self.epoch else None
        return bool(mine) and mine["block_hash"] == block["block_hash"]

    def add_micro(self, block, known_macros):
        if block["epoch"] != self.epoch:
            # Between two epochs the node has taken the macro block, whether or not anybody was told.
            for epoch in range(self.epoch, block["epoch"]):
                if epoch in known_macros:
                    self.macros[epoch] = known_macros[epoch]
            self.epoch, self.micros = block["epoch"], {}
            before = known_macros.get(block["epoch"] - 1)
            self.macro_time = before["timestamp"] if before else block["timestamp"]
        self._cut(block["offset"])
        self.micros[block["offset"]] = block
        self.offset = block["offset"] + 1
        self.last_hash, self.last_time = block["block_hash"], block["timestamp"]
        self.view_change = 0

    def add_macro(self, block):
        self.macros[block["epoch"]] = block
        self.hashes[block["epoch"]] = block["block_hash"]
        if block["epoch"] + 1 > self.epoch or block["epoch"] + 1 == self.epoch and not self.offset:
            self.epoch, self.offset, self.micros = block["epoch"] + 1, 0, {}
            self.last_hash = block["block_hash"]
            self.last_time = self.macro_time = block["timestamp"]

    def remove_micro(self, block):
        self._cut(block["offset"])
        self.epoch, self.offset = block["epoch"], block["offset"]
        self.last_hash = block["previous"]

    def pop(self):
        if self.offset - 1 in self.micros:
            self.remove_micro(self.micros[self.offset - 1])

    def _cut(self, offset):
        for known in [o for o in self.micros if o >= offset]:
            del self.micros[known]

    def tip(self):
        return self.epoch, self.offset

    def next_key(self, position):
        """The first stored block at or after a position, and the position behind it; None at the end."""
        keys = [(e, MACRO_OFFSET) for e in self.macros if (e, MACRO_OFFSET) >= position]
        keys += [(self.epoch, o) for o in self.micros if (self.epoch, o) >= position]
        if not keys:
            return None
        epoch, offset = min(keys)
        if offset == MACRO_OFFSET:
            return self.macros[epoch], (epoch + 1, 0)
        # Behind the last micro block a reader moves to the next epoch, and so past the macro block.
        after = (epoch, offset + 1) if offset + 1 < EPOCH_LEN else (epoch + 1, 0)
        return self.micros[offset], after

    def unspent(self):
        """Outputs that a node would find: JSON by id, provisional blocks included."""
        found = {}
        for epoch in sorted(self.macros):
            block = self.macros[epoch]
            spent = set(block["inputs"])
            before = spent & found.keys()
            for utxo in before:
                del found[utxo]
            for out in block["outputs"]:
                if out["output_hash"] not in spent or out["output_hash"] in before:
                    found[out["output_hash"]] = out
        for offset in sorted(self.micros):
            for tx in self.micros[offset]["transactions"]:
                for utxo in tx.get("txins", []):
                    found.pop(utxo, None)
                found.update((o["output_hash"], o) for o in tx["txouts"])
        return found
