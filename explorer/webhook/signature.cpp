#include "explorer/webhook/signature.hpp"

#include <sodium.h>

#include <array>

namespace hotside::webhook {

std::string signature(std::span<model::WebhookSecret const> secrets, std::string_view id,
                      std::int64_t timestamp, std::string_view body) {
  auto const front = std::string(id) + "." + std::to_string(timestamp) + ".";
  std::string entries;
  for (auto const& secret : secrets) {
    crypto_auth_hmacsha256_state state;
    std::array<std::uint8_t, crypto_auth_hmacsha256_BYTES> mac{};
    crypto_auth_hmacsha256_init(&state, secret.key().data(), secret.key().size());
    for (auto const part : {std::string_view(front), body})
      crypto_auth_hmacsha256_update(&state, as_bytes(part).data(), part.size());
    crypto_auth_hmacsha256_final(&state, mac.data());
    std::array<char, sodium_base64_ENCODED_LEN(mac.size(), sodium_base64_VARIANT_ORIGINAL)> text{};
    sodium_bin2base64(text.data(), text.size(), mac.data(), mac.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    entries += (entries.empty() ? "v1," : " v1,") + std::string(text.data());
  }
  return entries;
}

}  // namespace hotside::webhook
