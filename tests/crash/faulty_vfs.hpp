#pragma once
// SQLite's file layer with a fuse: at the n-th write, truncation or sync the process is killed, or
// the disk is full, or fails.

#include <cstdint>

namespace hotside::test {

enum class DiskFault : std::uint8_t { none, kill, full, io_error };

void install_faulty_vfs();  // as the default of this process

// At the n-th call from now, and (unless it killed) at every further one until disarmed.
void arm(DiskFault fault, std::uint64_t n);
// How many calls were made since arm(); true if the fault came.
bool disarm(std::uint64_t* calls = nullptr);

}  // namespace hotside::test
