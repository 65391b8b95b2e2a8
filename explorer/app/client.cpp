#include "explorer/app/client.hpp"

#include <simdjson.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <cstdlib>
#include <vector>

#include "explorer/app/config.hpp"
#include "explorer/app/files.hpp"

namespace hotside::app {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

std::string trimmed(std::string text) {
  auto const is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  while (!text.empty() && is_space(text.front())) text.erase(text.begin());
  return text;
}

Result<std::string> read_token(Access const& access) {
  if (!access.token_file.empty()) {
    HS_TRY(text, read_small_file(access.token_file));
    return trimmed(std::move(text));
  }
  auto const* text = std::getenv("HOTSIDE_TOKEN");
  return trimmed(text == nullptr ? "" : text);
}

Result<Listen> address_of(Access const& access) {
  if (access.url.empty() == access.config.empty())
    return fail(Fault::rejected, "give either --config FILE or --url URL");
  if (!access.config.empty()) {
    HS_TRY(read, read_configuration_file(access.config, process_environment(), Reader::client));
    if (!read.problems.empty()) return fail(Fault::rejected, read.problems.front().text());
    auto listen = read.settings.listen;
    if (listen.host == "0.0.0.0") listen.host = "127.0.0.1";
    if (listen.host == "::") listen.host = "::1";
    return listen;
  }
  constexpr std::string_view scheme = "http://";
  std::string_view rest = access.url;
  if (!rest.starts_with(scheme))
    return fail(Fault::rejected, "--url: \"" + access.url + "\" does not start with http://");
  rest.remove_prefix(scheme.size());
  while (rest.ends_with('/')) rest.remove_suffix(1);
  auto const colon = rest.rfind(':');
  auto const has_port = colon != std::string_view::npos && rest.find(']', colon) == rest.npos;
  auto const port = has_port ? parse_u64(rest.substr(colon + 1)) : std::uint64_t{80};
  std::string host(has_port ? rest.substr(0, colon) : rest);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.find('/') != std::string::npos || !port || *port == 0 || *port > 65535)
    return fail(Fault::rejected, "--url: \"" + access.url + "\" is not http://host:port");
  return Listen{std::move(host), static_cast<std::uint16_t>(*port)};
}

// What the service says is wrong, in its own words (RFC 9457).
std::string words_of(Answer const& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element problem;
  auto text = "the service answered " + std::to_string(answer.status);
  if (parser.parse(answer.body).get(problem) != simdjson::SUCCESS) return text;
  for (auto const* key : {"title", "detail"}) {
    std::string_view value;
    if (problem[key].get(value) == simdjson::SUCCESS) text += ": " + std::string(value);
  }
  return text;
}

class Exchange {
 public:
  explicit Exchange(std::chrono::seconds deadline) : stream_(io_) {
    stream_.expires_after(deadline);
    parser_.body_limit(std::uint64_t{1} << 30);
  }

  // Resolves, connects, writes and reads; each step starts the next, all within one deadline.
  beast::error_code run(std::string const& host, std::string const& port,
                        http::request<http::string_body> request) {
    beast::error_code error;
    asio::ip::tcp::resolver resolver(io_);
    auto const found = resolver.resolve(host, port, error);
    if (error) return error;
    stream_.async_connect(found, [&](beast::error_code connected, auto const&) {
      error = connected;
      if (error) return;
      http::async_write(stream_, request, [&](beast::error_code written, std::size_t) {
        error = written;
        if (error) return;
        http::async_read(stream_, buffer_, parser_,
                         [&](beast::error_code read, std::size_t) { error = read; });
      });
    });
    io_.run();
    return error;
  }
  Answer answer() { return {parser_.get().result_int(), std::move(parser_.get().body())}; }

 private:
  asio::io_context io_{1};
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

constexpr std::chrono::seconds kPieceDeadline{90};
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// A request whose body is made while it is sent (chunked).
class UploadExchange {
 public:
  UploadExchange(std::istream& body, std::function<void(std::uint64_t)> const& sent)
      : body_(body), sent_(sent), stream_(io_) {
    parser_.body_limit(std::uint64_t{1} << 30);
  }

  beast::error_code run(std::string const& host, std::string const& port,
                        http::request<http::empty_body> const& head) {
    beast::error_code error;
    asio::ip::tcp::resolver resolver(io_);
    auto const found = resolver.resolve(host, port, error);
    if (error) return error;
    asio::co_spawn(io_, all(found, head), [&](std::exception_ptr thrown, beast::error_code done) {
      if (thrown) std::rethrow_exception(thrown);
      error = done;
    });
    io_.run();
    return error;
  }
  Answer answer() { return {parser_.get().result_int(), std::move(parser_.get().body())}; }

