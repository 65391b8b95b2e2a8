#pragma once
// Whether a payment transaction is one that a node can take in (stegos-protocol.md 8.1, 8.2, 10.3).
// Two steps, because the second needs the outputs that the first names.

#include <cstdint>
#include <span>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::wire {

struct PaymentLimits {
  std::int64_t fee_per_output = 1'000;  // µSTG; of payment and public outputs, stakes are free
  std::int64_t fee_max = 10'000'000;    // nobody means more than this
  std::size_t inputs_max = 100, outputs_max = 100;
};

struct CheckedPayment {
  Hash hash;
  RawPayment tx;
  std::vector<Hash> output_ids;
};

// Structure, limits, amounts and fee. Fault::rejected with reason
//   undecodable              these bytes are no payment transaction
//   transaction              no inputs, duplicates, too many, an amount that is not positive
//   fee_too_low, fee_too_high
Result<CheckedPayment> read_payment(ByteView data, PaymentLimits const& limits);

// `inputs` are the outputs that tx.inputs name, in that order. Fault::rejected with reason
//   unbalanced               where every amount is public
//   signature                does not hold for these inputs; covers hidden amounts as well
Result<void> check_payment(CheckedPayment const& payment, std::span<RawOutput const> inputs);

}  // namespace hotside::wire
