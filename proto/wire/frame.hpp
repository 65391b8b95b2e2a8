#pragma once
// One text frame of the node's WebSocket protocol (stegos-protocol.md 1.2):
//   text = base64( iv[16] || AES-128-CTR(key = token, counter = iv, json) )
// There is no authentication tag: a wrong key shows as garbage.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "proto/base/result.hpp"

namespace hotside::wire {

// 16 bytes, never logged. Text form is what a node writes into api.token.
class Token {
 public:
  static Result<Token> parse(std::string_view base64);  // white space around it is trimmed
  static Token random();
  explicit Token(std::array<std::uint8_t, 16> key) : key_(key) {}
  std::string base64() const;
  std::array<std::uint8_t, 16> const& key() const { return key_; }

 private:
  std::array<std::uint8_t, 16> key_;
};

// Plain JSON in the buffer the frame came in: first byte '{', last byte '}', and behind the text at
// least kPadding readable bytes, as the JSON reader wants.
struct PlainFrame {
  static constexpr std::size_t kPadding = 64;
  std::string buffer;
  std::size_t begin = 0, size = 0;
  std::string_view json() const { return std::string_view(buffer).substr(begin, size); }
};

// Keeps the key schedule; one per thread that uses it.
class FrameCipher {
 public:
  explicit FrameCipher(Token const& token);
  ~FrameCipher();
  FrameCipher(FrameCipher&&) noexcept;
  FrameCipher& operator=(FrameCipher&&) noexcept;

  // Decodes and decrypts in place: no second copy of a large message. 64-bit counter rule.
  // Fault::peer with reason base64, short, braces.
  Result<PlainFrame> open(std::string text) const;
  // A fresh random IV, with the top bit of byte 8 clear so that both counter rules agree. `json`
  // must be one object; its braces are an invariant, since we wrote it.
  std::string seal(std::string_view json) const;
  std::string seal_with_iv(std::string_view json, std::span<std::uint8_t const, 16> iv) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hotside::wire
