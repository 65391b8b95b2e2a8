#pragma once
// Which kind of node is spoken to; detected by what it sends, never by its version text
// (protocol 4.1).

#include <cstdint>
#include <optional>
#include <string_view>

namespace hotside::model {

enum class Generation : std::uint8_t { unknown, v1_2_2, dev, v1_3 };

constexpr std::string_view to_string(Generation generation) {
  switch (generation) {
    case Generation::unknown:
      return "";
    case Generation::v1_2_2:
      return "1.2.2";
    case Generation::dev:
      return "dev";
    case Generation::v1_3:
      return "1.3";
  }
  return "";
}

constexpr std::optional<Generation> parse_generation(std::string_view text) {
  for (auto value : {Generation::v1_2_2, Generation::dev, Generation::v1_3})
    if (to_string(value) == text) return value;
  return std::nullopt;
}

}  // namespace hotside::model
