#include "explorer/api/problem.hpp"

#include <algorithm>
#include <array>

#include "proto/base/invariant.hpp"
#include "proto/base/json_writer.hpp"

namespace hotside::api {
namespace {

constexpr auto kKinds = std::to_array<ProblemKind>({
    {Problem::malformed_request, "malformed-request", 400, "Malformed request",
     "The request is not valid HTTP/1.1, or its target cannot be decoded. Fix the client."},
    {Problem::invalid_parameter, "invalid-parameter", 400, "Invalid parameter",
     "A parameter (of the path or the query, or a header such as `Idempotency-Key`) is unknown, "
     "given twice, badly formed or out of range. The detail names it."},
    {Problem::invalid_body, "invalid-body", 400, "Invalid body",
     "The body is not the JSON this route takes: a field is unknown, missing, given twice, of the "
     "wrong type or out of range. The detail names it."},
    {Problem::unknown_event_type, "unknown-event-type", 400, "Unknown event type",
     "A name in `types` is not one of the event types. Nothing was filtered silently; fix the "
     "name."},
    {Problem::unauthenticated, "unauthenticated", 401, "Token required",
     "Send `Authorization: Bearer <token>` with a token of the tokens file. A stream or an "
     "import whose token is taken out of that file ends with this."},
    {Problem::forbidden, "forbidden", 403, "Not allowed in this role",
     "The token is known, but its role does not allow this request."},
    {Problem::not_found, "not-found", 404, "Not found",
     "There is no such resource. For a deposit, look at `complete_through` of /v1/status before "
     "concluding that it was never paid."},
    {Problem::outputs_missing, "outputs-missing", 404, "Outputs not found",
     "`missing` names every id that neither the store nor the node has: it was never made, is "
     "private and spent, or is not in a block yet. Nothing is served until all can be."},
    {Problem::method_not_allowed, "method-not-allowed", 405, "Method not allowed",
     "The `Allow` header lists the methods of this resource."},
    {Problem::feed_changed, "feed-changed", 409, "Another feed",
     "The store was restored from a backup, so the event numbers you hold belong to a feed that "
     "ended. Start the new feed from `after=0` and apply it against your own books; deposits are "
     "identified by their id, so nothing needs to be credited twice."},
    {Problem::insufficient_funds, "insufficient-funds", 409, "Not enough to spend",
     "`available` is what is committed, unspent, unreserved and not withheld, of the sources asked "
     "for. When it would suffice, no single key can make a payout whole: allow `split`, name other "
     "sources, or ask for less."},
    {Problem::inputs_reserved, "inputs-reserved", 409, "Inputs are reserved",
     "An input belongs to another bundle. Release that one, or wait until it expires."},
    {Problem::bundle_relayed, "bundle-relayed", 409, "A relayed transaction may spend its inputs",
     "A transaction of this bundle was relayed, so its inputs cannot be given to anything else "
     "until "
     "the final chain has spent one of them. Look at the transaction."},
    {Problem::invalid_address, "invalid-address", 422, "Not an address to pay to",
     "The address is of another network, is misspelt, or is no public key. The detail says which. "
     "Nothing was reserved."},
    {Problem::unknown_source, "unknown-source", 422, "Unknown source",
     "`from` takes registered addresses and references that have registered addresses."},
    {Problem::undecodable_transaction, "undecodable-transaction", 400, "Not a transaction",
     "`data` is the hexadecimal text that `create_raw_transaction` gave, whole and unchanged. "
     "Nothing was sent."},
    {Problem::invalid_transaction, "invalid-transaction", 422, "No node can take this transaction",
     "It breaks a rule of the chain or of a node's mempool; the detail names it. Nothing was "
     "sent."},
    {Problem::unbalanced_transaction, "unbalanced-transaction", 422, "Inputs and outputs differ",
     "The inputs must be exactly the outputs and the fee: a node makes no change by itself. "
     "Nothing "
     "was sent."},
    {Problem::invalid_signature, "invalid-signature", 422, "The signature does not hold",
     "It was made with another key than that of the inputs, or the bytes were changed afterwards. "
     "Nothing was sent."},
    {Problem::unknown_input, "unknown-input", 422, "Unknown input",
     "Neither the store nor the node has this output unspent. Nothing was sent."},
    {Problem::spent_input, "spent-input", 422, "Spent input",
     "The final chain has spent this output already, perhaps in this very transaction when it was "
     "sent by another way. Nothing was sent."},
    {Problem::fee_too_low, "fee-too-low", 422, "Fee below the minimum",
     "A node takes nothing below 1000 µSTG for each output, change counted. Give `minimum`, or at "
     "least what the detail says. Nothing was reserved."},
    {Problem::fee_too_high, "fee-too-high", 422, "Fee above the limit",
     "The limit `cold.max_fee` of the configuration guards against a slip of the hand: a chain has "
     "no maximum. Nothing was reserved."},
    {Problem::idempotency_key_missing, "idempotency-key-missing", 400, "Idempotency-Key required",
     "Send a new `Idempotency-Key` with each new intention, and the same one when you repeat it, "
     "so "
     "that an answer that was lost does not reserve outputs twice."},
    {Problem::idempotency_key_reused, "idempotency-key-reused", 422, "Idempotency-Key used before",
     "Another request was sent under this Idempotency-Key within the last 7 days. Make a new key "
     "for each new intention, and repeat it only with the same request."},
    {Problem::idempotency_key_in_use, "idempotency-key-in-use", 409,
     "The request of this Idempotency-Key is not answered yet",
     "A request under this Idempotency-Key is under way. Wait a moment and send this one again: "
     "under the same key it gets the answer of the first."},
    {Problem::webhook_event_type, "webhook-event-type", 422, "Unknown event type of a webhook",
     "A name in `events` is not one of the event types, so it would never be sent. Fix the name; "
     "/openapi.json lists them."},
    {Problem::webhook_target, "webhook-target", 422, "Forbidden target of a webhook",
     "The host of `url` is, or its name leads to, this machine or an address that is not public. "
     "If it is meant to be reached, make the webhook with `allow_private` true."},
    {Problem::webhook_configured, "webhook-configured", 409, "Webhook of the configuration",
     "This webhook stands in the service's configuration file, which decides on its url, events "
     "and secrets: change it there and reload the service. It can be switched on and off here."},
    {Problem::webhook_limit, "webhook-limit", 409, "Limit of webhooks reached",
     "There may be 100 webhooks, with 8 valid secrets and 100 waiting redeliveries each. The "
     "detail says which limit it is."},
    {Problem::cursor_beyond_head, "cursor-beyond-head", 409, "Cursor beyond the head of the feed",
     "`after` is greater than the last event number. You are reading another store than the one "
     "that gave this number: check the address of the service before going on."},
    {Problem::body_too_large, "body-too-large", 413, "Body too large",
     "Send fewer items per request."},
    {Problem::unsupported_media_type, "unsupported-media-type", 415, "Unsupported media type",
     "Send the body in a `Content-Type` that this route takes; the detail names them. Bodies are "
     "taken as they are, without `Content-Encoding`."},
    {Problem::misdirected_host, "misdirected-host", 421, "Not a name of this service",
     "Without tokens the service answers only to `localhost` or an IP address as host, so that no "
     "web page can reach it under a name of its own. Use the address, or configure tokens."},
    {Problem::too_many_requests, "too-many-requests", 429, "Too many requests of this token",
     "Each token may send `http.requests_per_second` requests in a second. Wait for the time in "
     "`Retry-After`; hold /v1/events with `wait`, or use the stream, instead of asking often."},
    {Problem::headers_too_large, "headers-too-large", 431, "Header too large",
     "Request line and headers together exceed 64 KiB."},
    {Problem::internal, "internal", 500, "Internal error",
     "Our mistake. The log has more under the request id."},
    {Problem::overloaded, "overloaded", 503, "Too many requests at once",
     "Wait for the time in `Retry-After`, then send the request again."},
    {Problem::node_unavailable, "node-unavailable", 503, "No node answers",
     "What was asked for is not in the store, and no node gave it. Try again; /readyz says what is "
     "wrong."},
    {Problem::slow_consumer, "slow-consumer", 503, "The stream was read too slowly",
     "The last event of a stream that was ended because the client did not take the former ones in "
     "time. Nothing is lost: connect again with the `Last-Event-ID` you have applied."},
    {Problem::stopping, "stopping", 503, "The service is stopping",
     "The last event of a stream when the service ends. Connect again with the `Last-Event-ID` you "
     "have applied."},
    {Problem::store_unavailable, "store-unavailable", 503, "The store cannot be used now",
     "Nothing was changed. Try again; /readyz says what is wrong."},
    {Problem::not_finished, "not-finished", 503, "Not finished in time",
     "The answer took too long. A read can be sent again at once. A write may still complete: "
     "send it again, registering and retiring the same address twice does no harm."},
});

std::string escape_html(std::string_view text) {
  std::string out;
  for (char const c : text) switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out.push_back(c);
    }
  return out;
}

}  // namespace