 private:
  asio::awaitable<beast::error_code> all(asio::ip::tcp::resolver::results_type found,
                                         http::request<http::empty_body> head) {
    stream_.expires_after(kPieceDeadline);
    auto [refused, endpoint] = co_await stream_.async_connect(found, kAwait);
    if (refused) co_return refused;
    // A service that refuses what it has seen answers and reads no further: its answer says more
    // than our broken pipe.
    auto const unsent = co_await send(std::move(head));
    stream_.expires_after(kPieceDeadline);
    auto [unread, size] = co_await http::async_read(stream_, buffer_, parser_, kAwait);
    co_return unread&& unsent ? unsent : unread;
  }

  asio::awaitable<beast::error_code> send(http::request<http::empty_body> head) {
    http::request_serializer<http::empty_body> serializer(head);
    auto [refused, head_size] = co_await http::async_write_header(stream_, serializer, kAwait);
    if (refused) co_return refused;
    std::vector<char> piece(std::size_t{64} * 1024);
    std::uint64_t total = 0;
    while (body_.read(piece.data(), static_cast<std::streamsize>(piece.size())) ||
           body_.gcount() > 0) {
      auto const size = static_cast<std::size_t>(body_.gcount());
      auto const chunk = http::make_chunk(asio::const_buffer(piece.data(), size));
      stream_.expires_after(kPieceDeadline);
      auto [error, written] = co_await asio::async_write(stream_, chunk, kAwait);
      if (error) co_return error;
      sent_(total += size);
    }
    auto const last = http::make_chunk_last();
    auto [error, written] = co_await asio::async_write(stream_, last, kAwait);
    co_return error;
  }

  std::istream& body_;
  std::function<void(std::uint64_t)> const& sent_;
  asio::io_context io_{1};
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

}  // namespace

Result<Client> Client::open(Access const& access) {
  HS_TRY(listen, address_of(access));
  HS_TRY(token, read_token(access));
  return Client(listen.host, listen.port, std::move(token));
}

std::string Client::address() const { return Listen{host_, port_}.text(); }

Result<Answer> Client::ask(std::string_view method, std::string_view target, std::string body,
                           std::chrono::seconds deadline,
                           std::string const& idempotency_key) const {
  http::request<http::string_body> request;
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.version(11);
  request.keep_alive(false);
  request.set(http::field::host, address());
  request.set(http::field::user_agent, "hotside");
  if (!token_.empty()) request.set(http::field::authorization, "Bearer " + token_);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  if (!idempotency_key.empty()) request.set("Idempotency-Key", idempotency_key);
  request.body() = std::move(body);
  request.prepare_payload();
  try {
    Exchange exchange(deadline);
    if (auto const error = exchange.run(host_, std::to_string(port_), std::move(request)))
      return fail(Fault::transient, "no answer from " + address() + ": " + error.message());
    return exchange.answer();
  } catch (std::exception const& error) {
    return fail(Fault::transient, "no answer from " + address() + ": " + error.what());
  }
}

Result<std::string> Client::get(std::string_view target) const { return send("GET", target, {}); }

Result<std::string> Client::send(std::string_view method, std::string_view target, std::string body,
                                 std::string const& idempotency_key) const {
  HS_TRY(answer, ask(method, target, std::move(body), std::chrono::seconds(75), idempotency_key));
  if (answer.status / 100 != 2) return fail(Fault::rejected, words_of(answer));
  return std::move(answer.body);
}

Result<std::string> Client::upload(std::string_view target, std::string_view content_type,
                                   std::istream& body,
                                   std::function<void(std::uint64_t)> const& sent) const {
  http::request<http::empty_body> head;
  head.method(http::verb::post);
  head.target({target.data(), target.size()});
  head.version(11);
  head.keep_alive(false);
  head.chunked(true);
  head.set(http::field::host, address());
  head.set(http::field::user_agent, "hotside");
  head.set(http::field::content_type, {content_type.data(), content_type.size()});
  if (!token_.empty()) head.set(http::field::authorization, "Bearer " + token_);
  try {
    UploadExchange exchange(body, sent);
    if (auto const error = exchange.run(host_, std::to_string(port_), head))
      return fail(Fault::transient, "no answer from " + address() + ": " + error.message());
    auto answer = exchange.answer();
    if (answer.status / 100 != 2) return fail(Fault::rejected, words_of(answer));
    return std::move(answer.body);
  } catch (std::exception const& error) {
    return fail(Fault::transient, "no answer from " + address() + ": " + error.what());
  }
}

std::string url_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~')
      out += c;
    else
      (((out += '%') += digits[byte >> 4U]) += digits[byte & 15U]);
  }
  return out;
}

}  // namespace hotside::app
