#pragma once
// From what happened to numbered events: rendered once, inside the transaction that made it happen.

#include <cstddef>
#include <span>
#include <string_view>

#include "explorer/ledger/deposit.hpp"
#include "proto/base/result.hpp"
#include "proto/model/chain_event.hpp"
#include "store/database.hpp"

namespace hotside::ingest {

// Those that an operator's hold keeps back wait in the store for their numbers.
Result<void> publish(store::WriteTxn& txn, std::string_view hrp,
                     std::span<ledger::Event const> events, Time at, bool backfill);
Result<void> publish(store::WriteTxn& txn, std::int64_t id, model::Violated const& violation,
                     Time at);
Result<void> publish(store::WriteTxn& txn, model::NodeChanged const& change, Time at);
Result<void> publish(store::WriteTxn& txn, model::Stalled const& stalled, Time at);

// After a hold was lifted: the next of its events get their numbers, at most `limit`. True when
// some are left.
Result<bool> release_withheld(store::WriteTxn& txn, std::size_t limit);

}  // namespace hotside::ingest
