#pragma once
// Standard Base64 without white space. Padding stands at the end or is missing altogether; anything
// else, and bits behind the last byte that are not zero, is refused.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/base/bytes.hpp"

namespace hotside::wire {

// Writes the bytes over the text they came from and returns their number.
std::optional<std::size_t> base64_decode_in_place(std::span<char> text);

std::string base64_encode(ByteView bytes);

}  // namespace hotside::wire
