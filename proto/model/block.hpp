#pragma once
// Blocks after verification: every output id recomputed, every root checked. Only wire::verify
// makes them (tests aside), so whoever holds one need not check again. What is kept of an output is
// its id, and for a public payment the fields that its blob and its id follow from.

#include <cstdint>
#include <optional>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/units.hpp"

namespace hotside::model {

struct PublicPayment {
  Hash id;
  PublicKey recipient;
  std::int64_t serno = 0;
  Amount amount;
  std::uint32_t output = 0;  // index into the block's `outputs`

  bool operator==(PublicPayment const&) const = default;
};

enum class TxKind : std::uint8_t { coinbase, payment, restake, slashing };

// A transaction's slice of its micro block: inputs [input_begin, input_end), outputs likewise.
struct Transaction {
  std::optional<Hash> hash;  // absent where it cannot be recomputed (slashing on v1.2.2)
  TxKind kind = TxKind::payment;
  std::uint32_t input_begin = 0, input_end = 0;
  std::uint32_t output_begin = 0, output_end = 0;

  bool operator==(Transaction const&) const = default;
};

struct MicroBlock {
  Epoch epoch;
  Offset offset;
  Hash hash, previous;
  Time time;
  std::uint32_t view_change = 0;
  std::vector<Hash> inputs;               // UTXO ids spent, in block order
  std::vector<Hash> outputs;              // UTXO ids created, all kinds, in block order
  std::vector<Transaction> transactions;  // in block order, covering inputs and outputs
  std::vector<PublicPayment> payments;    // in order of `output`

  bool operator==(MicroBlock const&) const = default;
};

struct MacroBlock {
  Epoch epoch;
  Hash hash, previous;
  Time time;
  std::vector<Hash> inputs;             // sorted
  std::vector<Hash> outputs;            // sorted, all kinds
  std::vector<PublicPayment> payments;  // in order of `output`
  // Header, multisignature, bit map and validators, for checks that come later: the serialized
  // message hotside.MacroEvidence of proto/schema/evidence.proto.
  Bytes evidence;

  bool operator==(MacroBlock const&) const = default;
};

}  // namespace hotside::model
