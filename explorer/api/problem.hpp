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
  outputs_missing,
  feed_changed,
  insufficient_funds,
  inputs_reserved,
  bundle_relayed,
  idempotency_key_missing,
  idempotency_key_reused,
  idempotency_key_in_use,
  webhook_event_type,
  webhook_target,
  webhook_configured,
  webhook_limit,
  cursor_beyond_head,
  invalid_address,
  unknown_source,
  undecodable_transaction,
  invalid_transaction,
  unbalanced_transaction,
  invalid_signature,
  unknown_input,
  spent_input,
  fee_too_low,
  fee_too_high,
  body_too_large,
  unsupported_media_type,
  misdirected_host,
  too_many_requests,
  headers_too_large,
  internal,
  overloaded,
  node_unavailable,
  slow_consumer,
  stopping,
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

// `detail` says what is wrong with this very request. `members`, when not empty, are JSON members
// that this problem has beside the common ones.
Response problem_response(Problem problem, std::string_view detail, std::string_view request_id,
                          std::string_view members = {});

// What an error of the store or the writer means to a caller.
Problem problem_of(Error const& error);

std::string errors_page();  // GET /docs/errors: HTML
// A page in the style of the service; `body` is HTML.
std::string text_page(std::string_view title, std::string_view body);

}  // namespace hotside::api
