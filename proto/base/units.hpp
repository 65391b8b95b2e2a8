#pragma once
// Numbers that mean one thing each. Chain integers use all their bits and never meet a double.

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotside {

template <class Tag, class Rep>
struct Tagged {
  Rep value{};
  constexpr Tagged() = default;
  constexpr explicit Tagged(Rep v) : value(v) {}
  constexpr auto operator<=>(Tagged const&) const = default;
  constexpr Tagged next() const { return Tagged(static_cast<Rep>(value + 1)); }
  constexpr Tagged previous() const { return Tagged(static_cast<Rep>(value - 1)); }
};

using Epoch = Tagged<struct EpochTag, std::uint64_t>;
using Offset = Tagged<struct OffsetTag, std::uint32_t>;  // micro block within its epoch, 0 to 59
using Amount = Tagged<struct AmountTag, std::int64_t>;   // µSTG
using EventSeq =
    Tagged<struct EventSeqTag, std::uint64_t>;  // place in the feed, from 1; 0 is "none"

__extension__ using Sum = __int128;  // µSTG; sums of amounts are exact at any size

inline constexpr std::int64_t kMicroPerStg = 1'000'000;
inline constexpr std::uint32_t kMicroBlocksPerEpoch = 60;

std::string to_decimal(Sum sum);                                  // "-12345"
std::string to_stg(Sum sum);                                      // "400.000000"
std::optional<std::uint64_t> parse_u64(std::string_view digits);  // digits only, no sign
std::optional<std::int64_t> parse_i64(std::string_view digits);   // optional minus

// Wall-clock time to the millisecond, UTC: what records and answers carry.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
// Monotonic time to the millisecond: what deadlines and grace times are measured in.
using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;

std::string to_rfc3339(Time time);  // "2019-12-01T17:24:53.459Z"
inline std::int64_t to_unix_ms(Time time) { return time.time_since_epoch().count(); }
inline Time from_unix_ms(std::int64_t ms) { return Time(std::chrono::milliseconds(ms)); }

// Where time comes from. Everything below the app takes it, so that tests can turn the hands.
struct Clock {
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  virtual Instant instant() const = 0;
};
Clock const& system_clock();

}  // namespace hotside
