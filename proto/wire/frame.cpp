#include "proto/wire/frame.hpp"

#include <cryptopp/aes.h>
#include <cryptopp/modes.h>
#include <sodium.h>

#include <algorithm>

#include "proto/base/invariant.hpp"
#include "proto/wire/base64.hpp"

namespace hotside::wire {
namespace {

constexpr std::size_t kIv = 16;
constexpr std::size_t kBlock = 16;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  auto const first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

Result<Token> Token::parse(std::string_view base64) {
  std::string text(trimmed(base64));
  auto const size = base64_decode_in_place(text);
  if (!size || *size != 16)
    return fail(Fault::rejected, "token: not the Base64 form of 16 bytes", "token");
  std::array<std::uint8_t, 16> key;
  std::copy_n(text.begin(), key.size(), key.begin());
  return Token(key);
}

Token Token::random() {
  std::array<std::uint8_t, 16> key;
  randombytes_buf(key.data(), key.size());
  return Token(key);
}

std::string Token::base64() const { return base64_encode(key_); }

struct FrameCipher::Impl {
  CryptoPP::CTR_Mode<CryptoPP::AES>::Encryption aes;

  // The node adds the block number to the low 64 bits only and lets them wrap, Crypto++ carries
  // into the high ones: a message over the wrap is done in two parts.
  void apply(std::uint8_t const* iv, std::uint8_t* data, std::size_t size) {
    std::uint64_t low = 0;
    for (std::size_t i = 8; i < kIv; ++i) low = (low << 8) | iv[i];
    aes.Resynchronize(iv, static_cast<int>(kIv));
    std::uint64_t const until_wrap = 0 - low;  // blocks; 0 means 2^64
    if (until_wrap == 0 || until_wrap > size / kBlock) {
      aes.ProcessData(data, data, size);
      return;
    }
    auto const first = static_cast<std::size_t>(until_wrap) * kBlock;
    aes.ProcessData(data, data, first);
    std::array<std::uint8_t, kIv> wrapped{};
    std::copy_n(iv, 8, wrapped.begin());
    aes.Resynchronize(wrapped.data(), static_cast<int>(kIv));
    aes.ProcessData(data + first, data + first, size - first);
  }
};

FrameCipher::FrameCipher(Token const& token) : impl_(std::make_unique<Impl>()) {
  std::array<std::uint8_t, kIv> const zero{};
  impl_->aes.SetKeyWithIV(token.key().data(), token.key().size(), zero.data(), zero.size());
}
FrameCipher::~FrameCipher() = default;
FrameCipher::FrameCipher(FrameCipher&&) noexcept = default;
FrameCipher& FrameCipher::operator=(FrameCipher&&) noexcept = default;

Result<PlainFrame> FrameCipher::open(std::string text) const {
  auto const size = base64_decode_in_place(text);
  if (!size) return fail(Fault::peer, "frame: not Base64", "base64");
  if (*size < kIv) return fail(Fault::peer, "frame: shorter than its counter block", "short");
  PlainFrame frame{std::move(text), kIv, *size - kIv};
  if (frame.buffer.size() < *size + PlainFrame::kPadding)
    frame.buffer.resize(*size + PlainFrame::kPadding);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(frame.buffer.data());
  impl_->apply(bytes, bytes + kIv, frame.size);
  auto const json = frame.json();
  if (json.size() < 2 || json.front() != '{' || json.back() != '}')
    return fail(Fault::peer, "frame: no object inside (a wrong token looks like this)", "braces");
  return frame;
}

std::string FrameCipher::seal(std::string_view json) const {
  std::array<std::uint8_t, kIv> iv;
  randombytes_buf(iv.data(), iv.size());
  iv[8] &= 0x7f;
  return seal_with_iv(json, iv);
}

std::string FrameCipher::seal_with_iv(std::string_view json,
                                      std::span<std::uint8_t const, 16> iv) const {
  invariant(json.size() >= 2 && json.front() == '{' && json.back() == '}',
            "only one JSON object is sealed into a frame");
  Bytes bytes(kIv + json.size());
  std::copy(iv.begin(), iv.end(), bytes.begin());
  std::copy(json.begin(), json.end(), bytes.begin() + kIv);
  impl_->apply(iv.data(), bytes.data() + kIv, json.size());
  return base64_encode(bytes);
}

}  // namespace hotside::wire
