#include "proto/model/webhook.hpp"

#include <arpa/inet.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "proto/base/sha3.hpp"
#include "proto/base/units.hpp"

namespace hotside::model {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::size_t kSecretMin = 24, kSecretMax = 64, kSecretMade = 32;
constexpr std::size_t kIdDigits = 16;

struct Block {
  std::array<std::uint8_t, 16> prefix;
  unsigned bits;
};

// RFC 6890 and its registry, and multicast.
constexpr std::array<Block, 15> kNotPublic4{{
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
}};
// Global unicast is 2000::/3; of that not: what is reserved for protocols (Teredo among them),
// documentation, and 6to4, which hides an IPv4 address.
constexpr Block kGlobalUnicast6{{0x20}, 3};
constexpr std::array<Block, 4> kNotPublic6{{
    {{0x20, 0x01, 0x00}, 23},
    {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0x20, 0x02}, 16},
    {{0x3f, 0xff}, 20},
}};
// Where a network without IPv4 translates: the last four bytes are what is meant.
constexpr Block kNat64{{0x00, 0x64, 0xff, 0x9b}, 96};

bool is_in(ByteView address, Block const& block) {
  for (unsigned bit = 0; bit < block.bits; ++bit) {
    auto const mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    if (((address[bit / 8] ^ block.prefix[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

tl::unexpected<Error> bad(std::string what) { return fail(Fault::rejected, std::move(what)); }

// "host", "host:port", "[v6]:port" into the host; nullopt where it is none of these.
std::optional<std::string> host_of(std::string_view authority) {
  auto const at = authority.rfind('@');
  if (at != std::string_view::npos) authority.remove_prefix(at + 1);
  auto end = authority.find(':');
  if (authority.starts_with('[')) {
    auto const closing = authority.find(']');
    if (closing == std::string_view::npos) return std::nullopt;
    end = closing + 1;
  }
  auto host = authority.substr(0, end);
  auto const rest = end >= authority.size() ? std::string_view{} : authority.substr(end);
  if (!rest.empty()) {
    auto const port = parse_u64(rest.substr(1));
    if (!rest.starts_with(':') || !port || *port == 0 || *port > 65535) return std::nullopt;
  }
  if (host.starts_with('[')) {
    host = host.substr(1, host.size() - 2);
    in6_addr address{};
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1) return std::nullopt;
  }
  if (host.empty()) return std::nullopt;
  return lower(host);
}

std::string id_of(ByteView bytes) { return "wh_" + to_hex(bytes).substr(0, kIdDigits); }

}  // namespace

Result<WebhookSecret> WebhookSecret::parse(std::string_view text) {
  auto const wrong = [] {
    return bad("a webhook secret is whsec_ and standard Base64 of 24 to 64 bytes");
  };
  if (!text.starts_with(kSecretPrefix)) return wrong();
  auto const encoded = text.substr(kSecretPrefix.size());
  Bytes key(kSecretMax);
  std::size_t size = 0;
  if (sodium_base642bin(key.data(), key.size(), encoded.data(), encoded.size(), nullptr, &size,
                        nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
    return wrong();
  // Without an end pointer sodium refuses trailing text itself.
  if (size < kSecretMin) return wrong();
  key.resize(size);
  return WebhookSecret(std::string(text), std::move(key));
}

WebhookSecret WebhookSecret::make() {
  Bytes key(kSecretMade);
  randombytes_buf(key.data(), key.size());
  std::array<char, sodium_base64_ENCODED_LEN(kSecretMade, sodium_base64_VARIANT_ORIGINAL)> text{};
  sodium_bin2base64(text.data(), text.size(), key.data(), key.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  return WebhookSecret(std::string(kSecretPrefix) + text.data(), std::move(key));
}

Result<WebhookUrl> parse_webhook_url(std::string_view text) {
  if (text.size() > kWebhookUrlMax) return bad("is longer than 2048 characters");
  auto const is_odd = [](char c) { return c <= ' ' || c >= 127 || c == '\\'; };
  if (std::ranges::any_of(text, is_odd)) return bad("has characters that no URL has");
  if (text.find('#') != std::string_view::npos) return bad("has a fragment (#), which is not sent");
  auto const colon = text.find("://");
  auto const scheme = lower(text.substr(0, colon));
  if (colon == std::string_view::npos || (scheme != "http" && scheme != "https"))
    return bad("is not an http:// or https:// address");
  auto const rest = text.substr(colon + 3);
  auto const end = std::min(rest.find_first_of("/?"), rest.size());
  auto const authority = rest.substr(0, end);
  auto const host = host_of(authority);
  if (!host) return bad("has no valid host and port");
  auto const at = authority.rfind('@');
  auto const bare = at == std::string_view::npos ? authority : authority.substr(at + 1);
  auto const tail = rest.substr(end);
  auto const front = scheme + "://";
  return WebhookUrl{std::string(text), *host,
                    front + (bare.size() < authority.size() ? "***@" : "") + std::string(bare) +
                        std::string(tail),
                    front + std::string(bare) + std::string(tail.substr(0, tail.find('?')))};
}

bool is_public_address(ByteView address) {
  auto const in = [&](Block const& block) { return is_in(address, block); };
  if (address.size() == 4) return std::ranges::none_of(kNotPublic4, in);
  if (address.size() != 16) return false;
  if (in(kNat64)) return is_public_address(address.last(4));
  return in(kGlobalUnicast6) && std::ranges::none_of(kNotPublic6, in);
}

std::optional<std::string> forbidden_host(std::string_view host) {
  std::string name = lower(host);
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost")) return name + " means this machine";
  in_addr four{};
  in6_addr six{};
  ByteView bytes;
  // inet_aton takes every notation that a resolver takes: 127.1, 0x7f000001, 2130706433.
  if (::inet_aton(name.c_str(), &four) != 0)
    bytes = {reinterpret_cast<std::uint8_t const*>(&four), sizeof four};
  else if (::inet_pton(AF_INET6, name.c_str(), &six) == 1)
    bytes = {reinterpret_cast<std::uint8_t const*>(&six), sizeof six};
  else
    return std::nullopt;
  if (is_public_address(bytes)) return std::nullopt;
  return name + " is not a public address";
}

std::string webhook_id(std::string_view url) {
  Sha3 sha;
  sha.text(url);
  return id_of(sha.finish().view());
}

std::string random_webhook_id() {
  std::array<std::uint8_t, kIdDigits / 2> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return id_of(bytes);
}

}  // namespace hotside::model
