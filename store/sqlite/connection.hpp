#pragma once
// One connection to one SQLite file, and prepared statements on it.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace hotside::store::sqlite {

class Connection;

// One use of a prepared statement, from its first column and parameter on; resets it when it goes.
// The first thing that goes wrong is kept and comes out of the next step().
class Query {
 public:
  Query(Connection& connection, sqlite3_stmt* statement, bool* in_use);
  ~Query();
  Query(Query&& other) noexcept;
  Query(Query const&) = delete;
  Query& operator=(Query const&) = delete;

  Query& integer(std::int64_t value);
  Query& blob(ByteView bytes);
  Query& text(std::string_view text);
  Query& null();
  Query& time(Time value) { return integer(to_unix_ms(value)); }
  // SQLite's integers are signed: what is beyond them is beyond every row, too.
  Query& count(std::uint64_t value) {
    return integer(static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX)));
  }
  Query& epoch(Epoch value) { return count(value.value); }
  template <class Tag, std::size_t N>
  Query& bytes(FixedBytes<Tag, N> const& value) {
    return blob(value.view());
  }
  template <class Tag, std::size_t N>
  Query& bytes(std::optional<FixedBytes<Tag, N>> const& value) {
    return value ? blob(value->view()) : null();
  }
  Query& offset(std::optional<Offset> const& value) {
    return value ? integer(value->value) : null();
  }
  Query& optional_text(std::optional<std::string> const& value) {
    return value ? text(*value) : null();
  }

  Result<bool> step();         // true: a row; false: done, and the next bindings start a new round
  Result<void> whole() const;  // whether every column was what it should be, where no step follows
  Result<void> run();          // a statement without rows, ready for the next round

  // Columns of the present row, from left to right.
  std::int64_t get_integer();
  std::uint64_t get_count() { return static_cast<std::uint64_t>(get_integer()); }
  std::string get_text();
  Bytes get_blob();
  Epoch get_epoch() { return Epoch(static_cast<std::uint64_t>(get_integer())); }
  Time get_time();  // of the years 0 to 9999, so that arithmetic on it stays within bounds
  std::optional<Time> get_optional_time();
  std::optional<Offset> get_offset();
  std::optional<std::int64_t> get_optional_integer();
  std::optional<std::string> get_optional_text();
  // What is no such value is an error of the next step(): others may have written to the file.
  template <class T>
  T get_bytes() {
    auto const value = T::from_bytes(view());
    if (!value) corrupt("an id that is not 32 bytes");
    return value.value_or(T{});
  }
  template <class E>
  E get_enum(E last) {  // numbered from 0 to `last`
    auto const value = get_integer();
    if (value >= 0 && value <= static_cast<std::int64_t>(last)) return static_cast<E>(value);
    corrupt("a state that is not one");
    return E{};
  }
  template <class E>
  std::optional<E> get_optional_enum(E last) {
    if (!is_null()) return get_enum(last);
    ++column_;
    return std::nullopt;
  }
  template <class T>
  std::optional<T> get_optional_bytes() {
    if (is_null()) {
      ++column_;
      return std::nullopt;
    }
    return get_bytes<T>();
  }

 private:
  friend class Connection;

  bool is_null() const;
  ByteView view();
  void corrupt(std::string_view what);
  void keep(int code);

  Connection* connection_;
  sqlite3_stmt* statement_;
  bool* in_use_;
  int parameter_ = 0, column_ = 0;
  std::optional<Error> error_;
};

class Connection {
 public:
  enum class Mode : std::uint8_t { create, read_only };
  static Result<std::unique_ptr<Connection>> open(std::string const& path, Mode mode,
                                                  int busy_timeout_ms);
  ~Connection();
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  Query query(std::string_view sql);  // prepared once, then kept
  Result<void> execute(std::string const& script);
  Result<std::int64_t> scalar(std::string_view sql);  // the first column of its first row
  Result<std::string> text(std::string_view sql);     // the same, as text
  void rollback() noexcept;                           // nothing when no transaction is open
  bool in_transaction() const;
  std::int64_t last_row() const;
  std::int64_t changes() const;

  sqlite3* handle() const { return handle_; }  // for what only SQLite's own functions do

  // What `code` means to the caller, with SQLite's own words.
  Error error(int code) const;

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}

  struct Prepared {
    sqlite3_stmt* statement = nullptr;
    bool in_use = false;
  };
  sqlite3* handle_;
  std::unordered_map<std::string, Prepared> statements_;
};

// The path in "sqlite:/path".
Result<std::string> path_of(std::string const& url);

}  // namespace hotside::store::sqlite
