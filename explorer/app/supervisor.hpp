#pragma once
// Tells whoever started us (systemd, by NOTIFY_SOCKET) that we are ready and alive.

#include <string_view>

namespace hotside::app {

void tell_supervisor(std::string_view state);  // "READY=1", "WATCHDOG=1"; nothing without one

}  // namespace hotside::app
