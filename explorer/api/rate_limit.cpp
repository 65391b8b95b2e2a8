#include "explorer/api/rate_limit.hpp"

#include <algorithm>

namespace hotside::api {

std::optional<std::chrono::seconds> RateLimit::take(std::string const& caller, Time now) {
  if (per_second_ == 0) return std::nullopt;
  auto& bucket = buckets_.try_emplace(caller, Bucket{per_second_, now}).first->second;
  std::chrono::duration<double> const passed = now - bucket.at;
  bucket = {std::min(per_second_, bucket.left + passed.count() * per_second_), now};
  if (bucket.left < 1) return std::chrono::seconds(1);  // by then there is at least one
  bucket.left -= 1;
  return std::nullopt;
}

}  // namespace hotside::api
