#pragma once
// What is in the blocks of the simulated chain: few possible payments, so that ids come again, and
// only what a node would let through (stegos-protocol.md 6): no output is spent twice within a
// branch, no id is created while it is unspent, no block spends what it creates itself.

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "tests/property/model_chain.hpp"
#include "tests/support/blocks.hpp"

namespace hotside::sim {

using chain::test::Dice;
using chain::test::World;

class Contents {
 public:
  static constexpr std::uint64_t kKeys = 7;
  static constexpr std::uint64_t kEverybody = 10;  // with those that only bundles pay

  explicit Contents(World& world);
  Contents(Contents const&) = delete;
  Contents& operator=(Contents const&) = delete;

  // Before a fork: what is in the current epoch may be included again.
  void remember();
  // An epoch that has an id twice in one of its lists cannot end: the network takes back the
  // blocks from there on.
  void make_sealable();

  struct Tx {
    std::optional<Hash> hash;
    std::vector<Hash> spends;
    std::vector<model::PublicPayment> pays;
    std::vector<Hash> privates = {};  // outputs
  };
  using Unspent = std::map<Hash, model::PublicPayment>;

  Unspent unspent() const;  // by the last block
  // A signed transaction is on its way to the nodes: it may be included, or what contradicts it.
  void offer(Tx tx);
  static model::PublicPayment payment(std::uint64_t to, std::int64_t serno, std::int64_t amount);

  std::uint64_t awards = 0, created_again = 0, spent_within = 0;

 private:
  static std::vector<Tx> transactions_of(model::MicroBlock const& block);
  void apply(Unspent& unspent, model::MicroBlock const& block) const;
  model::PublicPayment any_payment();
  Tx any_transaction(Unspent const& before, Unspent const& now);
  bool was_mined(Tx const& tx, model::MicroBlock const& block) const;
  void include(Tx const& tx, model::MicroBlock& block);
  void fill(model::MicroBlock& block);
  void fill(model::MacroBlock& block);

  World& world_;
  Dice& dice_;
  Unspent final_;            // after the last macro block
  std::vector<Tx> mempool_;  // was in a block of this epoch, and may be again
  std::vector<Tx> offered_;
  std::set<Hash> known_, mined_;  // all that were offered; those in the final chain
};

}  // namespace hotside::sim
