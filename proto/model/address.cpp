#include "proto/model/address.hpp"

#include <sodium.h>

#include <array>
#include <cstdint>
#include <optional>

#include "proto/model/network.hpp"

namespace hotside::model {
namespace {

constexpr std::string_view kCharset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t kGroups = 52;  // 32 bytes in groups of five bits, four bits of padding
constexpr std::size_t kChecksum = 6;
constexpr std::size_t kTextMax = 90;
constexpr std::uint8_t kNone = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kNone;
  for (std::size_t i = 0; i < kCharset.size(); ++i)
    values[static_cast<std::uint8_t>(kCharset[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto kValues = make_values();

class Checksum {
 public:
  explicit Checksum(std::string_view hrp) {
    for (char const c : hrp) add(static_cast<std::uint8_t>(c) >> 5);
    add(0);
    for (char const c : hrp) add(static_cast<std::uint8_t>(c) & 31);
  }
  void add(std::uint32_t value) {
    constexpr std::array<std::uint32_t, 5> kGenerator{0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                                      0x3d4233dd, 0x2a1462b3};
    std::uint32_t const top = state_ >> 25;
    state_ = ((state_ & 0x1ffffff) << 5) ^ value;
    for (std::size_t i = 0; i < kGenerator.size(); ++i)
      if ((top >> i) & 1) state_ ^= kGenerator[i];
  }
  std::uint32_t state() const { return state_; }

 private:
  std::uint32_t state_ = 1;
};

// Why a text is no address, in words for whoever typed it.
using Refusal = std::optional<std::string>;

Refusal refuse_case(std::string_view text) {
  bool lower = false;
  bool upper = false;
  for (char const c : text) {
    if (c < 33 || c > 126) return "contains a space, a control character or a foreign letter";
    lower |= c >= 'a' && c <= 'z';
    upper |= c >= 'A' && c <= 'Z';
  }
  if (lower && upper) return "mixes upper and lower case";
  return std::nullopt;
}

Refusal refuse_prefix(std::string_view expected, std::string_view found) {
  if (found == expected) return std::nullopt;
  auto const here = network_by_hrp(expected);
  auto const wanted = here ? here->name : std::string(expected);
  if (auto const other = network_by_hrp(found))
    return "is of " + other->name + ", not of " + wanted;
  return "does not start with the prefix " + std::string(expected) + "1 of " + wanted;
}

// `text` is lower case. Fills `groups` with everything behind the separator.
Refusal read_groups(std::string_view hrp, std::string_view text, std::size_t& count,
                    std::array<std::uint8_t, kTextMax>& groups) {
  if (text.empty()) return "is empty";
  if (text.size() > kTextMax) return "is too long";
  auto const separator = text.rfind('1');
  if (separator == std::string_view::npos || separator == 0) return "has no separator 1";
  if (auto refusal = refuse_prefix(hrp, text.substr(0, separator))) return refusal;
  Checksum checksum(hrp);
  for (char const c : text.substr(separator + 1)) {
    std::uint8_t const value = kValues[static_cast<std::uint8_t>(c)];
    if (value == kNone) return "contains a character that addresses never have";
    groups[count++] = value;
    checksum.add(value);
  }
  if (count < kChecksum || checksum.state() != 1) return "has a wrong checksum: look for a typo";
  return std::nullopt;
}

Refusal decode(std::string_view hrp, std::string_view text, PublicKey& key) {
  std::array<std::uint8_t, kTextMax> groups;
  std::size_t count = 0;
  if (auto refusal = read_groups(hrp, text, count, groups)) return refusal;
  if (count != kGroups + kChecksum) return "does not hold 32 bytes";
  std::uint32_t bits = 0;
  unsigned held = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < kGroups; ++i) {
    bits = (bits << 5) | groups[i];
    held += 5;
    if (held >= 8) {
      held -= 8;
      key.bytes[at++] = static_cast<std::uint8_t>(bits >> held);
    }
  }
  if ((bits & 15) != 0) return "has padding bits that are not zero";
  return std::nullopt;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 100;
  if (text.empty()) return "address ";
  return "address " + std::string(text.substr(0, kShownMax)) +
         (text.size() > kShownMax ? "… " : " ");
}

// libsodium 1.0.18 overlooks the top bit, which no canonical encoding sets.
bool is_point(PublicKey const& key) {
  return (key.bytes[31] & 0x80) == 0 &&
         crypto_core_ristretto255_is_valid_point(key.bytes.data()) == 1;
}

}  // namespace

std::string to_address(std::string_view hrp, PublicKey const& key) {
  std::string text(hrp);
  text.push_back('1');
  Checksum checksum(hrp);
  auto const put = [&](std::uint32_t value) {
    text.push_back(kCharset[value & 31]);
    checksum.add(value & 31);
  };
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (std::uint8_t const byte : key.bytes) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 5; held -= 5) put(bits >> (held - 5));
  }
  put(bits << (5 - held));
  for (std::size_t i = 0; i < kChecksum; ++i) checksum.add(0);
  std::uint32_t const sum = checksum.state() ^ 1;
  for (std::size_t i = 0; i < kChecksum; ++i)
    text.push_back(kCharset[(sum >> (5 * (kChecksum - 1 - i))) & 31]);
  return text;
}

Result<PublicKey> read_recipient(std::string_view hrp, std::string_view text) {
  PublicKey key;
  if (auto const refusal = decode(hrp, text, key))
    return fail(Fault::peer, shown(text) + *refusal, "recipient");
  return key;
}

Result<PublicKey> parse_address(std::string_view hrp, std::string_view text) {
  if (text.size() > kTextMax) return fail(Fault::rejected, shown(text) + "is too long", "address");
  if (auto const refusal = refuse_case(text))
    return fail(Fault::rejected, shown(text) + *refusal, "address");
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  PublicKey key;
  if (auto const refusal = decode(hrp, lower, key))
    return fail(Fault::rejected, shown(text) + *refusal, "address");
  if (key.is_zero())
    return fail(Fault::rejected, shown(text) + "is the identity element: nobody owns it",
                "address");
  if (!is_point(key))
    return fail(Fault::rejected, shown(text) + "is no point of the curve: nobody can own it",
                "address");
  return key;
}

}  // namespace hotside::model
