#include "store/sqlite/digest.hpp"

#include <sqlite3.h>

#include <array>
#include <span>

#include "proto/base/sha3.hpp"

namespace hotside::store::sqlite {
namespace {

ByteView bytes_of(void const* data, int size) {
  return {static_cast<std::uint8_t const*>(data), static_cast<std::size_t>(size)};
}

// Each value with its type and, where it has one, its length: no two rows read the same.
DigestSum row_hash(std::string_view table, std::span<sqlite3_value*> values) {
  Sha3 sha;
  sha.u64(table.size());
  sha.text(table);
  for (auto* const value : values) {
    int const type = sqlite3_value_type(value);
    sha.u64(static_cast<std::uint64_t>(type));
    if (type == SQLITE_INTEGER) sha.i64(sqlite3_value_int64(value));
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) continue;
    void const* const data =
        type == SQLITE_TEXT ? sqlite3_value_text(value) : sqlite3_value_blob(value);
    int const size = sqlite3_value_bytes(value);
    sha.u64(static_cast<std::uint64_t>(size));
    sha.bytes(bytes_of(data, size));
  }
  auto const hash = sha.finish();
  DigestSum sum = 0;
  for (std::size_t i = 0; i < sizeof(sum); ++i) sum |= DigestSum{hash.bytes[i]} << (8 * i);
  return sum;
}

std::array<std::uint8_t, 16> bytes_of(DigestSum sum) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(sum >> (8 * i));
  return bytes;
}

void count_row(sqlite3_context* context, int argc, sqlite3_value** argv, bool is_new) {
  auto& count = *static_cast<Digests::Count*>(sqlite3_user_data(context));
  auto const hash = row_hash(count.table, std::span(argv, static_cast<std::size_t>(argc)));
  count.now.rows += is_new ? 1 : -1;
  count.now.sum = is_new ? count.now.sum + hash : count.now.sum - hash;
  sqlite3_result_null(context);
}
void row_came(sqlite3_context* context, int argc, sqlite3_value** argv) {
  count_row(context, argc, argv, true);
}
void row_went(sqlite3_context* context, int argc, sqlite3_value** argv) {
  count_row(context, argc, argv, false);
}

// "NEW.a, NEW.b, …": the stored columns of a table, as `prefix` calls its row.
Result<std::string> columns_of(Connection& db, std::string const& table,
                               std::string const& prefix) {
  auto row = db.query("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid");
  row.text(table);
  std::string columns;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return columns;
    columns += (columns.empty() ? "" : ", ") + prefix + "\"" + row.get_text() + "\"";
  }
}

}  // namespace

Result<TableDigests> stored_digests(Connection& db) {
  TableDigests found;
  auto row = db.query("SELECT name, rows, sum FROM digest");
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return found;
    auto const name = row.get_text();
    TableDigest digest;
    digest.rows = row.get_integer();
    auto const bytes = row.get_blob();
    for (std::size_t i = 0; i < bytes.size() && i < sizeof(DigestSum); ++i)
      digest.sum |= DigestSum{bytes[i]} << (8 * i);
    found.emplace(name, digest);
  }
}

Result<std::vector<std::string>> digested_tables(Connection& db) {
  auto row = db.query(
      "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name <> 'digest'"
      " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name");
  std::vector<std::string> tables;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return tables;
    tables.push_back(row.get_text());
  }
}

Result<TableDigest> digest_of(Connection& db, std::string const& table) {
  Digests::Count count{table, {}, {}};
  auto const define = [&](void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    return sqlite3_create_function_v2(db.handle(), "hs_count", -1, SQLITE_UTF8, &count, function,
                                      nullptr, nullptr, nullptr);
  };
  if (int const code = define(row_came); code != SQLITE_OK) return fail(db.error(code));
  HS_TRY(columns, columns_of(db, table, ""));
  auto done = db.execute("SELECT hs_count(" + columns + ") FROM main.\"" + table + "\"");
  define(nullptr);
  if (!done) return fail(std::move(done.error()));
  return count.now;
}

Result<std::unique_ptr<Digests>> Digests::watch(Connection& db) {
  std::unique_ptr<Digests> digests(new Digests(db));
  // A row that REPLACE removes is one that went.
  HS_DO(db.execute("PRAGMA recursive_triggers = ON"));
  HS_TRY(stored, stored_digests(db));
  HS_TRY(tables, digested_tables(db));
  for (auto const& table : tables) HS_DO(digests->add(table, stored));
  if (stored.size() >= tables.size()) return digests;
  HS_DO(db.execute("BEGIN IMMEDIATE"));
  auto saved = digests->save();
  if (saved) saved = db.execute("COMMIT");
  if (!saved) {
    db.rollback();
    return fail(std::move(saved.error()));
  }
  digests->committed();
  return digests;
}

Result<void> Digests::add(std::string const& table, TableDigests const& stored) {
  auto& count = *counts_.emplace_back(std::make_unique<Count>());
  count.table = table;
  if (auto const found = stored.find(table); found != stored.end()) {
    count.now = count.saved = found->second;
  } else {
    HS_TRY(made, digest_of(db_, table));
    count.now = made;
    count.saved.rows = -1;  // not yet in the store
  }
  auto const came = "hs_came_" + table, went = "hs_went_" + table;
  for (auto const& [name, function] : {std::pair(came, &row_came), std::pair(went, &row_went)}) {
    int const code = sqlite3_create_function_v2(db_.handle(), name.c_str(), -1, SQLITE_UTF8, &count,
                                                function, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(db_.error(code));
  }
  HS_TRY(now, columns_of(db_, table, "NEW."));
  HS_TRY(old, columns_of(db_, table, "OLD."));
  auto const trigger = [&](std::string const& when, std::string const& what) {
    return "CREATE TEMP TRIGGER hs_" + when + "_" + table + " AFTER " + when + " ON main.\"" +
           table + "\" BEGIN " + what + " END;";
  };
  auto const comes = "SELECT " + came + "(" + now + ");",
             goes = "SELECT " + went + "(" + old + ");";
  return db_.execute(trigger("INSERT", comes) + trigger("DELETE", goes) +
                     trigger("UPDATE", goes + comes));
}

Digests::~Digests() {
  for (auto const& count : counts_)
    for (auto const* const name : {"hs_came_", "hs_went_"})
      sqlite3_create_function_v2(db_.handle(), (name + count->table).c_str(), -1, SQLITE_UTF8,
                                 nullptr, nullptr, nullptr, nullptr, nullptr);
}

Result<void> Digests::save() {
  for (auto const& count : counts_) {
    if (count->now == count->saved) continue;
    HS_DO(db_.query("INSERT INTO digest (name, rows, sum) VALUES (?, ?, ?) ON CONFLICT (name)"
                    " DO UPDATE SET rows = excluded.rows, sum = excluded.sum")
              .text(count->table)
              .integer(count->now.rows)
              .blob(bytes_of(count->now.sum))
              .run());
  }
  return {};
}

void Digests::committed() {
  for (auto& count : counts_) count->saved = count->now;
}
void Digests::rolled_back() {
  for (auto& count : counts_) count->now = count->saved;
}

}  // namespace hotside::store::sqlite
