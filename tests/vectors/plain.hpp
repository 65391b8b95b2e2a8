#pragma once
// A decrypted message as FrameCipher::open would hand it over.

#include <string>
#include <string_view>

#include "proto/wire/frame.hpp"

namespace hotside::fixtures {

inline wire::PlainFrame plain_frame(std::string_view json) {
  auto const begin = json.find_first_not_of(" \n");
  json = json.substr(begin, json.find_last_not_of(" \n") - begin + 1);
  wire::PlainFrame frame{std::string(json), 0, json.size()};
  frame.buffer.resize(json.size() + wire::PlainFrame::kPadding);
  return frame;
}

}  // namespace hotside::fixtures
