#pragma once
// Coin selection: which coins of which keys pay a list of payouts. Pure, deterministic and bounded;
// the same coins and the same wish give the same requests.
//
// A set of coins that leaves no change is looked for first, within a budget of steps; otherwise the
// largest coins are taken until they suffice. One key signs one request, so every request has one
// source.

#include <cstdint>
#include <optional>
#include <vector>

#include "proto/base/units.hpp"
#include "proto/model/bundle.hpp"

namespace hotside::cold {

// Limits of a node's mempool (stegos-protocol.md 8.1).
inline constexpr std::size_t kInputsMax = 100, kOutputsMax = 100;
inline constexpr std::int64_t kFeePerOutput = 1000;  // µSTG
// So that a bundle can be signed by a person in one sitting.
inline constexpr std::size_t kRequestsMax = 100, kPayoutsMax = 1000;

inline std::int64_t minimum_fee(std::size_t outputs) {
  return kFeePerOutput * static_cast<std::int64_t>(outputs);
}

struct Source {
  PublicKey key;
  std::vector<model::Coin> coins;  // largest first
};

struct Wish {
  std::vector<model::Payee> payouts;  // amounts above 0
  std::optional<PublicKey> change;    // empty: back to the source
  std::optional<Amount> fee;          // of each request; empty: the minimum
  bool split = false;                 // a payout may be made of several requests
};

// Requests that together make every payout; empty: these coins do not suffice. A given fee is not
// compared with the minimum: that depends on whether there is change, and the caller looks.
std::optional<std::vector<model::BundleRequest>> select(Wish const& wish,
                                                        std::vector<Source> sources);

}  // namespace hotside::cold
