#include "proto/base/units.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace hotside {
namespace {

class SystemClock final : public Clock {
 public:
  Time now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  Instant instant() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now());
  }
};

template <class T>
std::optional<T> parse_integer(std::string_view digits) {
  T value{};
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string to_decimal(Sum sum) {
  bool const negative = sum < 0;
  __extension__ using Wide = unsigned __int128;
  Wide rest = negative ? -static_cast<Wide>(sum) : static_cast<Wide>(sum);
  std::string text;
  do {
    text.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (negative) text.push_back('-');
  std::reverse(text.begin(), text.end());
  return text;
}

std::string to_stg(Sum sum) {
  constexpr std::size_t kFraction = 6;
  std::string const decimal = to_decimal(sum);
  bool const negative = decimal.front() == '-';
  std::string digits(decimal, negative ? 1 : 0);
  std::string const zeros(digits.size() <= kFraction ? kFraction + 1 - digits.size() : 0, '0');
  digits = zeros + digits;
  std::string text(negative ? "-" : "");
  text.append(digits, 0, digits.size() - kFraction);
  text.push_back('.');
  text.append(digits, digits.size() - kFraction, kFraction);
  return text;
}

std::optional<std::uint64_t> parse_u64(std::string_view digits) {
  return parse_integer<std::uint64_t>(digits);
}
std::optional<std::int64_t> parse_i64(std::string_view digits) {
  return parse_integer<std::int64_t>(digits);
}

std::string to_rfc3339(Time time) {
  auto const day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day const date(day);
  std::chrono::hh_mm_ss const clock(time - day);
  char text[48];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

Clock const& system_clock() {
  static SystemClock const clock;
  return clock;
}

}  // namespace hotside
