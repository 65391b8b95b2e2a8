#pragma once

#include <optional>

#include "store/hold.hpp"
#include "store/sqlite/connection.hpp"

namespace hotside::store::sqlite {

Result<std::optional<Hold>> read_hold(Connection& db);

class SqliteHoldWrites final : public HoldWrites {
 public:
  explicit SqliteHoldWrites(Connection& db) : db_(db) {}
  Result<std::optional<Hold>> hold() override { return read_hold(db_); }
  Result<void> set(Hold const& hold) override;
  Result<bool> lift() override;
  Result<bool> withholds(model::EventType type, model::DepositId const& deposit) override;
  Result<void> withhold(Withheld const& event) override;
  Result<bool> is_releasing() override;
  Result<std::vector<Withheld>> release(std::size_t limit) override;

 private:
  // Read once in a transaction: nearly always there is neither, and then events cost nothing more.
  struct State {
    bool is_set = false;
    bool has_events = false;
  };
  Result<State*> state();

  Connection& db_;
  std::optional<State> state_;
};

class SqliteHoldReads final : public HoldReads {
 public:
  explicit SqliteHoldReads(Connection& db) : db_(db) {}
  Result<std::optional<Hold>> hold() override { return read_hold(db_); }
  Result<std::uint64_t> withheld() override;

 private:
  Connection& db_;
};

}  // namespace hotside::store::sqlite
