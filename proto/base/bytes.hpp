#pragma once
// Byte strings, fixed-size byte values with a meaning, and hexadecimal text.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hotside {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<std::uint8_t const>;

std::string to_hex(ByteView bytes);                                // lower case
bool from_hex(std::string_view hex, std::span<std::uint8_t> out);  // exact length, either case
std::optional<Bytes> from_hex(std::string_view hex);               // even length, either case

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<std::uint8_t const*>(text.data()), text.size()};
}

// N bytes that mean one thing. Two tags never mix; order is that of the bytes.
template <class Tag, std::size_t N>
struct FixedBytes {
  static constexpr std::size_t kSize = N;
  std::array<std::uint8_t, N> bytes{};

  auto operator<=>(FixedBytes const&) const = default;
  ByteView view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  bool is_zero() const { return *this == FixedBytes{}; }

  static std::optional<FixedBytes> from_hex(std::string_view text) {
    FixedBytes value;
    if (!hotside::from_hex(text, value.bytes)) return std::nullopt;
    return value;
  }
  static std::optional<FixedBytes> from_bytes(ByteView view) {
    if (view.size() != N) return std::nullopt;
    FixedBytes value;
    std::memcpy(value.bytes.data(), view.data(), N);
    return value;
  }
};

using Hash = FixedBytes<struct HashTag, 32>;  // block, UTXO, transaction: as hashed
using PublicKey =
    FixedBytes<struct PublicKeyTag, 32>;  // account key: compressed Ristretto, natural order

// For hash tables over values that an outsider may choose: mixes all 32 bytes with a seed drawn
// once for the process, so that nobody can aim at one bucket.
std::size_t seeded_hash(ByteView bytes) noexcept;

}  // namespace hotside

template <class Tag, std::size_t N>
struct std::hash<hotside::FixedBytes<Tag, N>> {
  using is_avalanching = void;
  std::size_t operator()(hotside::FixedBytes<Tag, N> const& value) const noexcept {
    return hotside::seeded_hash(value.view());
  }
};
