#include "proto/wire/json_fields.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>

#include "proto/base/units.hpp"
#include "proto/model/address.hpp"
#include "proto/wire/json_cursor.hpp"

namespace hotside::wire {
namespace {

constexpr std::size_t kTextMax = std::size_t{1} << 20;
constexpr std::size_t kBitsMax = 4096;  // validators are 1000 at most

std::optional<std::uint32_t> read_digits(std::string_view& text, std::size_t count) {
  std::uint32_t value = 0;
  if (text.size() < count) return std::nullopt;
  for (char const c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// "2019-12-01" and a letter T; days since 1970.
std::optional<std::uint64_t> read_days(std::string_view& text) {
  auto const year = read_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  auto const month = read_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  auto const day = read_digits(text, 2);
  if (!day || !take(text, 'T')) return std::nullopt;
  std::chrono::year_month_day const date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day));
  constexpr std::uint32_t kFirst = 1970;
  constexpr std::uint32_t kLast = 2500;  // the nanoseconds still fit 64 bits
  if (!date.ok() || *year < kFirst || *year > kLast) return std::nullopt;
  return static_cast<std::uint64_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

std::optional<std::uint64_t> read_seconds(std::string_view& text) {
  auto const hour = read_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  auto const minute = read_digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
  auto const second = read_digits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  return (std::uint64_t{*hour} * 60 + *minute) * 60 + *second;
}

std::optional<JsonTime> read_time(std::string_view text) {
  auto const days = read_days(text);
  if (!days) return std::nullopt;
  auto const seconds = read_seconds(text);
  if (!seconds) return std::nullopt;
  JsonTime time;
  std::uint64_t fraction = 0;
  if (take(text, '.')) {
    while (!text.empty() && text.front() >= '0' && text.front() <= '9' && time.digits < 9) {
      fraction = fraction * 10 + static_cast<std::uint64_t>(text.front() - '0');
      text.remove_prefix(1);
      ++time.digits;
    }
    if (time.digits == 0) return std::nullopt;
    for (unsigned i = time.digits; i < 9; ++i) fraction *= 10;
  }
  if (text != "Z") return std::nullopt;
  time.ns = (*days * 86'400 + *seconds) * 1'000'000'000 + fraction;
  return time;
}

// One number of at most three digits and the comma behind it, without a branch on how many digits
// there are: a payload's bytes are noise, and every guess would be wrong. Returns its length with
// the comma, or 0 when this is something else.
std::size_t read_byte_and_comma(char const* text, std::uint8_t& byte) {
  std::uint32_t digits = 0;
  for (unsigned i = 0; i < 4; ++i)
    digits |= std::uint32_t{static_cast<std::uint8_t>(text[i])} << (8 * i);
  digits ^= 0x30303030;
  std::uint32_t const others = ((digits + 0x76767676) | digits) & 0x80808080;
  auto const count = static_cast<std::size_t>(std::countr_zero(others)) / 8;
  if (count - 1 > 2 || text[count] != ',') return 0;
  digits <<= 8 * (4 - count);
  std::uint32_t const value =
      (digits >> 24) + ((digits >> 16) & 0xff) * 10 + ((digits >> 8) & 0xff) * 100;
  byte = static_cast<std::uint8_t>(value);
  return value > 255 ? 0 : count + 1;
}

// [1,22,255], written by v1.2.2 for a payload.
bool read_number_array(std::string_view array, Bytes& into) {
  into.clear();
  char const* at = array.data() + 1;
  char const* const end = array.data() + array.size() - 1;
  auto const space = [&] {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  };
  space();
  if (at == end) return true;
  for (;; ++at) {
    std::uint8_t byte = 0;
    while (end - at >= 4) {
      auto const length = read_byte_and_comma(at, byte);
      if (length == 0) break;
      into.push_back(byte);
      at += length;
    }
    space();
    std::uint32_t value = 0;
    char const* const begin = at;
    while (at != end && *at >= '0' && *at <= '9' && at - begin < 3)
      value = value * 10 + static_cast<std::uint32_t>(*at++ - '0');
    if (at == begin || value > 255) return false;
    into.push_back(static_cast<std::uint8_t>(value));
    space();
    if (at == end) return true;
    if (*at != ',') return false;
  }
}

std::optional<std::uint32_t> read_code_unit(std::string_view& text) {
  std::array<std::uint8_t, 2> unit;
  if (text.size() < 4 || !from_hex(text.substr(0, 4), unit)) return std::nullopt;
  text.remove_prefix(4);
  return (std::uint32_t{unit[0]} << 8) | unit[1];
}

void append_utf8(std::string& out, std::uint32_t code) {
  auto const put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

// `text` is behind "\u". A half of a pair alone becomes U+FFFD.
bool append_unicode(std::string_view& text, std::string& out) {
  constexpr std::uint32_t kReplacement = 0xfffd;
  auto const first = read_code_unit(text);
  if (!first) return false;
  std::uint32_t code = *first;
  if (code >= 0xd800 && code < 0xdc00 && text.starts_with("\\u")) {
    auto rest = text.substr(2);
    auto const second = read_code_unit(rest);
    if (!second) return false;
    if (*second >= 0xdc00 && *second < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (*second - 0xdc00);
      text = rest;
    }
  }
  append_utf8(out, code >= 0xd800 && code < 0xe000 ? kReplacement : code);
  return true;
}

}  // namespace

std::optional<std::string> unescape(std::string_view inside) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
  std::string out;
  while (!inside.empty()) {
    auto const escape = std::min(inside.find('\\'), inside.size());
    out.append(inside.substr(0, escape));
    inside.remove_prefix(escape);
    if (inside.empty()) break;
    if (inside.size() < 2) return std::nullopt;
    char const letter = inside[1];
    inside.remove_prefix(2);
    if (letter == 'u') {
      if (!append_unicode(inside, out)) return std::nullopt;
      continue;
    }
    auto const which = kLetters.find(letter);
    if (which == std::string_view::npos) return std::nullopt;
    out.push_back(kMeant[which]);
  }
  return out;
}

Result<JsonFields> JsonFields::read(std::string_view object) {
  JsonFields fields;
  JsonMembers members(object);
  while (members.next()) {
    if (fields.find(members.key()) != nullptr)
      return fail(Fault::peer, "JSON: a key stands twice in one object", "json");
    if (fields.count_ == kMembersMax)
      return fail(Fault::peer, "JSON: more keys than any message has", "json");
    fields.members_[fields.count_++] = {members.key(), members.value()};
  }
  if (members.is_broken()) return fail(Fault::peer, "JSON: broken", "json");
  return fields;
}

JsonFields::Member const* JsonFields::find(std::string_view key) const {
  for (std::size_t i = 0; i < count_; ++i)
    if (members_[i].key == key) return &members_[i];
  return nullptr;
}

bool JsonFields::has(std::string_view key) const {
  auto const* member = find(key);
  return member != nullptr && member->value != "null";
}

std::string_view JsonFields::raw(std::string_view key) {
  auto const* member = find(key);
  if (member != nullptr) return member->value;
  refuse(key, "is missing");
  return {};
}

JsonFields JsonFields::object(std::string_view key) {
  auto inner = read(raw(key));
  if (inner) return std::move(*inner);
  refuse(key, "is no object");
  return {};
}

std::uint64_t JsonFields::u64(std::string_view key) {
  auto const value = parse_u64(raw(key));
  if (!value) refuse(key, "is no unsigned 64-bit integer");
  return value.value_or(0);
}

std::uint32_t JsonFields::u32(std::string_view key) {
  auto const value = u64(key);
  if (value > UINT32_MAX) refuse(key, "is no unsigned 32-bit integer");
  return static_cast<std::uint32_t>(value);
}

std::int64_t JsonFields::i64(std::string_view key) {
  auto const value = parse_i64(raw(key));
  if (!value) refuse(key, "is no signed 64-bit integer");
  return value.value_or(0);
}

bool JsonFields::boolean(std::string_view key) {
  auto const value = raw(key);
  if (value != "true" && value != "false") refuse(key, "is neither true nor false");
  return value == "true";
}

std::string_view JsonFields::quoted(std::string_view key) {
  auto const value = raw(key);
  if (value.size() >= 2 && value.front() == '"') return value.substr(1, value.size() - 2);
  refuse(key, "is no text");
  return {};
}

std::string_view JsonFields::plain(std::string_view key) {
  // An escape needs no look here: neither hex, bech32 nor a known word has a backslash.
  return quoted(key);
}

std::string JsonFields::text(std::string_view key) {
  auto const inside = quoted(key);
  if (inside.size() > kTextMax) {
    refuse(key, "is too long");
    return {};
  }
  auto value = unescape(inside);
  if (!value) refuse(key, "has a malformed escape");
  return std::move(value).value_or(std::string());
}

std::string JsonFields::bits(std::string_view key) {
  auto const value = plain(key);
  if (value.size() > kBitsMax || value.find_first_not_of("01") != std::string_view::npos) {
    refuse(key, "is no bit map");
    return {};
  }
  return std::string(value);
}

JsonTime JsonFields::time(std::string_view key) {
  auto const value = read_time(plain(key));
  if (!value) refuse(key, "is no time");
  return value.value_or(JsonTime{});
}

PublicKey JsonFields::recipient(std::string_view key, std::string_view hrp) {
  auto const text = plain(key);
  if (!is_good()) return {};
  auto value = model::read_recipient(hrp, text);
  if (value) return *value;
  refuse(key, value.error().what, "recipient");
  return {};
}

void JsonFields::bytes(std::string_view key, Bytes& into) {
  auto const hex = plain(key);
  into.resize(hex.size() / 2);
  if (hex.size() % 2 != 0 || !from_hex(hex, into)) refuse(key, "is no hex");
}

void JsonFields::byte_array(std::string_view key, Bytes& into) {
  auto const value = raw(key);
  if (value.empty() || value.front() != '[') return bytes(key, into);
  if (!read_number_array(value, into)) refuse(key, "is no list of bytes");
}

void JsonFields::reverse(std::span<std::uint8_t> bytes) {
  std::reverse(bytes.begin(), bytes.end());
}

void JsonFields::refuse(std::string_view key, std::string_view why, std::string reason) {
  constexpr std::size_t kShown = 200;
  if (!problem_)
    problem_ =
        Error{Fault::peer, "field " + std::string(key) + " " + std::string(why.substr(0, kShown)),
              std::move(reason)};
}

void JsonFields::adopt(JsonFields const& inner) {
  if (!problem_) problem_ = inner.problem_;
}

Result<void> JsonFields::done(std::string_view what) const {
  if (!problem_) return {};
  return fail(Fault::peer, std::string(what) + ": " + problem_->what, problem_->reason);
}

}  // namespace hotside::wire
