#pragma once
// What comes out of a source of blocks, in order, and what the ledger folds. One event is one store
// transaction. Everything above chainclient knows a chain only through these.
//
// The current epoch's list of micro blocks is 0 … n-1. Blocks at its end may be *held*: the node
// took them back, but the chain has not moved on without them. Held blocks still count for
// deposits; the position (complete_through) names the last block that is not held.

#include <optional>
#include <string>
#include <variant>

#include "proto/model/block.hpp"

namespace hotside::model {

// Before the first block on an empty store: what the first macro block must link to.
struct Started {
  Epoch first;    // start.epoch
  Hash previous;  // hash of the macro block before it (before_genesis() for 0)
};

// Micro blocks of the list from `block.offset` on (held or not) are gone, and `block` is connected
// at its end. With none at or beyond that offset this is a plain extension of the chain.
struct Connected {
  MicroBlock block;
};

// The node took back blocks [from, n): they are held. Only the position moves.
struct Held {
  Offset from;
};

// Held blocks below `until` are back unchanged. Only the position moves.
struct Returned {
  Offset until;
};

// Held blocks [from, n) are gone and nothing took their place.
struct Undone {
  Offset from;
};

// The epoch is final: what the macro block says holds, whatever the micro blocks said.
struct Sealed {
  MacroBlock block;
};

enum class ViolationKind : std::uint8_t { macro_block, genesis };

// A node contradicts what is final. Stops ingestion until a named operator clears it.
struct Violated {
  ViolationKind kind = ViolationKind::macro_block;
  Epoch epoch;
  Hash stored, shown;
  std::string node;
};

struct NodeChanged {
  std::string node;
  bool up = false;
  std::string state;  // as in GET /v1/status
};

struct Stalled {
  Time since;  // when the last new block came
};

using ChainEvent = std::variant<Started, Connected, Held, Returned, Undone, Sealed, Violated,
                                NodeChanged, Stalled>;

// How far everything is complete: the last final epoch, and the last block taken in that is not
// held.
struct Position {
  Epoch final_epoch;
  Hash final_hash;
  Epoch epoch;                   // equals final_epoch when offset is empty
  std::optional<Offset> offset;  // empty: that block is the macro block of final_epoch
  Hash block_hash;
  Time block_time;

  bool operator==(Position const&) const = default;
};

}  // namespace hotside::model
