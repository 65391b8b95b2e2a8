#include "store/sqlite/filter.hpp"

#include <algorithm>

#include "store/sqlite/rows.hpp"

namespace hotside::store::sqlite {
namespace {

using model::DepositState;

// Which index leads: the filter that keeps least. SQLite has no statistics to decide by, so every
// other filter column gets a `+`, which keeps the planner from taking its index.
enum class Lead : std::uint8_t { utxo, address, reference, state, spend, newest };

Lead lead_of(DepositFilter const& filter) {
  if (filter.utxo) return Lead::utxo;
  if (filter.address) return Lead::address;
  if (filter.reference) return Lead::reference;
  if (filter.state && (*filter.state != DepositState::committed || !filter.spend))
    return Lead::state;
  if (filter.spend) return Lead::spend;
  return Lead::newest;
}

std::string conditions(DepositFilter const& filter, Lead lead, bool continued) {
  auto const column = [&](Lead own, std::string_view name) {
    return std::string(" AND ") + (own == lead ? "" : "+") + std::string(name);
  };
  std::string const rank = lead == Lead::utxo ? "+" : "";
  std::string sql;
  if (filter.utxo) sql += column(Lead::utxo, "d.utxo = ?");
  if (filter.address) sql += column(Lead::address, "d.recipient = ?");
  if (filter.state) sql += column(Lead::state, "d.state = ?");
  if (filter.spend) sql += column(Lead::spend, "d.spend = ?");
  if (filter.epoch_from) sql += " AND " + rank + "d.rank_epoch <= ?";
  if (filter.epoch_to) sql += " AND " + rank + "d.rank_epoch >= ?";
  if (filter.min_amount) sql += " AND d.amount >= ?";
  if (continued) sql += " AND (" + rank + "d.rank_epoch, d.rank_place, d.utxo) > (?, ?, ?)";
  return sql;
}

constexpr std::string_view kOrder = " ORDER BY d.rank_epoch, d.rank_place, d.utxo LIMIT ?";

}  // namespace

// NULL offsets are known from a macro block only and come last within their epoch: see rank_place
// in the schema.
std::string deposit_list_sql(DepositFilter const& filter, bool continued) {
  auto const lead = lead_of(filter);
  std::string const columns = "SELECT " + std::string(kDepositColumns) + ", a.reference FROM ";
  auto const where = conditions(filter, lead, continued);
  // Of each address of a reference no more than a page is looked at, each from its own range of the
  // index: a page takes as long as the reference has addresses, not deposits.
  if (lead == Lead::reference)
    return columns +
           "address a CROSS JOIN deposit d ON d.id IN (SELECT d.id FROM deposit d"
           " WHERE d.recipient = a.key" +
           where + std::string(kOrder) + ") WHERE a.reference = ?" + std::string(kOrder);
  return columns + "deposit d CROSS JOIN address a ON a.key = d.recipient WHERE 1" + where +
         (filter.reference ? " AND +a.reference = ?" : "") + std::string(kOrder);
}

void bind_deposit_list(Query& row, DepositFilter const& filter,
                       std::optional<DepositKey> const& after, std::size_t limit) {
  auto const rank = [](Epoch epoch) {
    return -static_cast<std::int64_t>(std::min<std::uint64_t>(epoch.value, INT64_MAX));
  };
  if (filter.utxo) row.bytes(*filter.utxo);
  if (filter.address) row.bytes(*filter.address);
  if (filter.state) row.integer(static_cast<int>(*filter.state));
  if (filter.spend) row.integer(static_cast<int>(*filter.spend));
  if (filter.epoch_from) row.integer(rank(*filter.epoch_from));
  if (filter.epoch_to) row.integer(rank(*filter.epoch_to));
  if (filter.min_amount) row.integer(filter.min_amount->value);
  if (after)
    row.integer(rank(after->epoch))
        .integer(after->offset ? -static_cast<std::int64_t>(after->offset->value) : 1)
        .bytes(after->utxo);
  if (lead_of(filter) == Lead::reference) row.count(limit);
  if (filter.reference) row.text(*filter.reference);
  row.count(limit);
}

}  // namespace hotside::store::sqlite
