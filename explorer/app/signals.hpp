#pragma once
// Signals as things to wait for: blocked in every thread, taken by the main one.

#include <chrono>
#include <csignal>
#include <optional>

namespace hotside::app {

// Blocks SIGINT, SIGTERM and SIGHUP. To be made before the first thread, which inherits the mask.
class Signals {
 public:
  Signals();
  // The next signal, or nothing when the time is over.
  std::optional<int> wait(std::chrono::milliseconds at_most) const;
  static bool ends(int signal) { return signal == SIGINT || signal == SIGTERM; }

 private:
  sigset_t set_{};
};

}  // namespace hotside::app
