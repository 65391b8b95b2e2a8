#pragma once
// SQLite's file layer with a fuse: at the n-th write, truncation or sync the process is killed, or
// the power fails, or the disk is full, or fails. A write that is refused is half done. When the
// power fails, each sector that was written and not synced is the new one or the old one, as a coin
// falls: what was not synced is lost in part, and pages are torn.

#include <cstdint>

namespace hotside::test {

enum class DiskFault : std::uint8_t { none, kill, power, full, io_error, sync_error };

void install_faulty_vfs();  // as the default of this process

// At the n-th call from now (`sync_error`: the first sync from there), and (unless it killed) at
// every further one until disarmed.
void arm(DiskFault fault, std::uint64_t n);
// How many calls were made since arm(); true if the fault came.
bool disarm(std::uint64_t* calls = nullptr);

}  // namespace hotside::test
