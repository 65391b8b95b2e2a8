"""How the three generations of the node name things, read requests and fail."""

import json
from dataclasses import dataclass

GENERIC_ERROR = "Failed to parse request, no api responsible for this request was found."


class BadRequest(Exception):
    """A request the node cannot read: v1.2.2 hangs up, the others send a generic error."""


class NodeError(Exception):
    """A failure the node tells about."""


@dataclass(frozen=True)
class Words:
    macro_info: str
    micro_info: str
    notice: dict
    last_macro_hash: str
    last_macro_time: str
    no_macro: str
    no_micro: str
    no_output: str

    def canonical(self, name):
        """The name of a request as our handlers have it; None for a name this generation lacks."""
        renamed = {self.macro_info: "macro_block_info", self.micro_info: "micro_block_info"}
        if name in ("macro_block_info", "micro_block_info") and name not in renamed:
            return None
        return renamed.get(name, name if isinstance(name, str) else None)


_OLD = Words("macro_block_info", "micro_block_info",
             {"micro": "micro_block_prepared", "revert": "micro_block_reverted",
              "macro": "macro_block_committed"},
             "last_macro_block_hash", "last_macro_block_timestamp",
             "Macro block doesn't exists: epoch=%d", "Micro block doesn't exists: epoch=%d, offset=%d",
             "Output was not found hash=%s")
_NEW = Words("macroblock_info", "microblock_info",
             {"micro": "microblock_prepared", "revert": "microblock_reverted",
              "macro": "macroblock_committed"},
             "last_mblock_hash", "last_mblock_timestamp",
             "Macroblock does not exist: epoch=%d", "Microblock does not exist: epoch=%d, offset=%d",
             "Output not found for hash %s")
WORDS = {"1.2.2": _OLD, "dev": _OLD, "1.3": _NEW}


def _pairs(pairs):
    keys = [k for k, _ in pairs]
    if len(keys) != len(set(keys)):
        raise BadRequest("a key given twice")
    return dict(pairs)


def parse_request(plain):
    """A request, or BadRequest for what makes every generation hang up."""
    try:
        request = json.loads(plain, object_pairs_hook=_pairs)
    except ValueError as why:
        raise BadRequest("json") from why
    if "id" in request:
        id_ = request["id"]
        if not isinstance(id_, int) or isinstance(id_, bool) or not 0 <= id_ < 1 << 64:
            raise BadRequest("id")
    return request


def reply_order(generation, batch):
    """v1.2.2 answers version_info in the connection handler and the rest newest first."""
    if generation != "1.2.2":
        return batch
    return ([r for r in batch if r.get("type") == "version_info"]
            + [r for r in reversed(batch) if r.get("type") != "version_info"])


def unsigned(request, name, bits):
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise BadRequest(name)
    return value


def texts(request, name):
    values = request.get(name)
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise BadRequest(name)
    return values


def lenient_hash(text):
    """Nodes read short hex too: an odd length gets a leading zero, then zeros fill the rest."""
    try:
        raw = bytes.fromhex("0" * (len(text) % 2) + text)
    except ValueError as why:
        raise BadRequest("hex") from why
    if len(raw) > 32:
        raise BadRequest("hex too long")
    return raw.ljust(32, b"\0").hex()
