#include "store/sqlite/addresses.hpp"

#include "proto/base/sha3.hpp"

namespace hotside::store::sqlite {
namespace {

constexpr Sum kHigh = Sum{1} << 32;

// Count and the two halves of the sum; NULL, where nothing was paid, is read as 0.
Total read_total(Query& row) {
  Total total;
  total.count = static_cast<std::uint64_t>(row.get_optional_integer().value_or(0));
  total.amount = row.get_optional_integer().value_or(0) * kHigh;
  total.amount += row.get_optional_integer().value_or(0);
  return total;
}

Totals read_totals(Query& row) {
  Totals totals;
  totals.prepared = read_total(row);
  totals.committed = read_total(row);
  totals.unspent = read_total(row);
  return totals;
}

Result<Checkpoint> read_checkpoint(Connection& db, EventSeq seq) {
  auto row = db.query(
      "SELECT count, high, low, hash FROM checkpoint WHERE seq <= ? ORDER BY seq DESC LIMIT 1");
  row.count(seq.value);
  HS_TRY(found, row.step());
  return found ? read_checkpoint(row) : Checkpoint{};
}

}  // namespace

Checkpoint read_checkpoint(Query& row) {
  auto const total = read_total(row);
  return {total.count, total.amount, row.get_bytes<Hash>()};
}

Checkpoint next_checkpoint(Checkpoint const& before, model::DepositId const& id, Amount amount) {
  Sha3 sha;
  sha.bytes(before.hash.view());
  sha.bytes(id.utxo.view());
  sha.u64(id.epoch.value);
  sha.i64(amount.value);
  return {before.count + 1, before.amount + amount.value, sha.finish()};
}

Result<std::vector<AddressRow>> read_addresses(Query row) {
  std::vector<AddressRow> rows;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return rows;
    AddressRow found;
    found.address.key = row.get_bytes<PublicKey>();
    found.address.reference = row.get_optional_text();
    found.address.label = row.get_optional_text();
    found.address.retired = row.get_integer() != 0;
    found.address.created_at = row.get_time();
    found.totals = read_totals(row);
    rows.push_back(std::move(found));
  }
}

Result<std::optional<AddressRow>> read_address(Connection& db, PublicKey const& key) {
  auto row = db.query("SELECT " + std::string(kAddressColumns) + " WHERE a.key = ?");
  row.bytes(key);
  HS_TRY(rows, read_addresses(std::move(row)));
  if (rows.empty()) return std::optional<AddressRow>();
  return std::optional(std::move(rows.front()));
}

Result<void> append_checkpoint(Connection& db, EventSeq seq, model::DepositId const& id) {
  HS_TRY(before, read_checkpoint(db, seq));
  Amount amount;
  {
    auto row = db.query("SELECT amount FROM deposit WHERE utxo = ? AND epoch = ?");
    row.bytes(id.utxo).epoch(id.epoch);
    HS_TRY(found, row.step());
    if (!found)
      return fail(Fault::corrupt, "store: an event of " + id.text() + ", which is no deposit",
                  "store");
    amount = Amount(row.get_integer());
  }
  auto const checkpoint = next_checkpoint(before, id, amount);
  return db.query("INSERT INTO checkpoint (seq, count, high, low, hash) VALUES (?, ?, ?, ?, ?)")
      .count(seq.value)
      .count(checkpoint.count)
      .integer(static_cast<std::int64_t>(checkpoint.amount >> 32))
      .integer(static_cast<std::int64_t>(checkpoint.amount & (kHigh - 1)))
      .bytes(checkpoint.hash)
      .run();
}

Result<std::optional<AddressRow>> SqliteAddressWrites::change(PublicKey const& key,
                                                              AddressChange const& change) {
  if (change.reference)
    HS_DO(db_.query("UPDATE address SET reference = ? WHERE key = ?")
              .optional_text(*change.reference)
              .bytes(key)
              .run());
  if (change.label)
    HS_DO(db_.query("UPDATE address SET label = ? WHERE key = ?")
              .optional_text(*change.label)
              .bytes(key)
              .run());
  return read_address(db_, key);
}

Result<std::size_t> SqliteAddressWrites::history_of(PublicKey const& key, std::size_t stop) {
  auto row =
      db_.query("SELECT count(*) FROM (SELECT 1 FROM public_output WHERE recipient = ? LIMIT ?)");
  row.bytes(key).count(stop);
  HS_TRY(found, row.step());
  return found ? static_cast<std::size_t>(row.get_count()) : 0;
}

Result<std::optional<Totals>> SqliteAddressReads::totals_of(std::string_view reference) {
  auto row = db_.query(
      "SELECT count(*), sum(t.prepared_count), sum(t.prepared_high), sum(t.prepared_low),"
      " sum(t.committed_count), sum(t.committed_high), sum(t.committed_low),"
      " sum(t.unspent_count), sum(t.unspent_high), sum(t.unspent_low)"
      " FROM address a LEFT JOIN address_total t ON t.key = a.key WHERE a.reference = ?");
  row.text(reference);
  HS_TRY(found, row.step());
  if (!found || row.get_integer() == 0) return std::optional<Totals>();
  return std::optional(read_totals(row));
}

Result<Checkpoint> SqliteAddressReads::checkpoint(EventSeq seq) {
  return read_checkpoint(db_, seq);
}

}  // namespace hotside::store::sqlite
