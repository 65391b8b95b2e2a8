#pragma once
// Blocks as the simulated node keeps them: the chain's own structures, their hashes, and the epoch
// information that only JSON shows. Shared and never changed once made: a slow connection may still
// have to send a block that the chain has dropped.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::simnode {

struct Micro {
  wire::RawMicroBlock block;
  Hash hash;
  std::vector<Hash> tx_hashes;
  std::vector<wire::RawOutput> spent;  // what `inputs` took out of the UTXO set, in block order
};

struct Activity {  // of one validator in one epoch
  PublicKey account;
  std::optional<std::uint32_t> failed_at;  // offset
};

struct Payout {
  PublicKey recipient;
  std::int64_t amount = 0;
};

struct EpochInfo {  // stands in JSON beside the block, most of it committed to by nothing
  std::uint64_t epoch = 0;
  std::vector<wire::RawValidator> validators;  // of the next epoch
  wire::BlsKey facilitator;
  std::int64_t budget = 0;
  std::uint32_t difficulty = 0;
  std::vector<Activity> activity;
  std::optional<Payout> payout;
};

struct Macro {
  wire::RawMacroBlock block;
  Hash hash;
  std::shared_ptr<EpochInfo const> info, old_info;  // old_info: none for genesis
  std::vector<Hash> own_outputs;                    // its coinbase and award: in no micro block
};

using MicroPtr = std::shared_ptr<Micro const>;
using MacroPtr = std::shared_ptr<Macro const>;

struct Change {  // what one step did to the chain
  enum class Kind : std::uint8_t { prepared, reverted, committed };
  Kind kind = Kind::prepared;
  MicroPtr micro;  // prepared, reverted
  MacroPtr macro;  // committed
};

// What can be asked of a chain at one moment.
struct View {
  std::vector<MacroPtr> macros;  // [0] is genesis
  std::vector<MicroPtr> micros;  // of the epoch being built
  std::uint32_t length = 60;     // micro blocks per epoch

  std::uint64_t epoch() const { return macros.size(); }
  std::uint32_t offset() const { return static_cast<std::uint32_t>(micros.size()); }
};

// Fill in lengths, roots and the hash from what the blocks contain.
void close_header(Micro& micro);
void close_header(Macro& macro);

Hash const& tip_hash(View const& view);
std::vector<Hash> inputs_of(wire::RawMicroBlock const& block);
std::vector<Hash> outputs_of(wire::RawMicroBlock const& block);

std::vector<Hash> const& inputs_of(wire::RawTransaction const& tx);
std::vector<wire::RawOutput> const& outputs_of(wire::RawTransaction const& tx);

}  // namespace hotside::simnode
