#pragma once
// From what a node claims to what may count (product.md, invariant 4): every output id recomputed,
// Merkle roots of inputs, outputs, canaries, of transactions where the JSON allows it, validators
// of a macro block, and the block hash where the JSON carries the exact time.

#include "proto/base/result.hpp"
#include "proto/model/block.hpp"
#include "proto/model/generation.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::wire {

using model::Generation;  // tells how exact the JSON's timestamps are, hence whether the hash can
                          // be checked

// Errors: Fault::peer, `reason` one of output_id, outputs_root, inputs_root, canaries_root,
// transactions_root, tx_hash, validators_root, block_hash, order, length.
//
// Both are written over raw blocks for the simulated node, the genesis files and the tests;
// messages of a node are decoded and verified in one pass by parse_message (message.hpp) with the
// same rules.
Result<model::MicroBlock> verify(RawMicroBlock const& raw, Hash const& claimed_hash,
                                 bool hash_is_checkable);
// `activity_length`: validators at the start of the epoch (validators_len of the macro block
// before; its own for genesis); with 0 lengths from the text's own up to 1000 are tried.
Result<model::MacroBlock> verify(RawMacroBlock const& raw, Hash const& claimed_hash,
                                 bool hash_is_checkable, std::uint32_t activity_length);

// v1.2.2: searches the nanoseconds below the millisecond (10^6 values, about a second).
std::optional<std::uint64_t> search_timestamp(RawMicroHeader header, Hash const& block_hash);
std::optional<std::uint64_t> search_timestamp(RawMacroHeader header, Hash const& block_hash);

}  // namespace hotside::wire
