#include "proto/base/invariant.hpp"

#include <cstdio>
#include <cstdlib>

namespace hotside {
namespace {
void (*g_flush)(std::string_view) = nullptr;
}

void on_invariant_broken(void (*flush)(std::string_view what)) { g_flush = flush; }

void invariant_broken(std::string_view what, char const* file, unsigned line) {
  std::fprintf(stderr, "invariant broken: %.*s (%s:%u)\n", static_cast<int>(what.size()),
               what.data(), file, line);
  if (g_flush != nullptr) g_flush(what);
  std::abort();
}

}  // namespace hotside
