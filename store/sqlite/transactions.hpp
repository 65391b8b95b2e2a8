#pragma once

#include "store/sqlite/connection.hpp"
#include "store/transactions.hpp"

namespace hotside::store::sqlite {

class SqliteTransactionWrites final : public TransactionWrites {
 public:
  explicit SqliteTransactionWrites(Connection& db) : db_(db) {}
  Result<void> add(model::RelayedTransaction const& tx, ByteView data) override;
  Result<std::optional<model::RelayedTransaction>> find(Hash const& hash) override;
  Result<std::vector<model::RelayedTransaction>> open() override;
  Result<void> put(model::RelayedTransaction const& tx) override;
  Result<std::vector<InputRow>> inputs(std::span<Hash const> utxos) override;
  Result<std::optional<Offset>> place(model::RelayedTransaction const& tx) override;

 private:
  Connection& db_;
};

class SqliteTransactionReads final : public TransactionReads {
 public:
  explicit SqliteTransactionReads(Connection& db) : db_(db) {}
  Result<std::vector<Row>> transactions(std::optional<model::RelayedState> state,
                                        std::optional<std::int64_t> before,
                                        std::size_t limit) override;
  Result<std::optional<model::RelayedTransaction>> transaction(Hash const& hash) override;
  Result<std::vector<WaitingTransaction>> waiting(std::int64_t after, std::size_t limit) override;
  Result<std::vector<InputRow>> inputs(std::span<Hash const> utxos) override;

 private:
  Connection& db_;
};

}  // namespace hotside::store::sqlite
