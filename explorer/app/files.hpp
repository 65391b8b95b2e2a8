#pragma once
// Small files that an operator wrote: tokens, secrets, settings.

#include <string>

#include "proto/base/result.hpp"

namespace hotside::app {

// The whole file, at most 1 MiB. The error names the file and what the system says.
Result<std::string> read_small_file(std::string const& path);

// Without white space at either end.
std::string trimmed(std::string const& text);

}  // namespace hotside::app
