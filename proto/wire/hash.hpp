#pragma once
// The hashes of stegos-protocol.md section 10. All are SHA3-256.

#include <optional>
#include <span>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/sha3.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::wire {

Hash merkle_root(
    std::vector<Hash> const& leaf_contents_hashed);  // leaves given as already hashed leaf(v)
Hash merkle_root_of_ids(std::span<Hash const> ids);  // leaves are 32-byte values

Hash output_id(RawOutput const& output);
Hash output_canary(RawOutput const& output);
Hash tx_hash(RawTransaction const& tx);       // 10.3; for slashing needs exact times in the proof
Hash tx_full_hash(RawTransaction const& tx);  // leaf of transactions_range_hash
Hash micro_block_hash(RawMicroHeader const& header);
// `activity_map` must already have its true length.
Hash macro_block_hash(RawMacroHeader const& header);
Hash validators_root(std::span<RawValidator const> validators);

}  // namespace hotside::wire
