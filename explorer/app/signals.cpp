#include "explorer/app/signals.hpp"

#include <pthread.h>

namespace hotside::app {

Signals::Signals() {
  sigemptyset(&set_);
  for (int const signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

std::optional<int> Signals::wait(std::chrono::milliseconds at_most) const {
  auto const seconds = std::chrono::floor<std::chrono::seconds>(at_most);
  timespec limit{};
  limit.tv_sec = seconds.count();
  limit.tv_nsec = std::chrono::nanoseconds(at_most - seconds).count();
  auto const signal = sigtimedwait(&set_, nullptr, &limit);
  return signal > 0 ? std::optional(signal) : std::nullopt;
}

}  // namespace hotside::app
