#pragma once
// Invariants are about us, refusals are about them: input from outside is never an invariant.

#include <string_view>

namespace hotside {

// Called once, before the abort, so that the log reaches the disk. Not thread-safe: set it in main.
void on_invariant_broken(void (*flush)(std::string_view what));

[[noreturn]] void invariant_broken(std::string_view what, char const* file, unsigned line);

// Checked in every build. Restarting is safe by design, continuing is not. Builtins instead of
// std::source_location, which clang 14 (it builds the fuzz targets) does not have.
inline void invariant(bool holds, std::string_view what, char const* file = __builtin_FILE(),
                      unsigned line = __builtin_LINE()) {
  if (!holds) [[unlikely]]
    invariant_broken(what, file, line);
}

}  // namespace hotside
