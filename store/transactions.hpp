#pragma once
// Relayed transactions, and what the store knows of outputs that they want to spend.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/block.hpp"
#include "proto/model/relayed.hpp"

namespace hotside::store {

class WriteTxn;

// An output as an input to be. Private outputs are not in the store: unknown.
enum class InputState : std::uint8_t { unknown, unspent, spend_prepared, spent };
struct InputRow {
  Hash utxo;
  InputState state = InputState::unknown;
  std::optional<model::PublicPayment> payment;  // `output` is not kept
};

struct WaitingTransaction {
  std::int64_t row = 0;
  Hash hash;
  Bytes data;
};

class TransactionWrites {
 public:
  virtual ~TransactionWrites() = default;
  // Its hash is new.
  virtual Result<void> add(model::RelayedTransaction const& tx, ByteView data) = 0;
  virtual Result<std::optional<model::RelayedTransaction>> find(Hash const& hash) = 0;
  // Those that are not final, in the order in which they came.
  virtual Result<std::vector<model::RelayedTransaction>> open() = 0;
  // State, error, place and attempts.
  virtual Result<void> put(model::RelayedTransaction const& tx) = 0;
  // In the order asked for.
  virtual Result<std::vector<InputRow>> inputs(std::span<Hash const> utxos) = 0;
  // The last micro block of this epoch that spends all its inputs and makes all its public outputs:
  // nobody else makes those. Without any, none is found.
  virtual Result<std::optional<Offset>> place(model::RelayedTransaction const& tx) = 0;
};

class TransactionReads {
 public:
  virtual ~TransactionReads() = default;
  // Newest first, of rows below `before`.
  struct Row {
    std::int64_t row = 0;
    model::RelayedTransaction tx;
  };
  virtual Result<std::vector<Row>> transactions(std::optional<model::RelayedState> state,
                                                std::optional<std::int64_t> before,
                                                std::size_t limit) = 0;
  virtual Result<std::optional<model::RelayedTransaction>> transaction(Hash const& hash) = 0;
  // What is to be sent again: neither final nor in a micro block; oldest first, of rows above
  // `after`.
  virtual Result<std::vector<WaitingTransaction>> waiting(std::int64_t after,
                                                          std::size_t limit) = 0;
  virtual Result<std::vector<InputRow>> inputs(std::span<Hash const> utxos) = 0;
};

// ---- relaying, for whoever is given a signed transaction. The node and the signature are not the
// store's business; the port is here because it needs the transaction.

struct CheckedTransaction {
  model::RelayedTransaction tx;
  Bytes data;
  bool is_known = false;            // then `tx` is as the store has it, and nothing was checked
  bool has_private_inputs = false;  // seen unspent when `final_epoch` was the last one
  std::optional<Epoch> final_epoch;
};
struct RecordedTransaction {
  model::RelayedTransaction tx;
  bool is_new = false;
};

struct TransactionRelay {
  virtual ~TransactionRelay() = default;
  // Everything that can be found wrong before anything leaves. rejected, with a reason:
  // undecodable, transaction, fee_too_low, fee_too_high, unbalanced, signature, unknown_input,
  // spent_input.
  virtual void check(Bytes data, std::function<void(Result<CheckedTransaction>)> done) = 0;
  // In the caller's transaction. rejected, with a reason: reserved, spent_input. transient: the
  // chain has moved since the check.
  virtual Result<RecordedTransaction> record(WriteTxn& txn, CheckedTransaction const& checked) = 0;
  // Sends what is recorded, and tells what it is then: within seconds, whatever the node does.
  virtual void send(CheckedTransaction const& recorded,
                    std::function<void(Result<model::RelayedTransaction>)> done) = 0;
};

// The event and the row of one change, in the transaction that makes it.
Result<void> put_transaction(WriteTxn& txn, std::string_view hrp,
                             model::RelayedTransaction const& tx,
                             std::optional<model::EventType> event, Time now);

}  // namespace hotside::store
