#pragma once
// The chain's protobuf forms (stegos-protocol.md section 9): lenient decoding, canonical encoding.
// Canonical is what the node's encoder writes: zero scalars omitted, repeated bool unpacked.

#include "proto/base/result.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::wire {

Bytes encode_output(RawOutput const& output);
Result<RawOutput> decode_output(ByteView blob);

// The blob of a public payment follows from its three fields, byte for byte (9.1).
Bytes public_payment_blob(RawPublicOutput const& output);

Bytes encode_transaction(RawTransaction const& tx);  // slashing: not supported, an invariant
Result<RawTransaction> decode_transaction(ByteView blob);

// A genesis file: one Block holding macro block 0.
Result<RawMacroBlock> decode_genesis(ByteView file);

// hotside.MacroEvidence: everything of the block but its inputs and outputs.
Bytes encode_evidence(RawMacroBlock const& block, Hash const& hash, bool exact_time);

}  // namespace hotside::wire
