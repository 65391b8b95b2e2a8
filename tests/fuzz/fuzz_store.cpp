// A store that somebody has changed: whatever its rows say, it can be opened, listed and verified,
// or is refused. Input: edits of eight bytes. A row's value becomes another one (table, row,
// column, kind, four bytes), or four bytes of the file become others.

#include <sqlite3.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"
#include "store/maintenance.hpp"
#include "tests/fuzz/backend.hpp"

using namespace hotside;

namespace {

struct Sql {
  sqlite3* db = nullptr;
  explicit Sql(std::string const& path) { sqlite3_open(path.c_str(), &db); }
  ~Sql() { sqlite3_close(db); }
  Sql(Sql const&) = delete;
  Sql& operator=(Sql const&) = delete;

  void run(std::string const& sql) { sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr); }
  std::vector<std::string> list(std::string const& sql) {
    std::vector<std::string> rows;
    auto const take = [](void* into, int, char** values, char**) {
      static_cast<std::vector<std::string>*>(into)->emplace_back(values[0]);
      return 0;
    };
    sqlite3_exec(db, sql.c_str(), take, &rows, nullptr);
    return rows;
  }
};

struct Table {
  std::string name, row;  // `row`: where its n-th row is, n as ?2
  std::vector<std::string> columns;
};

struct World {
  test::TempDir dir;
  std::string url, path;
  std::string bytes;  // of a whole store
  std::vector<Table> tables;
  std::vector<std::string> everything;

  World() : url(fuzz::make_store(dir)), path(url.substr(url.find(':') + 1)) {
    everything = (*fuzz::Backend::open(url))->everything();
    Sql sql(path);
    for (auto const& name : sql.list("SELECT name FROM pragma_table_list WHERE schema = 'main' AND"
                                     " type = 'table' AND name NOT LIKE 'sqlite_%'")) {
      auto const key = sql.list("SELECT group_concat(name) FROM pragma_table_info('" + name +
                                "') WHERE pk > 0 AND (SELECT wr FROM pragma_table_list('" + name +
                                "')) = 1 HAVING count(*) > 0");
      auto const at = key.empty() ? "rowid" : "(" + key.front() + ")";
      auto const what = key.empty() ? "rowid" : key.front();
      tables.push_back(
          {name, at + " = (SELECT " + what + " FROM " + name + " LIMIT 1 OFFSET ?2)",
           sql.list("SELECT '\"' || name || '\"' FROM pragma_table_info('" + name + "')")});
    }
    sql.run("PRAGMA journal_mode = DELETE");  // one file is all
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
};

using Edit = std::array<std::uint8_t, 8>;

void bind(sqlite3_stmt* statement, Edit const& edit) {
  std::int32_t number = 0;
  std::memcpy(&number, edit.data() + 4, sizeof number);
  constexpr std::array<std::int64_t, 4> kEnds{INT64_MIN, INT64_MAX, -1, std::int64_t{1} << 32};
  auto const* const text = reinterpret_cast<char const*>(edit.data() + 4);
  static std::array<std::uint8_t, 32> const kZeros{};
  switch (edit[3] % 6) {
    case 0:
      sqlite3_bind_int64(statement, 1, number);
      break;
    case 1:
      sqlite3_bind_int64(statement, 1, kEnds[edit[4] % kEnds.size()]);
      break;
    case 2:
      sqlite3_bind_text(statement, 1, text, edit[4] % 5, SQLITE_TRANSIENT);
      break;
    case 3:
      sqlite3_bind_blob(statement, 1, kZeros.data(), edit[4] % 33, SQLITE_STATIC);
      break;
    case 4:
      sqlite3_bind_int64(statement, 1, std::int64_t{number} << 31);
      break;
    default:
      sqlite3_bind_null(statement, 1);
      break;
  }
}

void change(Sql& sql, World const& world, Edit const& edit) {
  auto const& table = world.tables[edit[0] % world.tables.size()];
  auto const& column = table.columns[edit[2] % table.columns.size()];
  auto const text = "UPDATE " + table.name + " SET " + column + " = ?1 WHERE " + table.row;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(sql.db, text.c_str(), -1, &statement, nullptr) != SQLITE_OK) return;
  bind(statement, edit);
  sqlite3_bind_int(statement, 2, edit[1] % 8);
  sqlite3_step(statement);  // what the engine itself refuses cannot stand in a store
  sqlite3_finalize(statement);
}

void change_store(World const& world, std::uint8_t const* data, std::size_t size) {
  auto bytes = world.bytes;
  std::vector<Edit> edits;
  for (std::size_t at = 0; at + 8 <= size && edits.size() < 16; at += 8) {
    Edit edit;
    std::memcpy(edit.data(), data + at, 8);
    if (edit[0] < 224) {
      edits.push_back(edit);
      continue;
    }
    auto const place = (std::size_t{edit[1]} << 16 | std::size_t{edit[2]} << 8 | edit[3]);
    std::memcpy(bytes.data() + place % (bytes.size() - 4), edit.data() + 4, 4);
  }
  for (auto const* const more : {"-wal", "-shm", "-journal"})
    std::filesystem::remove(world.path + more);
  std::ofstream(world.path, std::ios::binary) << bytes;
  if (edits.empty()) return;
  Sql sql(world.path);
  sql.run("PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0; PRAGMA synchronous = 0");
  sqlite3_db_config(sql.db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sql.run("BEGIN");
  for (auto const& edit : edits) change(sql, world, edit);
  sql.run("COMMIT");
}

Hash id_of(model::PublicPayment const& payment) {
  return wire::output_id(
      wire::RawPublicOutput{payment.recipient, payment.serno, payment.amount.value});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static World const world;
  change_store(world, data, size);
  auto const found = store::verify(world.url, {true, id_of, 100, {}});
  invariant(size >= 8 || (found && found->empty()), "an unchanged store stands the check");
  auto const backend = fuzz::Backend::open(world.url);
  if (!backend) return 0;
  for (auto const& path : world.everything) {
    api::Request request;
    request.method = "GET";
    request.target = path;
    auto const answer = (*backend)->answer(request);
    invariant(size >= 8 || answer.has_value(), "an unchanged store answers");
  }
  return 0;
}
