// Snapshots: the read side.

#include <sqlite3.h>

#include <utility>

#include "proto/base/invariant.hpp"
#include "store/sqlite/addresses.hpp"
#include "store/sqlite/audit.hpp"
#include "store/sqlite/bundles.hpp"
#include "store/sqlite/certificates.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/filter.hpp"
#include "store/sqlite/hold.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/schema.hpp"
#include "store/sqlite/transactions.hpp"
#include "store/sqlite/webhooks.hpp"
#include "store/store.hpp"

namespace hotside::store {
namespace sqlite {
namespace {

class SqliteSnapshot final : public Snapshot {
 public:
  SqliteSnapshot(Connection& connection, bool& in_use) : db_(connection), in_use_(in_use) {
    in_use_ = true;
  }
  ~SqliteSnapshot() override {
    db_.rollback();
    in_use_ = false;
  }
  SqliteSnapshot(SqliteSnapshot const&) = delete;
  SqliteSnapshot& operator=(SqliteSnapshot const&) = delete;

  Result<FeedHead> feed() override { return read_feed(db_); }
  Result<std::optional<model::Position>> position() override { return read_position(db_); }
  Result<Counts> counts() override { return read_counts(db_); }
  Result<std::vector<Violation>> violations() override { return read_violations(db_); }
  Result<std::vector<DepositRow>> deposits(DepositFilter const& filter,
                                           std::optional<DepositKey> after,
                                           std::size_t limit) override;
  Result<std::optional<DepositRow>> deposit(model::DepositId const& id) override;
  Result<std::vector<AddressRow>> addresses(AddressFilter const& filter,
                                            std::optional<PublicKey> after,
                                            std::size_t limit) override;
  Result<std::optional<AddressRow>> address(PublicKey const& key) override;
  Result<Events> events(EventSeq after, model::EventTypeSet types, std::size_t limit,
                        std::size_t scan) override;
  Result<std::vector<model::PublicPayment>> public_outputs(std::span<Hash const> ids) override;
  AuditReads& audit() override { return audit_; }
  HoldReads& hold() override { return hold_; }
  CertificateReads& certificates() override { return certificates_; }
  BundleReads& bundles() override { return bundles_; }
  TransactionReads& transactions() override { return transactions_; }
  WebhookReads& webhooks() override { return webhooks_; }
  AddressReads& books() override { return books_; }

 private:
  Result<std::vector<DepositRow>> deposit_rows(Query row);

