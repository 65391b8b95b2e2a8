// What a chain event does to relayed transactions that are not final yet. One query where none is.

#include <unordered_set>

#include "explorer/ingest/fold.hpp"
#include "proto/model/relayed.hpp"

namespace hotside::ingest {

using model::RelayedState;

// Micro blocks from `from` on are gone, and `block`, if any, stands there now. A transaction that
// it contains again is not reverted, it only moves.
Result<void> Fold::follow_cut(store::WriteTxn& txn, Offset from, model::MicroBlock const* block,
                              Time now) const {
  HS_TRY(open, txn.transactions().open());
  if (open.empty()) return {};
  std::unordered_set<Hash> contained;
  if (block != nullptr)
    for (auto const& tx : block->transactions)
      if (tx.hash) contained.insert(*tx.hash);
  for (auto& tx : open) {
    std::optional<model::EventType> event;
    if (contained.contains(tx.hash))
      event = model::included(tx, block->epoch, block->offset);
    else if (tx.state == RelayedState::prepared && tx.offset && *tx.offset >= from)
      event = model::taken_back(tx);
    else
      continue;
    HS_DO(store::put_transaction(txn, hrp_, tx, event, now));
  }
  return {};
}

// Whatever the micro blocks said: the macro block has its outputs, or something else spent its
// inputs, or it waits for another epoch.
Result<void> Fold::follow_seal(store::WriteTxn& txn, model::MacroBlock const& block,
                               Time now) const {
  HS_TRY(open, txn.transactions().open());
  for (auto& tx : open) {
    auto const event = model::sealed(tx, block.epoch, block.inputs, block.outputs);
    if (event) HS_DO(store::put_transaction(txn, hrp_, tx, event, now));
  }
  return {};
}

}  // namespace hotside::ingest
