#pragma once
// The first block of each network: that network's own bytes, completed with what only its JSON
// shows.

#include <string>

#include "chainclient/simnode/blocks.hpp"
#include "proto/base/result.hpp"
#include "proto/model/network.hpp"

namespace hotside::simnode {

struct Genesis {
  model::Network network;
  MacroPtr macro;
};

// "devnet" has no published genesis: it gets that of "dev".
Result<Genesis> load_genesis(std::string const& network);

}  // namespace hotside::simnode
