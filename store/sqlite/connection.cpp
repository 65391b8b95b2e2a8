#include "store/sqlite/connection.hpp"

#include <sqlite3.h>

#include <utility>

#include "proto/base/invariant.hpp"

namespace hotside::store::sqlite {

// ---- Query

Query::Query(Connection& connection, sqlite3_stmt* statement, bool* in_use)
    : connection_(&connection), statement_(statement), in_use_(in_use) {
  *in_use_ = true;
}

Query::Query(Query&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      in_use_(std::exchange(other.in_use_, nullptr)),
      parameter_(other.parameter_),
      column_(other.column_),
      error_(std::move(other.error_)) {}

Query::~Query() {
  if (in_use_ == nullptr) return;
  *in_use_ = false;
  if (statement_ == nullptr) return;  // could not be prepared
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Query::keep(int code) {
  if (code != SQLITE_OK && !error_) error_ = connection_->error(code);
}

Query& Query::integer(std::int64_t value) {
  keep(sqlite3_bind_int64(statement_, ++parameter_, value));
  return *this;
}

Query& Query::blob(ByteView bytes) {
  // A null pointer would bind NULL, not an empty blob.
  void const* const data = bytes.empty() ? static_cast<void const*>("") : bytes.data();
  keep(sqlite3_bind_blob64(statement_, ++parameter_, data, bytes.size(), SQLITE_TRANSIENT));
  return *this;
}

Query& Query::text(std::string_view text) {
  char const* const data = text.empty() ? "" : text.data();
  keep(sqlite3_bind_text64(statement_, ++parameter_, data, text.size(), SQLITE_TRANSIENT,
                           SQLITE_UTF8));
  return *this;
}

Query& Query::null() {
  keep(sqlite3_bind_null(statement_, ++parameter_));
  return *this;
}

Result<bool> Query::step() {
  column_ = 0;
  if (error_) return fail(*error_);
  int const code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) {
    Error error = connection_->error(code);
    sqlite3_reset(statement_);
    return fail(std::move(error));
  }
  sqlite3_reset(statement_);
  parameter_ = 0;
  return false;
}

Result<void> Query::whole() const {
  if (error_) return fail(*error_);
  return {};
}

Result<void> Query::run() {
  HS_TRY(row, step());
  invariant(!row, "a statement that is run gives no rows");
  return {};
}

bool Query::is_null() const { return sqlite3_column_type(statement_, column_) == SQLITE_NULL; }

std::int64_t Query::get_integer() { return sqlite3_column_int64(statement_, column_++); }

ByteView Query::view() {
  auto const* const data =
      static_cast<std::uint8_t const*>(sqlite3_column_blob(statement_, column_));
  auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_++));
  return {data, size};
}

Bytes Query::get_blob() {
  auto const bytes = view();
  return {bytes.begin(), bytes.end()};
}

std::string Query::get_text() {
  auto const* const data = reinterpret_cast<char const*>(sqlite3_column_text(statement_, column_));
  auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_++));
  return data == nullptr ? std::string() : std::string(data, size);
}

std::optional<std::int64_t> Query::get_optional_integer() {
  if (!is_null()) return get_integer();
  ++column_;
  return std::nullopt;
}

Time Query::get_time() {
  constexpr std::int64_t kFirst = -62'167'219'200'000, kLast = 253'402'300'799'999;
  auto const ms = get_integer();
  if (ms >= kFirst && ms <= kLast) return from_unix_ms(ms);
  corrupt("a time that is not one");
  return {};
}

std::optional<Time> Query::get_optional_time() {
  if (!is_null()) return get_time();
  ++column_;
  return std::nullopt;
}

std::optional<Offset> Query::get_offset() {
  auto const value = get_optional_integer();
  if (!value) return std::nullopt;
  return Offset(static_cast<std::uint32_t>(*value));
}

std::optional<std::string> Query::get_optional_text() {
  if (!is_null()) return get_text();
  ++column_;
  return std::nullopt;
}

void Query::corrupt(std::string_view what) {
  if (!error_) error_ = Error{Fault::corrupt, "store: " + std::string(what), "store"};
}

// ---- Connection

Result<std::unique_ptr<Connection>> Connection::open(std::string const& path, Mode mode,
                                                     int busy_timeout_ms) {
  int const flags =
      mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  // NOMUTEX: each connection is used by one thread at a time.
  int const code = sqlite3_open_v2(path.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (handle == nullptr) return fail(Fault::transient, "store: out of memory", "store");
  std::unique_ptr<Connection> connection(new Connection(handle));
  if (code != SQLITE_OK) {
    Error error = connection->error(code);
    error.what += " (" + path + ")";
    return fail(std::move(error));
  }
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return connection;
}

Connection::~Connection() {
  for (auto& [sql, prepared] : statements_) {
    invariant(!prepared.in_use, "a query does not outlive its connection");
    sqlite3_finalize(prepared.statement);
  }
  sqlite3_close(handle_);
}

Query Connection::query(std::string_view sql) {
  auto& prepared = statements_[std::string(sql)];
  invariant(!prepared.in_use, "a statement is used once at a time");
  int code = SQLITE_OK;
  if (prepared.statement == nullptr)
    code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                              SQLITE_PREPARE_PERSISTENT, &prepared.statement, nullptr);
  Query query(*this, prepared.statement, &prepared.in_use);
  query.keep(code);
  return query;
}

Result<void> Connection::execute(std::string const& script) {
  int const code = sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error(code));
  return {};
}

Result<std::int64_t> Connection::scalar(std::string_view sql) {
  auto rows = query(sql);
  HS_TRY(row, rows.step());
  if (!row) return fail(Fault::corrupt, "store: no row where one always is", "store");
  return rows.get_integer();
}

Result<std::string> Connection::text(std::string_view sql) {
  auto rows = query(sql);
  HS_TRY(row, rows.step());
  if (!row) return fail(Fault::corrupt, "store: no row where one always is", "store");
  return rows.get_text();
}

void Connection::rollback() noexcept {
  // Some failures have rolled back already.
  if (in_transaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
std::int64_t Connection::last_row() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t Connection::changes() const { return sqlite3_changes64(handle_); }

Error Connection::error(int code) const {
  std::string what = std::string("store: ") + sqlite3_errmsg(handle_);
  if (code != sqlite3_extended_errcode(handle_))
    what = std::string("store: ") + sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
    case SQLITE_SCHEMA:
    case SQLITE_NOLFS:
      return Error{Fault::transient, std::move(what), "store"};
    default:
      // A damaged file, or rows that contradict the schema: writing on would make it worse.
      return Error{Fault::corrupt, std::move(what), "store"};
  }
}

Result<std::string> path_of(std::string const& url) {
  static constexpr std::string_view kScheme = "sqlite:";
  if (!url.starts_with(kScheme) || url.size() == kScheme.size())
    return fail(Fault::rejected, "store url \"" + url + "\": expected sqlite:/path/to/file",
                "store");
  return url.substr(kScheme.size());
}

}  // namespace hotside::store::sqlite
