#pragma once
// Every way in which a request can fail, as one table: the answers (RFC 9457) and the page that
// explains them both come from it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "explorer/api/http.hpp"
#include "proto/base/result.hpp"

namespace hotside::api {

enum class Problem : std::uint8_t {
  malformed_request,
  invalid_parameter,
  invalid_body,
  unknown_event_type,
  unauthenticated,
  forbidden,
  not_found,
  method_not_allowed,
  feed_changed,
  idempotency_key_reused,
  webhook_event_type,
  webhook_target,
  webhook_configured,
  webhook_limit,
  cursor_beyond_head,
  body_too_large,
  unsupported_media_type,
  misdirected_host,
  headers_too_large,
  internal,
  overloaded,
  store_unavailable,
  not_finished
};

struct ProblemKind {
  Problem problem;
  std::string_view name;  // the fragment of `type`; never changes once released
  int status;
  std::string_view title;
  std::string_view what_to_do;  // for the page
};

std::span<ProblemKind const> problem_kinds();
ProblemKind const& kind_of(Problem problem);

// `detail` says what is wrong with this very request.
Response problem_response(Problem problem, std::string_view detail, std::string_view request_id);

// What an error of the store or the writer means to a caller.
Problem problem_of(Error const& error);

std::string errors_page();  // GET /docs/errors: HTML

}  // namespace hotside::api
