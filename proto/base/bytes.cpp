#include "proto/base/bytes.hpp"

#include <random>

namespace hotside {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = 0xff;
  for (std::uint8_t i = 0; i < 10; ++i) values[static_cast<std::size_t>('0') + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    values[static_cast<std::size_t>('a') + i] = static_cast<std::uint8_t>(10 + i);
    values[static_cast<std::size_t>('A') + i] = static_cast<std::uint8_t>(10 + i);
  }
  return values;
}
constexpr auto kValues = make_values();

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  Wide const product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

struct Seed {
  std::uint64_t a, b;
  Seed() {
    std::random_device device;
    auto const draw = [&] { return (std::uint64_t{device()} << 32) | device(); };
    a = draw() | 1;
    b = draw() | 1;
  }
};

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string text(bytes.size() * 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = kDigits[bytes[i] >> 4];
    text[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return text;
}

bool from_hex(std::string_view hex, std::span<std::uint8_t> out) {
  if (hex.size() != out.size() * 2) return false;
  std::uint8_t bad = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto const high = kValues[static_cast<std::uint8_t>(hex[2 * i])];
    auto const low = kValues[static_cast<std::uint8_t>(hex[2 * i + 1])];
    bad = static_cast<std::uint8_t>(bad | ((high | low) & 0xf0));
    out[i] = static_cast<std::uint8_t>((high << 4) | (low & 15));
  }
  return bad == 0;
}

std::optional<Bytes> from_hex(std::string_view hex) {
  Bytes bytes(hex.size() / 2);
  if (hex.size() % 2 != 0 || !from_hex(hex, bytes)) return std::nullopt;
  return bytes;
}

std::size_t seeded_hash(ByteView bytes) noexcept {
  static Seed const seed;
  std::uint64_t state = seed.a ^ bytes.size();
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    state = mix(state ^ word, seed.b);
  }
  std::uint64_t tail = 0;
  if (at < bytes.size()) std::memcpy(&tail, bytes.data() + at, bytes.size() - at);
  return static_cast<std::size_t>(mix(state ^ tail, seed.b ^ 0x9e3779b97f4a7c15U));
}

}  // namespace hotside