std::span<ProblemKind const> problem_kinds() { return kKinds; }

ProblemKind const& kind_of(Problem problem) {
  auto const* const found = std::ranges::find(kKinds, problem, &ProblemKind::problem);
  invariant(found != kKinds.end(), "a problem that is not in the table");
  return *found;
}

Response problem_response(Problem problem, std::string_view detail, std::string_view request_id,
                          std::string_view members) {
  auto const& kind = kind_of(problem);
  JsonWriter json;
  json.begin_object();
  json.key("type").string("/docs/errors#" + std::string(kind.name));
  json.key("title").string(kind.title);
  json.key("status").integer(kind.status);
  json.key("detail").string(detail);
  json.key("request_id").string(request_id);
  json.end_object();
  auto body = json.take();
  if (!members.empty()) body.insert(body.size() - 1, "," + std::string(members));
  Response response{kind.status, "application/problem+json", std::move(body), {}};
  if (kind.status == 503 || kind.status == 429) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Problem problem_of(Error const& error) {
  switch (error.fault) {
    case Fault::rejected:
      return Problem::invalid_body;
    case Fault::transient:
    case Fault::corrupt:
      return Problem::store_unavailable;
    case Fault::peer:
      return Problem::internal;
  }
  return Problem::internal;
}

std::string text_page(std::string_view title, std::string_view body) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Hotside: ";
  out.append(escape_html(title))
      .append(
          "</title><link rel=\"stylesheet\" href=\"/dashboard/style.css\"></head>"
          "<body><main class=\"text\">")
      .append(body)
      .append("</main></body></html>\n");
  return out;
}

std::string errors_page() {
  std::string out =
      "<h1>Errors</h1><p>Every error is "
      "<code>application/problem+json</code> (RFC 9457). <code>type</code> is stable; "
      "<code>detail</code> is for people; <code>request_id</code> stands in "
      "the log too, for reads at level <code>debug</code>.</p>\n";
  for (auto const& kind : kKinds) {
    std::string const name(kind.name);
    out += "<section id=\"" + name + "\"><h2><code>" + name + "</code> · " +
           std::to_string(kind.status) + " " + escape_html(kind.title) + "</h2><p>" +
           escape_html(kind.what_to_do) + "</p></section>\n";
  }
  return text_page("errors", out);
}

}  // namespace hotside::api
