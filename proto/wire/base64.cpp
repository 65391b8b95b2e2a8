#include "proto/wire/base64.hpp"

#include <array>

namespace hotside::wire {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t kBad = 0x80000000;

// One table for each place in a group of four, already shifted, so that a group is three ORs.
constexpr auto make_values() {
  std::array<std::array<std::uint32_t, 256>, 4> values{};
  for (std::size_t place = 0; place < 4; ++place) {
    for (auto& value : values[place]) value = kBad;
    for (std::size_t i = 0; i < kAlphabet.size(); ++i)
      values[place][static_cast<std::uint8_t>(kAlphabet[i])] =
          static_cast<std::uint32_t>(i << (18 - 6 * place));
  }
  return values;
}
constexpr auto kValues = make_values();

std::uint32_t value(std::size_t place, char c) {
  return kValues[place][static_cast<std::uint8_t>(c)];
}

// The last group when it has two or three characters; returns false when it is no such group.
bool decode_tail(char const* in, std::size_t count, char* out) {
  std::uint32_t bits = value(0, in[0]) | value(1, in[1]);
  if (count == 3) bits |= value(2, in[2]);
  std::uint32_t const unused = count == 3 ? 0xff : 0xffff;
  if ((bits & kBad) != 0 || (bits & unused) != 0) return false;
  out[0] = static_cast<char>(bits >> 16);
  if (count == 3) out[1] = static_cast<char>(bits >> 8);
  return true;
}

}  // namespace

std::optional<std::size_t> base64_decode_in_place(std::span<char> text) {
  std::size_t size = text.size();
  if (size % 4 == 0 && size != 0 && text[size - 1] == '=') size -= text[size - 2] == '=' ? 2U : 1U;
  std::size_t const whole = size / 4;
  char const* in = text.data();
  char* out = text.data();
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < whole; ++i, in += 4, out += 3) {
    std::uint32_t const bits =
        value(0, in[0]) | value(1, in[1]) | value(2, in[2]) | value(3, in[3]);
    bad |= bits;
    out[0] = static_cast<char>(bits >> 16);
    out[1] = static_cast<char>(bits >> 8);
    out[2] = static_cast<char>(bits);
  }
  if ((bad & kBad) != 0) return std::nullopt;
  std::size_t const tail = size % 4;
  if (tail == 1 || (tail != 0 && !decode_tail(in, tail, out))) return std::nullopt;
  return whole * 3 + (tail == 0 ? 0 : tail - 1);
}

std::string base64_encode(ByteView bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  char* out = text.data();
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3, out += 4) {
    std::uint32_t const bits =
        (std::uint32_t{bytes[at]} << 16) | (std::uint32_t{bytes[at + 1]} << 8) | bytes[at + 2];
    for (std::size_t i = 0; i < 4; ++i) out[i] = kAlphabet[(bits >> (18 - 6 * i)) & 63];
  }
  std::size_t const tail = bytes.size() - at;
  if (tail == 0) return text;
  std::uint32_t bits = std::uint32_t{bytes[at]} << 16;
  if (tail == 2) bits |= std::uint32_t{bytes[at + 1]} << 8;
  for (std::size_t i = 0; i <= tail; ++i) out[i] = kAlphabet[(bits >> (18 - 6 * i)) & 63];
  return text;
}

}  // namespace hotside::wire
