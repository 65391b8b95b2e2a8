// JSON as a node may send it, of any kind and generation.

#include "proto/base/invariant.hpp"
#include "proto/wire/message.hpp"

using namespace hotside;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const json(reinterpret_cast<char const*>(data), size);
  for (auto generation : {wire::Generation::unknown, wire::Generation::dev}) {
    // Exactly as long as the text and its padding, so that a sanitizer sees each step beyond.
    wire::PlainFrame frame{json + std::string(wire::PlainFrame::kPadding, '\0'), 0, size};
    auto const message = wire::parse_message(std::move(frame), {"dev", generation, 4});
    if (!message)
      invariant(!message.error().reason.empty(), "a refusal has a reason that can be counted");
    else if (auto const* bad = std::get_if<wire::BadBlock>(&message->body))
      invariant(!bad->error.reason.empty(), "a bad block has a reason that can be counted");
  }
  return 0;
}
