#pragma once
// The log of the process: one event a line on the standard error, as text or as JSON.

#include "explorer/app/settings.hpp"

namespace hotside::app {

// Sets the default logger, which every part writes to, and flushes it before an invariant aborts.
// Before the first thread.
void start_log(LogLevel level, LogFormat format);
void set_log_level(LogLevel level);  // from any thread

}  // namespace hotside::app
