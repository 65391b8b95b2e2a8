#include "explorer/api/process.hpp"

#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

namespace hotside::api {
namespace {

std::uint64_t resident() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t size = 0, pages = 0;
  in >> size >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t open_fds() {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc/self/fd", error);
  std::uint64_t count = 0;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) ++count;
  return count > 0 ? count - 1 : 0;  // one is that of this look
}

}  // namespace

ProcessUse process_use() {
  auto const heap = ::mallinfo2();
  return {resident(), heap.uordblks + heap.hblkhd, open_fds()};
}

}  // namespace hotside::api
