#pragma once
// Account keys as text: bech32 (constant 1) of 32 bytes, 62 characters (stegos-protocol.md 5.1).
// Here because the wire, the API and the commands all speak it.

#include <string>
#include <string_view>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"

namespace hotside::model {

// Any 32 bytes: a node prints recipients without checking the point.
std::string to_address(std::string_view hrp, PublicKey const& key);

// Checksum, length, padding and prefix, not the point: to read what a node printed.
Result<PublicKey> read_recipient(std::string_view hrp, std::string_view text);

// Strict: also a canonical Ristretto point that is not the identity, lower or all-upper case. The
// error says which network the address is of when it is another's. For everything a person gives us
// and everything that is sent to a node.
Result<PublicKey> parse_address(std::string_view hrp, std::string_view text);

}  // namespace hotside::model
