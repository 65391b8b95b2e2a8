// Requests to the API, from their bytes to the answer, over a store with something in it. Input:
// either the bytes of a request, or (first byte below the number of routes) what makes a request of
// that route: a line with the path's parameter and the query, then the body.

#include <simdjson.h>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "explorer/api/connection.hpp"
#include "explorer/api/tokens.hpp"
#include "proto/base/invariant.hpp"
#include "tests/fuzz/backend.hpp"

using namespace hotside;
namespace http = boost::beast::http;

namespace {

struct World {
  test::TempDir dir;
  std::unique_ptr<fuzz::Backend> backend;
  World() {
    auto opened = fuzz::Backend::open(fuzz::make_store(dir));
    invariant(opened.has_value(), "the store opens");
    backend = std::move(*opened);
  }
};

std::string header(api::Connection::Message const& message, std::string_view name) {
  auto const found = message[boost::core::string_view(name.data(), name.size())];
  return std::string(found.data(), found.size());
}

// As a connection reads it, in one piece; nullopt: refused or not all there.
std::optional<api::Request> parse(std::string_view bytes) {
  http::request_parser<http::buffer_body> parser;
  parser.header_limit(64 * 1024);
  parser.body_limit(8 * 1024 * 1024);
  boost::system::error_code error;
  auto left = boost::asio::buffer(bytes.data(), bytes.size());
  left += parser.put(left, error);
  if (error && api::status_of(error) == 0) return std::nullopt;
  if (error || !parser.is_header_done() || api::wrong_framing(parser.get())) return std::nullopt;
  auto& message = parser.get();
  std::string body(bytes.size(), '\0');
  message.body().data = body.data();
  message.body().size = body.size();
  while (!parser.is_done() && left.size() > 0 && !error) {
    left += parser.put(left, error);
    if (error == http::error::need_buffer) error = {};
  }
  body.resize(body.size() - message.body().size);
  api::Request request;
  request.method = std::string(message.method_string().data(), message.method_string().size());
  request.target = std::string(message.target().data(), message.target().size());
  request.authorization = header(message, "Authorization");
  request.content_type = header(message, "Content-Type");
  request.if_none_match = header(message, "If-None-Match");
  request.idempotency_key = header(message, "Idempotency-Key");
  request.accept_encoding = header(message, "Accept-Encoding");
  request.last_event_id = header(message, "Last-Event-ID");
  request.host = header(message, "Host");
  request.request_id = api::request_id(header(message, "X-Request-Id"));
  request.body = std::move(body);
  return request;
}

api::Request make(api::Route const& route, std::string_view text) {
  auto const line = text.substr(0, text.find('\n'));
  api::Request request;
  request.method = route.method;
  auto const parameter = route.path.find('{');
  request.target = std::string(route.path.substr(0, parameter)) + std::string(line);
  if (parameter != std::string_view::npos) {  // what follows it in the path
    auto const rest = route.path.substr(route.path.find('}') + 1);
    auto const end = std::min(request.target.find('?'), request.target.size());
    request.target.insert(end, rest);
  }
  request.content_type = route.body.substr(0, route.body.find(' '));
  request.idempotency_key = "key";
  request.request_id = "fuzz";
  request.body = text.substr(std::min(line.size() + 1, text.size()));
  return request;
}

bool is_json(std::string const& text) {
  static simdjson::dom::parser parser;
  return parser.parse(text).error() == simdjson::SUCCESS;
}

void check(api::Answer const& answer) {
  auto const response = answer
                            ? *answer
                            : api::problem_response(answer.error().problem, answer.error().detail,
                                                    "fuzz", answer.error().members);
  invariant(response.status != 500, "nothing that a client sends is a fault of ours");
  if (response.content_type == "application/json" ||
      response.content_type == "application/problem+json")
    invariant(is_json(response.body), "what says that it is JSON is");
  for (auto const& [name, value] : response.headers)
    invariant(value.find_first_of("\r\n") == std::string::npos, "a header is one line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static World world;
  static api::Authorizer const authorizer(std::vector<api::Token>{{}});
  if (size == 0) return 0;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto const routes = api::routes();
  if (data[0] < routes.size()) {
    check(world.backend->answer(make(routes[data[0]], text.substr(1))));
    return 0;
  }
  auto const request = parse(text);
  if (!request) return 0;
  static_cast<void>(authorizer.caller(request->authorization));
  check(world.backend->answer(*request));
  return 0;
}
