#pragma once
// Files compiled into the program by hs_embed (cmake/embed.cmake).

#include <span>
#include <string_view>

namespace hotside {
struct EmbeddedFile {
  std::string_view name;
  std::string_view bytes;
};
}  // namespace hotside
