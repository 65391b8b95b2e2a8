#pragma once
// What the process has taken of the machine, for the metrics. Zero: the system does not say.

#include <cstdint>

namespace hotside::api {

struct ProcessUse {
  std::uint64_t resident_bytes = 0;
  std::uint64_t heap_bytes = 0;  // allocated and not freed; the heap itself is larger
  std::uint64_t open_fds = 0;
};
ProcessUse process_use();

}  // namespace hotside::api
