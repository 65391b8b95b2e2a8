// A block that verifies, damaged: the input is a list of edits (two bytes of place, one of value)
// to one of four valid blocks. What is still accepted must hang together.

#include <array>

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/message.hpp"
#include "tests/support/make_block.hpp"

using namespace hotside;
using model::Generation;

namespace {

struct Template {
  std::string json;
  Generation generation;
};

std::array<Template, 4> make_templates() {
  fixtures::BlockMaker maker(1);
  auto micro = maker.micro(7, 3, 1);
  micro.transactions.push_back(maker.slashing(true));
  fixtures::seal(micro);
  auto const macro = maker.macro(7, 2, 3, 2);
  auto const micro_hash = wire::micro_block_hash(micro.header);
  auto const macro_hash = wire::macro_block_hash(macro.header);
  std::array<Template, 4> templates;
  std::size_t at = 0;
  for (auto generation : {Generation::dev, Generation::v1_2_2}) {
    templates[at++] = {fixtures::block_json(micro, micro_hash, generation, "dev"), generation};
    templates[at++] = {fixtures::block_json(macro, macro_hash, generation, "dev"), generation};
  }
  return templates;
}

template <class Block>
void check(Block const& block) {
  for (auto const& payment : block.payments) {
    invariant(payment.output < block.outputs.size() && block.outputs[payment.output] == payment.id,
              "a payment stands among the outputs");
    wire::RawPublicOutput const raw{payment.recipient, payment.serno, payment.amount.value};
    invariant(wire::output_id(raw) == payment.id, "a payment hashes to its id");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static auto const templates = make_templates();
  if (size == 0) return 0;
  auto const& chosen = templates[data[0] % templates.size()];
  std::string json = chosen.json;
  for (std::size_t at = 1; at + 3 <= size; at += 3)
    json[(std::size_t{data[at]} << 8 | data[at + 1]) % json.size()] =
        static_cast<char>(data[at + 2]);
  std::size_t const length = json.size();
  json.append(wire::PlainFrame::kPadding, '\0');
  auto const message =
      wire::parse_message({std::move(json), 0, length}, {"dev", chosen.generation, 6});
  if (!message) return 0;
  if (auto const* micro = std::get_if<wire::MicroBlockMessage>(&message->body)) check(micro->block);
  if (auto const* macro = std::get_if<wire::MacroBlockMessage>(&message->body)) check(macro->block);
  return 0;
}
