#pragma once
// Requests and answers as plain values: what handlers see of HTTP.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/result.hpp"

namespace hotside::api {

struct Request {
  std::string method;  // as sent
  std::string target;  // as sent
  std::string authorization, content_type, content_encoding, if_none_match, host;
  std::string accept_encoding, last_event_id;
  std::optional<std::string> idempotency_key;  // several, which is wrong: joined as a list
  bool has_body = false;                       // of the head: one of at least a byte follows
  std::string request_id;                      // valid: the caller's own or one of ours
  std::string body;
};

struct BodySource;  // http_server.hpp

struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<BodySource> source{};  // set: what follows `body`, made while it is sent
};

Response json_response(std::string body, int status = 200);
Response no_content();

// The target, decoded.
struct Target {
  std::vector<std::string> segments;         // of the path, percent-decoded; "/" has none
  std::map<std::string, std::string> query;  // each name once
  std::optional<std::string> host;           // of an absolute target; stands above the header
};
// Fault::rejected for bad escapes, a repeated parameter (reason "repeated") or a target of no known
// form.
Result<Target> parse_target(std::string_view target);

std::string base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// A caller's X-Request-Id if it is harmless in logs and headers, else a new one.
std::string request_id(std::string_view offered);

}  // namespace hotside::api
