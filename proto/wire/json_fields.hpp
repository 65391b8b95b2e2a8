#pragma once
// One JSON object, its members read by name, with the forms of stegos-protocol.md section 5. A
// missing or ill-formed member is remembered, a neutral value stands in, and `done` tells of the
// first one: the reading code is a list of fields, and forgetting none of the checks.

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"

namespace hotside::wire {

struct JsonTime {
  std::uint64_t ns = 0;
  unsigned digits = 0;  // of the fraction: 3 from v1.2.2, 9 from the others

  bool is_exact() const { return digits > 3; }
};

class JsonFields {
 public:
  // Fault::peer with reason json: not an object, broken, a key twice, more keys than any message.
  static Result<JsonFields> read(std::string_view object);

  bool has(std::string_view key) const;  // there, and not null
  // Text of the value as it stands. Empty when it is missing.
  std::string_view raw(std::string_view key);
  JsonFields object(std::string_view key);

  std::uint64_t u64(std::string_view key);
  std::uint32_t u32(std::string_view key);
  std::int64_t i64(std::string_view key);
  bool boolean(std::string_view key);
  std::string_view plain(std::string_view key);  // a string without escapes
  std::string text(std::string_view key);        // any string
  std::string bits(std::string_view key);        // of 0 and 1
  JsonTime time(std::string_view key);
  PublicKey recipient(std::string_view key, std::string_view hrp);
  void bytes(std::string_view key, Bytes& into);       // hex
  void byte_array(std::string_view key, Bytes& into);  // hex, or numbers 0 to 255

  template <class Fixed>
  Fixed fixed(std::string_view key) {
    Fixed value;
    if (!hotside::from_hex(plain(key), value.bytes)) refuse(key, "is not hex of the right length");
    return value;
  }
  // Points, scalars and everything of BLS stand with their bytes reversed.
  template <class Fixed>
  Fixed reversed(std::string_view key) {
    Fixed value = fixed<Fixed>(key);
    reverse(value.bytes);
    return value;
  }

  void refuse(std::string_view key, std::string_view why, std::string reason = "field");
  // Takes over what was wrong in an object inside this one.
  void adopt(JsonFields const& inner);
  void forgive() { problem_.reset(); }  // to read on in what was refused as a whole
  bool is_good() const { return !problem_; }
  Result<void> done(std::string_view what) const;

 private:
  struct Member {
    std::string_view key, value;
  };
  static constexpr std::size_t kMembersMax = 48;

  Member const* find(std::string_view key) const;
  std::string_view quoted(std::string_view key);
  static void reverse(std::span<std::uint8_t> bytes);

  std::array<Member, kMembersMax> members_;
  std::size_t count_ = 0;
  std::optional<Error> problem_;
};

// The text of a JSON string's inside, escapes resolved; nothing when it is malformed.
std::optional<std::string> unescape(std::string_view inside);

}  // namespace hotside::wire
