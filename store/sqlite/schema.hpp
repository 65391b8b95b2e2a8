#pragma once

#include <cstdint>
#include <string>

namespace hotside::store::sqlite {

// "HotS": says whose file it is, also to `file`.
inline constexpr std::int64_t kApplicationId = 0x486f7453;
// The migration that readers are written for.
inline constexpr std::int64_t kSchemaVersion = 6;

std::string new_feed_id();  // 32 hex digits, random

}  // namespace hotside::store::sqlite
