#pragma once
// The four networks, their address prefix and the hash of their first block
// (stegos-protocol.md 4.4).

#include <optional>
#include <string>
#include <string_view>

#include "proto/base/bytes.hpp"

namespace hotside::model {

struct Network {
  std::string name;  // "testnet": what configuration and a node's chain_name say
  std::string hrp;   // "stt": bech32 prefix of its addresses
  std::optional<Hash>
      genesis;  // block hash of macro block 0; absent for devnet, whose is configured

  bool operator==(Network const&) const = default;
};

std::optional<Network> network_by_name(std::string_view name);
std::optional<Network> network_by_hrp(std::string_view hrp);

// `previous` of every macro block 0: SHA3-256 of the text "genesis".
Hash const& before_genesis();

}  // namespace hotside::model
