#pragma once
// SHA3-256 over values as the chain feeds them: integers little-endian at fixed width, texts and
// byte strings raw (stegos-protocol.md section 10).

#include <cstdint>
#include <string_view>

#include "proto/base/bytes.hpp"

namespace hotside {

class Sha3 {
 public:
  Sha3();
  ~Sha3();
  Sha3(Sha3 const& other);  // a copy goes on from the same point
  Sha3& operator=(Sha3 const&) = delete;

  void bytes(ByteView bytes);
  void text(std::string_view text) { bytes(as_bytes(text)); }
  void u8(std::uint8_t value) { bytes({&value, 1}); }
  void u32(std::uint32_t value) { integer(value); }
  void u64(std::uint64_t value) { integer(value); }
  void i64(std::int64_t value) { integer(static_cast<std::uint64_t>(value)); }
  Hash finish();  // starts anew afterwards

 private:
  template <class T>
  void integer(T value) {
    std::array<std::uint8_t, sizeof(T)> little{};
    for (std::size_t i = 0; i < little.size(); ++i)
      little[i] = static_cast<std::uint8_t>(value >> (8 * i));
    bytes(little);
  }

  // The library's hasher lives in here, so that its headers stay in one file and no allocation is
  // made for a hash.
  static constexpr std::size_t kStateBytes = 384;
  alignas(32) std::array<std::byte, kStateBytes> state_;
};

Hash sha3_256(ByteView bytes);

}  // namespace hotside
