"""From a recording to a script: the state a node starts in, and what happens to its chain after that."""

import json
from dataclasses import dataclass, field

from stegos import blocks, recordings
from stegos.chainstate import ChainState

NOTICES = {"micro_block_prepared": "micro", "micro_block_reverted": "revert",
           "macro_block_committed": "macro"}


@dataclass(frozen=True)
class Step:
    kind: str  # micro | revert | macro | pop | repeat
    block: object = None


@dataclass
class Script:
    name: str
    generation: str
    hrp: str
    version: str
    state: ChainState
    steps: list
    known_macros: dict
    micros_seen: list = field(default_factory=list)  # every micro block that was ever added, in order
    burst: set = field(default_factory=set)  # blocks of the first state whose notice is still to come

    def final_macros(self, first):
        """Macro blocks from `first` on, as long as none is missing."""
        found = []
        while first + len(found) in self.known_macros:
            found.append(self.known_macros[first + len(found)])
        return found


def _known(messages):
    """Macro blocks of a chain by epoch, and the hashes that other blocks tell of unknown ones."""
    macros, hashes = {}, {}
    for msg in messages:
        if "last_macro_block_hash" in msg and msg.get("epoch"):
            hashes[msg["epoch"] - 1] = msg["last_macro_block_hash"]
        if "block_hash" not in msg:
            continue
        if blocks.is_macro(msg):
            macros.setdefault(msg["epoch"], msg)
            hashes[msg["epoch"]] = msg["block_hash"]
            if msg["epoch"]:
                hashes[msg["epoch"] - 1] = msg["previous"]
        elif blocks.is_micro(msg) and msg["offset"] == 0:
            hashes[msg["epoch"] - 1] = msg["previous"]
    return macros, hashes


def _family(folder, name):
    """Files whose blocks belong to the chain of this one."""
    shared = recordings.SHARED_CHAIN.get(folder, set())
    return sorted(shared - {"wire_frames"}) if name in shared else [name]


def _messages(folder, names):
    for name in names:
        for line in recordings.lines(recordings.path_of(folder, name)):
            if line.dir == "recv" and line.msg:
                yield line.msg


def load(folder, name):
    """The script of one recorded file."""
    macros, hashes = _known(_messages(folder, _family(folder, name)))
    genesis = recordings.genesis_macro()[folder]
    macros[0], hashes[0] = genesis, genesis["block_hash"]
    lines = list(recordings.lines(recordings.path_of(folder, name)))
    main = next(n.conn for n in lines if n.dir == "send" and n.msg
                and n.msg.get("type") == "subscribe_chain")
    script = Script("%s/%s" % (folder, name), "1.2.2" if folder == "v1.2.2" else "dev", "dev",
                    _version(folder), ChainState(hashes), [], macros)
    seen, start, started = set(), _start(lines, main), False
    _prefill(script, lines, start, seen)
    for line in lines:
        msg = line.msg if line.dir == "recv" else None
        if msg is None:
            continue
        started |= line.conn == main and msg.get("type") == "subscribed_chain"
        if msg.get("type") == "micro_block_popped" and folder == "dev":
            script.steps.append(Step("pop"))  # on v1.2.2 the revert that follows tells the same
        kind = NOTICES.get(msg.get("type")) if line.conn == main and started else None
        if kind:
            _step(script, kind, msg, seen)
    return script


def _version(folder):
    for line in recordings.lines(recordings.path_of(folder, "live_from_genesis")):
        if line.dir == "recv" and line.msg and line.msg.get("type") == "version_info":
            return line.msg["version"]
    raise LookupError(folder)


def _start(lines, main):
    for line in lines:
        if line.dir == "recv" and line.conn == main and line.msg:
            if line.msg.get("type") == "subscribed_chain":
                return line.msg["current_epoch"], line.msg["current_offset"]
    raise LookupError("no subscription")


def _prefill(script, lines, start, seen):
    """What the node had before the first notice. Reverts carry whole blocks, also of older ones."""
    epoch, offset = start
    for known in sorted(e for e in script.known_macros if e < epoch):
        script.state.add_macro(script.known_macros[known])
        seen.add(script.known_macros[known]["block_hash"])
    script.state.epoch, script.state.offset, script.state.micros = epoch, 0, {}
    script.state.last_hash = script.state.last_macro_hash
    firsts = {}
    for line in lines:
        if line.dir == "recv" and line.msg and line.msg.get("type") in NOTICES:
            if line.msg["epoch"] == epoch and line.msg.get("offset", offset) < offset:
                firsts.setdefault(line.msg["offset"], line.msg)
    for at in sorted(firsts):
        script.state.add_micro(firsts[at], script.known_macros)
        script.micros_seen.append(firsts[at])
        seen.add(firsts[at]["block_hash"])
    script.burst = set(seen)
    for line in lines:  # a tip whose block is in no notice is still told by status_info
        if script.state.tip() != start and line.msg and "last_block_hash" in line.msg:
            if (line.msg["epoch"], line.msg["offset"]) == start:
                script.state.offset, script.state.last_hash = offset, line.msg["last_block_hash"]


def _step(script, kind, msg, seen):
    hash_ = msg["block_hash"]
    if kind == "revert":
        script.steps.append(Step("revert", msg))
        return
    if hash_ in seen and not _reverted_since(script, hash_):
        # The first burst of the recorded subscription is state to us; later copies are repeats.
        if hash_ in script.burst:
            script.burst.discard(hash_)
            return
        script.steps.append(Step("repeat", msg))
        return
    seen.add(hash_)
    if kind == "micro":
        script.micros_seen.append(msg)
    script.steps.append(Step(kind, msg))


def _reverted_since(script, hash_):
    for step in reversed(script.steps):
        if step.block and step.block["block_hash"] == hash_:
            return step.kind == "revert"
    return False


# --- the synthetic scenario ---

_SCENARIO_NOTICES = dict(NOTICES, microblock_prepared="micro", microblock_reverted="revert",
                         macroblock_committed="macro")
SCENARIOS = ("v1.2.2.live", "v1.2.2.lost_macro", "dev.live_replacement_hidden", "dev.macro_skipped",
             "dev.two_streams", "v1.3.one_page")


def load_scenario(name):
    """The script of one file of the synthetic scenario: testnet, and epochs of two micro blocks."""
    folder = recordings.ROOT / "scenario"
    generation = {"v1.2.2": "1.2.2", "v1.3": "1.3"}.get(name.rsplit(".", 1)[0], "dev")
    prefix = name.rsplit(".", 1)[0]
    told = [json.loads(row) for row in (folder / (name + ".jsonl")).read_text().splitlines()]
    told = [m for m in told if m.get("type") in _SCENARIO_NOTICES]
    pulled = json.loads((folder / (prefix + ".macro_info_1.response.json")).read_text())
    macros, hashes = _known(told + [pulled])
    script = Script("scenario/" + name, generation, "stt", "1.2.2 (cc1b522f 2020-03-04)",
                    ChainState(hashes), [], macros)
    script.state.add_macro(macros[0])
    seen = {macros[0]["block_hash"]}
    script.burst = set(seen)
    for msg in told:
        _step(script, _SCENARIO_NOTICES[msg["type"]], msg, seen)
    if pulled["block_hash"] not in seen and told[-1]["epoch"] <= pulled["epoch"]:
        script.steps.append(Step("macro", pulled))  # after the one page of v1.3 nobody is told
    return script
