// Text frames as a stranger sends them: they open to one object or are refused.

#include "proto/base/invariant.hpp"
#include "proto/wire/frame.hpp"

using namespace hotside;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static wire::FrameCipher const cipher(wire::Token(
      std::array<std::uint8_t, 16>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}));
  std::string text(reinterpret_cast<char const*>(data), size);
  // Hardly any input decrypts to an object, so what does is also made from the input.
  auto const opened = cipher.open(text);
  std::string const json = opened ? std::string(opened->json()) : "{" + text + "}";
  auto const again = cipher.open(cipher.seal(json));
  invariant(again.has_value() && again->json() == json, "a sealed frame opens to what it was");
  static_cast<void>(wire::Token::parse(text));
  return 0;
}
