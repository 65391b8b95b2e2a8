#pragma once
// What is in the blocks of the simulated chain: few possible payments, so that ids come again, and
// only what a node would let through (stegos-protocol.md 6): no output is spent twice within a
// branch, no id is created while it is unspent, no block spends what it creates itself.

#include <cstdint>
#include <map>
#include <vector>

#include "tests/property/model_chain.hpp"
#include "tests/support/blocks.hpp"

namespace hotside::sim {

using chain::test::Dice;
using chain::test::World;

class Contents {
 public:
  static constexpr std::uint64_t kKeys = 7;

  explicit Contents(World& world);
  Contents(Contents const&) = delete;
  Contents& operator=(Contents const&) = delete;

  // Before a fork: what is in the current epoch may be included again.
  void remember();
  // An epoch that has an id twice in one of its lists cannot end: the network takes back the
  // blocks from there on.
  void make_sealable();

  std::uint64_t awards = 0, created_again = 0, spent_within = 0;

 private:
  struct Tx {
    std::optional<Hash> hash;
    std::vector<Hash> spends;
    std::vector<model::PublicPayment> pays;
  };
  using Unspent = std::map<Hash, model::PublicPayment>;

  static std::vector<Tx> transactions_of(model::MicroBlock const& block);
  void apply(Unspent& unspent, model::MicroBlock const& block) const;
  model::PublicPayment any_payment();
  Tx any_transaction(Unspent const& before, Unspent const& now);
  void fill(model::MicroBlock& block);
  void fill(model::MacroBlock& block);

  World& world_;
  Dice& dice_;
  Unspent final_;            // after the last macro block
  std::vector<Tx> mempool_;  // was in a block of this epoch, and may be again
};

}  // namespace hotside::sim
