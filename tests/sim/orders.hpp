#pragma once
// What an order of payouts came to: the bundle as the offline signer is given it, read by a few
// lines of our own, and whether it may be.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/bundles.hpp"
#include "tests/sim/bundles.hpp"

namespace hotside::sim {

struct Made {
  std::optional<oracle::Bundle> bundle;
  std::optional<store::Shortage> shortage;  // else there was not enough
};

// Keys by address. A key that is not among them stays empty.
oracle::Bundle read_bundle(store::BundleRow const& row,
                           std::map<std::string, oracle::Id> const& keys);

// What an order may spend: id → to whom, how much.
using Coins = std::map<oracle::Id, oracle::Payout>;

// What is wrong with it; empty: nothing.
std::string problem_of(store::BundleOrder const& order, oracle::Bundle const& made,
                       Coins const& coins);
std::string problem_of(store::BundleOrder const& order, store::Shortage const& shortage,
                       Coins const& coins);

}  // namespace hotside::sim
