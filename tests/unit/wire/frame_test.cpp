#include "proto/wire/frame.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "proto/wire/base64.hpp"

using namespace hotside;
using namespace hotside::wire;

namespace {

std::string object_of(std::size_t size) { return "{" + std::string(size - 2, 'x') + "}"; }

std::string decoded(std::string text) {
  auto const size = base64_decode_in_place(text);
  REQUIRE(size);
  return text.substr(0, *size);
}

}  // namespace

TEST_CASE("Base64 of every length comes back, with padding and without") {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    auto text = base64_encode(bytes);
    CHECK(text.size() % 4 == 0);
    std::string const expected(bytes.begin(), bytes.end());
    CHECK(decoded(text) == expected);
    while (text.ends_with('=')) text.pop_back();
    CHECK(decoded(text) == expected);
  }
}

TEST_CASE("Base64 is strict") {
  for (std::string text : {"A",    "AAAAA",    "AA=",   "AAA==", "A===",       "====",    "=",
                           "==",   "AA==AA==", "AA==A", "AA AA", "AAAA\n",     " AAAA",   "AA-_",
                           "AB==", "AAB=",     "AB",    "AAB",   "AA\xc3\xa9", "AAA=AAAA"}) {
    INFO(text);
    CHECK_FALSE(base64_decode_in_place(text));
  }
  std::string empty;
  CHECK(base64_decode_in_place(empty) == std::size_t{0});
}

TEST_CASE("the counter wraps within its low 64 bits wherever the message meets the wrap") {
  FrameCipher const cipher(Token({1, 2, 3}));
  // The stream after the wrap is that of the same high half and a low half of zero.
  std::array<std::uint8_t, 16> zero_low{9, 9, 9, 9, 9, 9, 9, 9};
  auto const from_zero = decoded(cipher.seal_with_iv(object_of(64), zero_low)).substr(16);
  for (std::size_t before = 1; before <= 4; ++before) {
    auto iv = zero_low;
    for (std::size_t i = 8; i < 15; ++i) iv[i] = 0xff;
    iv[15] = static_cast<std::uint8_t>(256 - before);
    for (std::size_t const size : {before * 16, before * 16 + 10, before * 16 + 47}) {
      auto const text = object_of(std::max<std::size_t>(size, 2));
      auto const bytes = decoded(cipher.seal_with_iv(text, iv)).substr(16);
      for (std::size_t i = before * 16; i + 1 < text.size(); ++i) {
        std::size_t const at = i - before * 16;
        if (at == 0) continue;  // a brace there, an x here
        CHECK(bytes[i] == from_zero[at]);
      }
      auto const opened = cipher.open(cipher.seal_with_iv(text, iv));
      REQUIRE(opened);
      CHECK(opened->json() == text);
    }
  }
}

TEST_CASE("frames of every size come back, each with an IV of its own that cannot wrap") {
  auto const token = Token::random();
  FrameCipher const cipher(token);
  std::string last;
  for (std::size_t size = 2; size < 300; ++size) {
    auto const text = object_of(size);
    auto const frame = cipher.seal(text);
    auto const iv = decoded(frame).substr(0, 16);
    CHECK((static_cast<std::uint8_t>(iv[8]) & 0x80) == 0);
    CHECK(iv != last);
    last = iv;
    auto const opened = cipher.open(frame);
    REQUIRE(opened);
    CHECK(opened->json() == text);
  }
}

TEST_CASE("a sealed frame always decodes to more than 16 bytes") {
  // Fewer would abort a node (stegos-protocol.md 1.6), and nothing shorter can be sealed.
  FrameCipher const cipher(Token::random());
  CHECK(decoded(cipher.seal("{}")).size() == 18);
}

TEST_CASE("tokens print as they were read") {
  auto const token = Token::random();
  auto const again = Token::parse("  " + token.base64() + "\r\n");
  REQUIRE(again);
  CHECK(again->key() == token.key());
  for (auto const* text : {"", "  ", "AAAA", "not base64", "AAECAwQFBgcICQoLDA0ODxA="})
    CHECK_FALSE(Token::parse(text));
}
