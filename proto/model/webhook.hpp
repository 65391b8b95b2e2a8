#pragma once
// What a webhook is made of: where it goes, and the secrets it is signed with. Secrets never stand
// in an error.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"

namespace hotside::model {

// "whsec_" and standard Base64 of 24 to 64 bytes, as the Standard Webhooks specification has it.
class WebhookSecret {
 public:
  static Result<WebhookSecret> parse(std::string_view text);
  static WebhookSecret make();  // of 32 random bytes

  std::string const& text() const { return text_; }
  Bytes const& key() const { return key_; }

 private:
  WebhookSecret(std::string text, Bytes key) : text_(std::move(text)), key_(std::move(key)) {}
  std::string text_;
  Bytes key_;
};

struct WebhookUrl {
  std::string text;   // as given
  std::string host;   // lower case, no brackets
  std::string shown;  // for answers: what stands before '@' as ***
  std::string named;  // for logs: without that, and without the query
};
inline constexpr std::size_t kWebhookUrlMax = 2048;

// http or https, visible ASCII, no fragment. An error does not quote the text.
Result<WebhookUrl> parse_webhook_url(std::string_view text);

// Whether the address of 4 or 16 bytes is one of the public internet: not private, loopback,
// link-local, shared, multicast, unspecified, reserved or a disguise of such a one.
bool is_public_address(ByteView address);

// Why the host cannot be reached without allow_private, as far as its text tells: an address that
// is not public, in any notation, or a name that means this machine. Where other names lead, only
// who resolves them knows.
std::optional<std::string> forbidden_host(std::string_view host);

// "wh_" and 16 hex digits: from the url for one of the configuration, at random for others.
std::string webhook_id(std::string_view url);
std::string random_webhook_id();

}  // namespace hotside::model
