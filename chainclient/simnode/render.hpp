#pragma once
// The node's JSON, in each generation's shapes (stegos-protocol.md sections 3 to 8).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chainclient/simnode/blocks.hpp"
#include "proto/base/json_writer.hpp"
#include "proto/model/generation.hpp"

namespace hotside::simnode {

using model::Generation;

struct Style {
  Generation generation = Generation::v1_2_2;
  std::string hrp;

  bool is(Generation other) const { return generation == other; }
  // "macro_block" or, in v1.3, "macroblock": with what follows it.
  std::string name(std::string_view micro_or_macro, std::string_view rest) const;
};

// A block served wrong on purpose: its claim and its content no longer agree.
enum class Damage : std::uint8_t { none, hash, root, id };

struct Status {
  bool is_synchronized = true;
  std::uint64_t epoch = 0;
  std::uint32_t offset = 0;
  Hash last_block, last_macro;
  std::uint64_t last_macro_ns = 0, local_ns = 0;
};

// `id` 0 means none, in all of these.
std::string render(Style const& style, std::string_view type, Micro const& micro, Damage damage,
                   std::uint64_t id = 0);
std::string render(Style const& style, std::string_view type, Macro const& macro, Damage damage,
                   std::uint64_t id = 0);
std::string render(Style const& style, std::string_view type, Status const& status,
                   std::uint64_t id = 0);
std::string render_error(std::string_view text, std::uint64_t id);
std::string render_generic_error(std::uint64_t id);  // dev and v1.3: no type

std::string timestamp(Style const& style, std::uint64_t ns);
void end_message(JsonWriter& json, std::uint64_t id);

}  // namespace hotside::simnode
