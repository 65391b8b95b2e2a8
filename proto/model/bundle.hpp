#pragma once
// A bundle: what the offline signer is given to sign, and what is reserved for it meanwhile.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/units.hpp"
#include "proto/model/block.hpp"
#include "proto/model/deposit.hpp"

namespace hotside::model {

// Of one request; a bundle is in the first of these that one of its requests is in.
enum class BundleState : std::uint8_t {
  relayed,   // a relayed transaction may spend its inputs
  open,      // to be signed
  spent,     // an input is spent in the final chain, so nothing of it can happen any more
  released,  // given up before it was relayed
  expired
};
std::string_view to_string(BundleState state);

struct Payee {
  PublicKey recipient;
  Amount amount;

  auto operator<=>(Payee const&) const = default;
};

// A public output that can be spent: committed and unspent.
struct Coin {
  DepositId id;
  PublicKey recipient;
  std::int64_t serno = 0;
  Amount amount;

  bool operator==(Coin const&) const = default;
};

// One transaction to be made: sum(inputs) = sum(outputs) + fee.
struct BundleRequest {
  PublicKey source;            // whose key signs; the recipient of every input
  std::vector<Coin> inputs;    // 1 to 100
  std::vector<Payee> outputs;  // 1 to 100, change last
  Amount fee;
  std::optional<Payee> change;  // the last of `outputs`

  bool operator==(BundleRequest const&) const = default;
};

// A request by its place: what a transaction belongs to.
struct RequestId {
  std::string bundle;
  std::uint32_t request = 0;  // index into the bundle's `requests`

  bool operator==(RequestId const&) const = default;
};

}  // namespace hotside::model