  Connection& db_;
  bool& in_use_;
  SqliteAuditReads audit_{db_};
  SqliteHoldReads hold_{db_};
  SqliteCertificateReads certificates_{db_};
  SqliteBundleReads bundles_{db_};
  SqliteTransactionReads transactions_{db_};
  SqliteWebhookReads webhooks_{db_};
  SqliteAddressReads books_{db_};
};

Result<std::vector<DepositRow>> SqliteSnapshot::deposit_rows(Query row) {
  std::vector<DepositRow> rows;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return rows;
    DepositRow found;
    found.deposit = read_deposit(row);
    found.reference = row.get_optional_text();
    rows.push_back(std::move(found));
  }
}

Result<std::vector<DepositRow>> SqliteSnapshot::deposits(DepositFilter const& filter,
                                                         std::optional<DepositKey> after,
                                                         std::size_t limit) {
  auto row = db_.query(deposit_list_sql(filter, after.has_value()));
  bind_deposit_list(row, filter, after, limit);
  return deposit_rows(std::move(row));
}

Result<std::optional<DepositRow>> SqliteSnapshot::deposit(model::DepositId const& id) {
  auto row = db_.query("SELECT " + std::string(kDepositColumns) +
                       ", a.reference FROM deposit d JOIN address a ON a.key = d.recipient"
                       " WHERE d.utxo = ? AND d.epoch = ?");
  row.bytes(id.utxo).epoch(id.epoch);
  HS_TRY(rows, deposit_rows(std::move(row)));
  if (rows.empty()) return std::optional<DepositRow>();
  return std::optional(std::move(rows.front()));
}

Result<std::vector<AddressRow>> SqliteSnapshot::addresses(AddressFilter const& filter,
                                                          std::optional<PublicKey> after,
                                                          std::size_t limit) {
  std::string sql = "SELECT " + std::string(kAddressColumns) + " WHERE 1";
  if (filter.reference) sql += " AND a.reference = ?";
  if (after) sql += " AND a.key > ?";
  sql += " ORDER BY a.key LIMIT ?";
  auto row = db_.query(sql);
  if (filter.reference) row.text(*filter.reference);
  if (after) row.bytes(*after);
  row.count(limit);
  return read_addresses(std::move(row));
}

Result<std::optional<AddressRow>> SqliteSnapshot::address(PublicKey const& key) {
  return read_address(db_, key);
}

Result<Snapshot::Events> SqliteSnapshot::events(EventSeq after, model::EventTypeSet types,
                                                std::size_t limit, std::size_t scan) {
  Events found;
  found.next = after;
  auto row = db_.query("SELECT seq, type, at, json FROM event WHERE seq > ? ORDER BY seq LIMIT ?");
  row.count(after.value).count(scan);
  while (found.events.size() < limit) {
    HS_TRY(more, row.step());
    if (!more) break;
    model::OutboxEvent event;
    event.seq = EventSeq(row.get_count());
    auto const type = model::event_type(row.get_text());
    if (!type)
      return fail(Fault::corrupt,
                  "store: event " + std::to_string(event.seq.value) + " is of no known type",
                  "store");
    found.next = event.seq;
    if ((types & model::bit(*type)) == 0) continue;
    event.type = *type;
    event.at = row.get_time();
    event.json = row.get_text();
    found.events.push_back(std::move(event));
  }
  return found;
}

Result<std::vector<model::PublicPayment>> SqliteSnapshot::public_outputs(
    std::span<Hash const> ids) {
  // Final ones, those of the current epoch, and deposits whose block is gone. The fields follow
  // from the id, so any one row will do.
  auto row = db_.query(
      "SELECT utxo, recipient, serno, amount FROM public_output WHERE utxo = ?1"
      " UNION ALL SELECT utxo, recipient, serno, amount FROM micro_output WHERE utxo = ?1"
      " UNION ALL SELECT utxo, recipient, serno, amount FROM deposit WHERE utxo = ?1 LIMIT 1");
  std::vector<model::PublicPayment> found;
  for (auto const& id : ids) {
    row.bytes(id);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      found.push_back(read_payment(row));
    }
  }
  return found;
}

class SqliteReader final : public Reader {
 public:
  explicit SqliteReader(std::unique_ptr<Connection> connection) : db_(std::move(connection)) {}

  Result<std::unique_ptr<Snapshot>> snapshot() override {
    invariant(!in_use_, "a reader has one snapshot at a time");
    HS_DO(db_->execute("BEGIN"));
    // The first read is what fixes the view.
    if (auto pinned = db_->scalar("SELECT head FROM feed"); !pinned) {
      db_->rollback();
      return fail(std::move(pinned.error()));
    }
    return std::make_unique<SqliteSnapshot>(*db_, in_use_);
  }

 private:
  std::unique_ptr<Connection> db_;
  bool in_use_ = false;
};

}  // namespace
}  // namespace sqlite

std::uint64_t memory_bytes() { return static_cast<std::uint64_t>(sqlite3_memory_used()); }

Result<std::unique_ptr<Reader>> open_reader(std::string const& url) {
  using namespace sqlite;
  HS_TRY(path, path_of(url));
  HS_TRY(db, Connection::open(path, Connection::Mode::read_only, 5'000));
  HS_TRY(application, db->scalar("PRAGMA application_id"));
  HS_TRY(version, db->scalar("PRAGMA user_version"));
  if (application != kApplicationId)
    return fail(Fault::rejected, "store " + path + " is not of Hotside", "store");
  if (version != kSchemaVersion)
    return fail(Fault::rejected,
                "store " + path + " has schema " + std::to_string(version) +
                    "; this version reads " + std::to_string(kSchemaVersion),
                "store");
  HS_DO(
      db->execute("PRAGMA query_only = ON; PRAGMA mmap_size = 268435456;"
                  "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY"));
  return std::unique_ptr<Reader>(std::make_unique<SqliteReader>(std::move(db)));
}

}  // namespace hotside::store
