#pragma once
// store::AddressWrites and store::AddressReads over SQLite.

#include <vector>

#include "store/addresses.hpp"
#include "store/sqlite/connection.hpp"

namespace hotside::store::sqlite {

// Addresses with their totals: `rest` is what follows WHERE, over address a.
inline constexpr std::string_view kAddressColumns =
    "a.key, a.reference, a.label, a.retired, a.created_at, t.prepared_count, t.prepared_high,"
    " t.prepared_low, t.committed_count, t.committed_high, t.committed_low, t.unspent_count,"
    " t.unspent_high, t.unspent_low FROM address a LEFT JOIN address_total t ON t.key = a.key";
Result<std::vector<AddressRow>> read_addresses(Query row);
Result<std::optional<AddressRow>> read_address(Connection& db, PublicKey const& key);

// With one more deposit.committed event.
Checkpoint next_checkpoint(Checkpoint const& before, model::DepositId const& id, Amount amount);
// Count, the halves of the sum, and hash.
Checkpoint read_checkpoint(Query& row);

// Adds the row of a deposit.committed event that is the newest of all events.
Result<void> append_checkpoint(Connection& db, EventSeq seq, model::DepositId const& id);

class SqliteAddressWrites final : public AddressWrites {
 public:
  explicit SqliteAddressWrites(Connection& connection) : db_(connection) {}
  Result<std::optional<AddressRow>> change(PublicKey const& key,
                                           AddressChange const& change) override;
  Result<std::size_t> history_of(PublicKey const& key, std::size_t stop) override;

 private:
  Connection& db_;
};

class SqliteAddressReads final : public AddressReads {
 public:
  explicit SqliteAddressReads(Connection& connection) : db_(connection) {}
  Result<std::optional<Totals>> totals_of(std::string_view reference) override;
  Result<Checkpoint> checkpoint(EventSeq seq) override;

 private:
  Connection& db_;
};

}  // namespace hotside::store::sqlite
