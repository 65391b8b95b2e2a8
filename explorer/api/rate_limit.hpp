#pragma once
// Requests per second of one caller: a bucket that holds one second's worth of them.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace hotside::api {

class RateLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit RateLimit(std::uint64_t per_second) : per_second_(static_cast<double>(per_second)) {}

  // nullopt: go on. Otherwise how long the caller should wait. Callers are those of the tokens
  // file, so their number is bounded.
  std::optional<std::chrono::seconds> take(std::string const& caller, Time now);

 private:
  struct Bucket {
    double left;
    Time at;
  };
  double per_second_;  // 0: no limit
  std::map<std::string, Bucket> buckets_;
};

}  // namespace hotside::api
