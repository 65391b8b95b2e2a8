#pragma once
// How rows and values of the vocabulary map to each other; used by writer and readers alike.

#include <string_view>

#include "proto/model/chain_event.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/history.hpp"
#include "store/database.hpp"
#include "store/sqlite/connection.hpp"

namespace hotside::store::sqlite {

// The columns that read_deposit expects, in its order; `d` is the deposit table.
inline constexpr std::string_view kDepositColumns =
    "d.utxo, d.epoch, d.recipient, d.serno, d.amount, d.state, d.spend, d.\"offset\","
    " d.block_hash, d.tx_hash, d.block_time, d.first_seen, d.committed_at, d.retired";
model::Deposit read_deposit(Query& row);

// utxo, recipient, serno, amount
model::PublicPayment read_payment(Query& row);

Result<std::optional<model::Position>> read_position(Connection& connection);
Result<Counts> read_counts(Connection& connection);
Result<FeedHead> read_feed(Connection& connection);
Result<std::vector<Violation>> read_violations(Connection& connection);

}  // namespace hotside::store::sqlite
