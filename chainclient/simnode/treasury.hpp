#pragma once
// Whoever pays in the simulated network. Its coins are the coinbase outputs; the amounts hidden in
// their commitments are far larger than the rewards, which nobody outside can see, so that any
// amount can be paid out of one of them. It remembers what it knows of each private output it made.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chainclient/simnode/keys.hpp"
#include "proto/base/result.hpp"

namespace hotside::simnode {

struct OwnKey {
  Scalar secret;
  PublicKey key;
};

struct Wanted {  // one output of a transaction to be made
  PublicKey recipient;
  std::int64_t amount = 0;
  bool is_private = false;
  std::optional<std::int64_t> serno;  // drawn when absent
};

inline constexpr std::int64_t kFeePerOutput = 1000;
inline constexpr std::int64_t kCoinbaseCoin = 4'000'000'000'000'000'000;  // hidden amount
inline constexpr std::int64_t kLeastCoin = 100'000'000'000'000'000;       // less is left alone

class Treasury {
 public:
  explicit Treasury(std::uint64_t seed);

  OwnKey const& own() const { return own_; }
  std::vector<OwnKey> const& addresses() const { return addresses_; }
  OwnKey const* address(PublicKey const& key) const;
  PublicKey stranger() { return PublicKey{rng_.point().bytes}; }

  wire::RawOutput coinbase_output();
  std::optional<std::int64_t> coin_amount(Hash const& id) const;  // none: not its coin
  void forget(Hash const& id) { secrets_.erase(id); }

  // Signed by `secret`, which must own every input. The node's own error texts; no balance check,
  // as create_raw_transaction has none.
  Result<wire::RawPayment> make(std::span<Hash const> ids, std::span<wire::RawOutput const> inputs,
                                Scalar const& secret, std::span<Wanted const> outputs,
                                std::int64_t fee);

 private:
  struct Secret {  // of a private output: what its recipient would find in the payload
    std::int64_t amount = 0;
    Scalar blinding, cloak;
  };
  wire::RawPaymentOutput private_output(PublicKey const& to, std::int64_t amount, Secret& secret);

  Rng rng_;
  OwnKey own_;
  std::vector<OwnKey> addresses_;
  std::map<Hash, Secret> secrets_;
};

}  // namespace hotside::simnode
