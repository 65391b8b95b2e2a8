#pragma once
// Growing, jittered delays between attempts: 0.25 s doubling to 30 s, each shortened at random by
// up to half, so that many clients of a node that restarts do not come back together.

#include <algorithm>
#include <chrono>
#include <random>

namespace hotside::node {

class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds ceiling)
      : first_(first), ceiling_(ceiling), next_(first), random_(std::random_device{}()) {}

  std::chrono::milliseconds next() {
    auto const full = next_;
    next_ = std::min(ceiling_, next_ * 2);
    std::uniform_int_distribution<std::chrono::milliseconds::rep> among(full.count() / 2,
                                                                        full.count());
    return std::chrono::milliseconds(among(random_));
  }
  void reset() { next_ = first_; }

 private:
  std::chrono::milliseconds first_, ceiling_, next_;
  std::minstd_rand random_;
};

}  // namespace hotside::node
