#pragma once
// From what happened to numbered events: rendered once, inside the transaction that made it happen.

#include <span>
#include <string_view>

#include "explorer/ledger/deposit.hpp"
#include "proto/base/result.hpp"
#include "proto/model/chain_event.hpp"
#include "store/database.hpp"

namespace hotside::ingest {

Result<void> publish(store::WriteTxn& txn, std::string_view hrp,
                     std::span<ledger::Event const> events, Time at, bool backfill);
Result<void> publish(store::WriteTxn& txn, std::int64_t id, model::Violated const& violation,
                     Time at);
Result<void> publish(store::WriteTxn& txn, model::NodeChanged const& change, Time at);
Result<void> publish(store::WriteTxn& txn, model::Stalled const& stalled, Time at);

}  // namespace hotside::ingest
