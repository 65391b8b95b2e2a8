#pragma once
// The chain itself: its blocks, the unspent outputs, and the four things that happen to it. Every
// block is consistent (ids, canaries, roots, hashes, links); signatures that only validators could
// make are random bytes.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "chainclient/simnode/blocks.hpp"
#include "chainclient/simnode/genesis.hpp"
#include "chainclient/simnode/treasury.hpp"
#include "proto/base/result.hpp"

namespace hotside::simnode {

class Chain {
 public:
  Chain(Genesis genesis, std::uint64_t seed, std::uint32_t length, Treasury& treasury);

  View const& view() const { return view_; }
  bool is_full() const { return view_.offset() >= view_.length; }
  void set_length(std::uint32_t length) { view_.length = length; }
  std::string const& hrp() const { return network_.hrp; }
  std::string const& name() const { return network_.name; }

  wire::RawOutput const* find(Hash const& utxo) const;
  std::set<Hash> const& public_outputs(PublicKey const& recipient) const;
  // The cheapest-to-find coin of the treasury that is not in `claimed`; coins of final blocks
  // first, so that a fork does not take the ground from under a payment.
  std::optional<Hash> free_coin(std::set<Hash> const& claimed) const;
  std::optional<Hash> some_stake(Rng& rng) const;

  // `transactions` follow the coinbase. Their inputs must be unspent: an invariant.
  MicroPtr add_micro(std::vector<wire::RawTransaction> transactions, std::uint64_t now_ns,
                     std::uint32_t view_change);
  MicroPtr pop();  // null when the epoch is empty
  // Refused when the epoch created an output twice: no leader could make that macro block.
  Result<MacroPtr> seal(std::uint64_t now_ns, std::optional<Payout> award);
  wire::RawTransaction restake(Hash const& stake);

 private:
  struct Sum {
    std::vector<Hash> inputs;  // sorted
    std::vector<std::pair<Hash, wire::RawOutput>> outputs;
  };
  Result<Sum> sum_up() const;
  std::shared_ptr<EpochInfo const> next_info(std::optional<Payout> const& award,
                                             std::string& activity_map);
  void add_utxo(Hash const& id, wire::RawOutput const& output);
  void remove_utxo(Hash const& id);
  wire::RawVrf vrf();
  std::uint64_t later(std::uint64_t now_ns) const;
  wire::RawValidator const& some_validator();
  void elect(EpochInfo& info);
  std::string activity(EpochInfo& info);
  std::string signers();

  model::Network network_;
  Treasury& treasury_;
  Rng rng_;
  View view_;
  std::map<Hash, wire::RawOutput> utxo_;
  std::map<PublicKey, std::set<Hash>> public_;
  std::set<Hash> stakes_, coins_, final_coins_;
  std::int64_t budget_ = 0;
};

}  // namespace hotside::simnode
