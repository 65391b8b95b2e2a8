#pragma once
// A clock whose hands the test turns.

#include <atomic>

#include "proto/base/units.hpp"

namespace hotside::test {

class TestClock final : public Clock {
 public:
  Time now() const override { return from_unix_ms(ms_.load()); }
  Instant instant() const override { return Instant(std::chrono::milliseconds(ms_.load())); }
  void advance(std::int64_t ms) { ms_ += ms; }
  void set(std::int64_t ms) { ms_ = 1'700'000'000'000 + ms; }

 private:
  std::atomic<std::int64_t> ms_{1'700'000'000'000};
};

}  // namespace hotside::test
