// Addresses as people type them: what is accepted prints back as it was, in lower case.

#include "proto/base/invariant.hpp"
#include "proto/model/address.hpp"

using namespace hotside;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  std::string lower = text;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (auto const* hrp : {"stg", "stt", "str", "dev"}) {
    auto const strict = model::parse_address(hrp, text);
    if (strict)
      invariant(model::to_address(hrp, *strict) == lower, "an address prints as it was read");
    auto const read = model::read_recipient(hrp, text);
    if (read) invariant(model::to_address(hrp, *read) == text, "a recipient prints as it was read");
    invariant(!strict || !read || *strict == *read, "both readers see the same key");
    if (size == 32) {
      auto const key = *PublicKey::from_bytes({data, size});
      auto const back = model::read_recipient(hrp, model::to_address(hrp, key));
      invariant(back.has_value() && *back == key, "every key has an address");
    }
  }
  return 0;
}
