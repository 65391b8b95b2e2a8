#include "proto/wire/json_cursor.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace hotside::wire {
namespace {

constexpr std::size_t kBroken = std::string_view::npos;

enum Kind : std::uint8_t { other = 0, quote, open_object, open_array, close_object, close_array };

constexpr std::array<std::uint8_t, 256> make_kinds() {
  std::array<std::uint8_t, 256> kinds{};
  kinds['"'] = quote;
  kinds['{'] = open_object;
  kinds['['] = open_array;
  kinds['}'] = close_object;
  kinds[']'] = close_array;
  return kinds;
}
constexpr auto kKinds = make_kinds();

std::uint8_t kind(char c) { return kKinds[static_cast<std::uint8_t>(c)]; }

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// `at` is behind the opening quote; returns the place behind the closing one.
std::size_t skip_string(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    auto const* found =
        static_cast<char const*>(std::memchr(text.data() + at, '"', text.size() - at));
    if (found == nullptr) return kBroken;
    auto const quote_at = static_cast<std::size_t>(found - text.data());
    std::size_t escapes = 0;
    while (quote_at - escapes > at && text[quote_at - escapes - 1] == '\\') ++escapes;
    at = quote_at + 1;
    if (escapes % 2 == 0) return at;
  }
  return kBroken;
}

// Sixteen characters at a time (a vector type of the compiler, whatever the processor).
using Sixteen = std::uint8_t __attribute__((vector_size(16)));

bool has_mark(char const* text) {
  Sixteen chars;
  std::memcpy(&chars, text, sizeof chars);
  // With this bit set, '[' is '{' and ']' is '}'.
  Sixteen const folded = chars | 0x20;
  auto const marks = (chars == '"') | (folded == '{') | (folded == '}');
  std::array<std::uint64_t, 2> lanes;
  std::memcpy(lanes.data(), &marks, sizeof lanes);
  return (lanes[0] | lanes[1]) != 0;
}

// To the next character that matters outside of strings.
std::size_t skip_plain(std::string_view text, std::size_t at) {
  while (at + sizeof(Sixteen) <= text.size() && !has_mark(text.data() + at)) at += sizeof(Sixteen);
  while (at < text.size() && kind(text[at]) == other) ++at;
  return at;
}

// `at` is at the opening bracket; returns the place behind the matching one.
std::size_t skip_nested(std::string_view text, std::size_t at) {
  std::uint64_t arrays = 0;  // bit 0: whether the innermost bracket is that of an array
  unsigned depth = 0;
  while ((at = skip_plain(text, at)) < text.size()) {
    std::uint8_t const found = kind(text[at]);
    ++at;
    if (found == quote) {
      at = skip_string(text, at);
      if (at == kBroken) return kBroken;
    } else if (found == open_object || found == open_array) {
      if (++depth > kJsonDepthMax) return kBroken;
      arrays = (arrays << 1) | (found == open_array ? 1U : 0U);
    } else {
      if (((arrays & 1) != 0) != (found == close_array)) return kBroken;
      arrays >>= 1;
      if (--depth == 0) return at;
    }
  }
  return kBroken;
}

std::size_t skip_scalar(std::string_view text, std::size_t at) {
  std::size_t const begin = at;
  while (at < text.size() && text[at] != ',' && text[at] != ':' && kind(text[at]) == other &&
         !is_space(text[at]))
    ++at;
  return at == begin ? kBroken : at;
}

}  // namespace

JsonCursor::JsonCursor(std::string_view text, char open, char close) : text_(text), close_(close) {
  if (!take(open)) stop(true);
}

void JsonCursor::skip_space() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

bool JsonCursor::stop(bool broken) {
  ended_ = true;
  broken_ = broken;
  return false;
}

bool JsonCursor::take(char expected) {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != expected) return false;
  ++at_;
  return true;
}

bool JsonCursor::advance() {
  if (ended_) return false;
  if (take(close_)) {
    skip_space();
    return stop(at_ != text_.size());
  }
  if (!first_ && !take(',')) return stop(true);
  first_ = false;
  skip_space();
  return true;
}

std::string_view JsonCursor::take_value() {
  std::size_t const begin = at_;
  std::size_t end = kBroken;
  if (begin < text_.size()) {
    char const c = text_[begin];
    end = c == '"'               ? skip_string(text_, begin + 1)
          : c == '{' || c == '[' ? skip_nested(text_, begin)
                                 : skip_scalar(text_, begin);
  }
  if (end == kBroken) {
    stop(true);
    return {};
  }
  at_ = end;
  return text_.substr(begin, end - begin);
}

bool JsonMembers::next() {
  if (!advance()) return false;
  auto const quoted = take_value();
  if (quoted.size() < 2 || quoted.front() != '"') return stop(true);
  key_ = quoted.substr(1, quoted.size() - 2);
  if (!take(':')) return stop(true);
  skip_space();
  value_ = take_value();
  return !value_.empty();
}

bool JsonElements::next() {
  if (!advance()) return false;
  value_ = take_value();
  return !value_.empty();
}

}  // namespace hotside::wire
