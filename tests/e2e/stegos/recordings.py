"""Reading the fixture folder: vectors and recordings of running nodes."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from stegos import blocks

ROOT = Path(__file__).resolve().parents[2] / "vectors" / "stegos"
FOLDERS = ("v1.2.2", "dev")

# Only blocks of one chain may be put together; every other pair of files must never be mixed.
# (Genesis is the same everywhere.) For dev the recordings do not say, so nothing is shared there.
SHARED_CHAIN = {"v1.2.2": {"deposits_and_spends", "liveness_and_order", "second_subscribe",
                           "status_subscription", "wire_frames"}}


@dataclass(frozen=True)
class Line:
    conn: str
    dir: str
    raw: str  # the message exactly as it was on the wire
    msg: object  # the same, parsed; None for events and notes
    note: object


def vector(name):
    return json.loads((ROOT / name).read_text())


def _open(path):
    return gzip.open(path, "rt") if path.suffix == ".gz" else path.open()


def path_of(folder, name):
    for suffix in (".jsonl", ".jsonl.gz"):
        path = ROOT / "recorded" / folder / (name + suffix)
        if path.exists():
            return path
    raise FileNotFoundError("%s/%s" % (folder, name))


def lines(path):
    """All lines of a recording in order; `wire_frames` has another form and is read on its own."""
    with _open(path) as file:
        for text in file:
            text = text.rstrip("\n")
            row = json.loads(text)
            raw = text[text.index('"msg":') + 6:-1].strip() if "msg" in row else ""
            msg = row.get("msg")
            yield Line(row["conn"], row["dir"], raw, msg if isinstance(msg, dict) else None,
                       row.get("note"))


def all_files():
    """(folder, path) of every recording but `wire_frames`."""
    for folder in FOLDERS:
        for path in sorted((ROOT / "recorded" / folder).iterdir()):
            if not path.name.startswith("wire_frames"):
                yield folder, path


def received_blocks(path):
    """Every received message that carries a block, with repeats."""
    for line in lines(path):
        if line.dir == "recv" and line.msg and "block_hash" in line.msg:
            if blocks.is_macro(line.msg) or blocks.is_micro(line.msg):
                yield line.msg


def wire_frames(folder):
    with path_of(folder, "wire_frames").open() as file:
        return [json.loads(text) for text in file]


def genesis_macro():
    """Macro block 0 of the dev chain, in the JSON form of each generation."""
    found = {}
    for folder in FOLDERS:
        for block in received_blocks(path_of(folder, "live_from_genesis")):
            if blocks.is_macro(block) and block["epoch"] == 0:
                found[folder] = block
                break
    return found
