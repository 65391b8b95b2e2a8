#include "explorer/api/http_server.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

namespace hotside::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kNoBodyMax = 64 * 1024;  // where a body means nothing
constexpr std::size_t kDrainMax = 32 * 1024 * 1024;
constexpr std::chrono::seconds kDrainTime{3};

// An exception that reaches here is a mistake of ours: it leaves run() and stops the program.
void rethrow(std::exception_ptr error) {
  if (error) std::rethrow_exception(error);
}

std::string text(boost::core::string_view view) { return std::string(view.data(), view.size()); }

Request to_request(http::request<http::string_body> const& message) {
  Request request;
  request.method = text(message.method_string());
  request.target = text(message.target());
  request.authorization = text(message[http::field::authorization]);
  request.content_type = text(message[http::field::content_type]);
  request.if_none_match = text(message[http::field::if_none_match]);
  request.idempotency_key = text(message["Idempotency-Key"]);
  request.host = text(message[http::field::host]);
  request.request_id = request_id(text(message["X-Request-Id"]));
  return request;
}

std::string head_of(Response const& response, bool keep_alive, bool is_http_1_0) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " +
                     text(http::obsolete_reason(static_cast<http::status>(response.status))) +
                     "\r\n";
  auto const add = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  if (!response.content_type.empty()) add("Content-Type", response.content_type);
  if (response.status != 204 && response.status != 304)
    add("Content-Length", std::to_string(response.body.size()));
  for (auto const& [name, value] : response.headers) add(name, value);
  if (!keep_alive)
    add("Connection", "close");
  else if (is_http_1_0)
    add("Connection", "keep-alive");
  return head + "\r\n";
}

// What a reading error means to the client; 0: nobody is there to be told.
int status_of(error_code error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  static auto const& category = http::make_error_code(http::error::bad_method).category();
  return error.category() == category ? 400 : 0;
}

}  // namespace

struct HttpServer::Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer;  // keeps what was read beyond a request: the next one, pipelined
  std::optional<http::request_parser<http::string_body>> parser;
};

Result<tcp::endpoint> parse_listen(std::string const& where) {
  auto const colon = where.rfind(':');
  if (colon == std::string::npos)
    return fail(Fault::rejected, "listen '" + where + "': write it as address:port");
  auto host = where.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  error_code error;
  auto const address = asio::ip::make_address(host, error);
  auto const port = parse_u64(where.substr(colon + 1));
  if (error || !port || *port > 65535)
    return fail(Fault::rejected, "listen '" + where + "': an IP address and a port");
  return tcp::endpoint(address, static_cast<std::uint16_t>(*port));
}

HttpServer::HttpServer(asio::io_context& net, HttpLimits limits, std::shared_ptr<Service> service)
    : net_(net), limits_(limits), service_(std::move(service)), acceptor_(net) {}

Result<void> HttpServer::listen(std::string const& where) {
  auto const endpoint = parse_listen(where);
  if (!endpoint) return fail(endpoint.error());
  error_code error;
  auto const failed = [&](char const* step) {
    return fail(Fault::rejected, "listen '" + where + "': " + step + ": " + error.message());
  };
  if (acceptor_.open(endpoint->protocol(), error)) return failed("open");
  if (acceptor_.set_option(asio::socket_base::reuse_address(true), error)) return failed("option");
  if (acceptor_.bind(*endpoint, error)) return failed("bind");
  if (acceptor_.listen(asio::socket_base::max_listen_connections, error)) return failed("listen");
  port_ = acceptor_.local_endpoint(error).port();
  auto self = shared_from_this();
  auto loop = [](std::shared_ptr<HttpServer> server) -> asio::awaitable<void> {
    co_await server->accept();
  };
  asio::co_spawn(net_, loop(self), rethrow);
  return {};
}

void HttpServer::stop() {
  is_stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  for (auto* const connection : connections_) connection->stream.close();
}

asio::awaitable<void> HttpServer::accept() {
  while (!is_stopping_) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (is_stopping_) co_return;
    if (error) {  // out of descriptors, most likely: others must end first
      asio::steady_timer pause(net_, std::chrono::milliseconds(100));
      co_await pause.async_wait(kAwait);
      continue;
    }
    if (connections_.size() >= limits_.connections) {
      turn_away(std::move(socket));
      continue;
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto connection = std::make_shared<Connection>(std::move(socket));
    connections_.insert(connection.get());
    auto run = [](std::shared_ptr<HttpServer> server,
                  std::shared_ptr<Connection> client) -> asio::awaitable<void> {
      co_await server->serve(client);
      server->connections_.erase(client.get());
    };
    asio::co_spawn(net_, run(shared_from_this(), std::move(connection)), rethrow);
  }
}

// One answer into the empty send buffer, without waiting for anybody.
void HttpServer::turn_away(tcp::socket socket) {
  auto const response = service_->refuse_unread({}, 503, "too many connections");
  auto const bytes = head_of(response, false, false) + response.body;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(bytes), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> HttpServer::serve(std::shared_ptr<Connection> connection) {
  while (!is_stopping_) {
    bool const goes_on = co_await one_request(connection);
    if (!goes_on) break;
  }
  connection->stream.close();
}

// Returns whether the connection can carry another request.
asio::awaitable<bool> HttpServer::one_request(std::shared_ptr<Connection> connection) {
  bool const has_head = co_await read_head(connection);
  if (!has_head) co_return false;
  auto const& message = connection->parser->get();
  bool const is_head = message.method() == http::verb::head;
  auto exchange = service_->open(to_request(message));
  if (message.version() >= 11 && message.count(http::field::host) != 1)
    exchange->early = service_->refuse_unread(exchange->request, 400, "one Host header is needed");
  if (exchange->early) {
    bool const has_body = !connection->parser->is_done();
    bool const keep = message.keep_alive() && !has_body;
    auto response = std::move(*exchange->early);
    service_->finish(*exchange, response);
    bool const written = co_await write(connection, std::move(response), is_head, keep);
    if (written && has_body) co_await drain(connection);
    co_return written&& keep;
  }
  bool const has_body = co_await read_body(connection, exchange);
  if (!has_body) co_return false;
  if (exchange->may_wait) watch(connection, exchange);
  auto response = co_await service_->answer(exchange);
  bool const keep = connection->parser->get().keep_alive() && !is_stopping_;
  if (exchange->may_wait) {
    error_code ignored;
    connection->stream.socket().cancel(ignored);
  }
  service_->finish(*exchange, response);
  bool const written = co_await write(connection, std::move(response), is_head, keep);
  co_return written&& keep;
}

asio::awaitable<bool> HttpServer::read_head(std::shared_ptr<Connection> connection) {
  auto& c = *connection;
  if (c.buffer.size() == 0) {  // between requests a client may take its time
    c.stream.expires_after(limits_.idle_timeout);
    auto const space = c.buffer.prepare(4096);
    auto [error, size] = co_await c.stream.async_read_some(space, kAwait);
    if (error) co_return false;
    c.buffer.commit(size);
  }
  c.parser.emplace();
  c.parser->header_limit(limits_.header_bytes);
  c.parser->body_limit(limits_.body_bytes);
  c.stream.expires_after(limits_.header_timeout);
  auto [error, size] = co_await http::async_read_header(c.stream, c.buffer, *c.parser, kAwait);
  if (!error) co_return true;
  bool const answered = co_await refuse(connection, error);
  co_return answered && false;
}

asio::awaitable<bool> HttpServer::read_body(std::shared_ptr<Connection> connection,
                                            std::shared_ptr<Exchange> exchange) {
  auto& c = *connection;
  if (c.parser->is_done()) co_return true;
  std::uint64_t const limit = exchange->takes_body ? limits_.body_bytes : kNoBodyMax;
  if (c.parser->content_length().value_or(0) > limit) {
    bool const answered = co_await refuse(connection, http::error::body_limit);
    co_return answered && false;
  }
  c.parser->body_limit(limit);
  c.stream.expires_after(limits_.body_timeout);
  if (beast::iequals(c.parser->get()[http::field::expect], "100-continue")) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    auto const go = asio::buffer(kContinue.data(), kContinue.size());
    auto [error, size] = co_await asio::async_write(c.stream, go, kAwait);
    if (error) co_return false;
  }
  auto [error, size] = co_await http::async_read(c.stream, c.buffer, *c.parser, kAwait);
  if (error) {
    bool const answered = co_await refuse(connection, error);
    co_return answered && false;
  }
  exchange->request.body = std::move(c.parser->get().body());
  co_return true;
}

asio::awaitable<bool> HttpServer::refuse(std::shared_ptr<Connection> connection, error_code error) {
  int const status = status_of(error);
  if (status == 0) co_return false;
  auto const& message = connection->parser->get();
  bool const has_head = connection->parser->is_header_done();
  auto const request = has_head ? to_request(message) : Request{};
  auto response = service_->refuse_unread(request, status, error.message());
  bool const is_head = has_head && message.method() == http::verb::head;
  bool const written = co_await write(connection, std::move(response), is_head, false);
  if (written) co_await drain(connection);
  co_return written;
}

asio::awaitable<bool> HttpServer::write(std::shared_ptr<Connection> connection, Response response,
                                        bool is_head, bool keep_alive) {
  auto& c = *connection;
  bool const is_http_1_0 = c.parser && c.parser->is_header_done() && c.parser->get().version() < 11;
  std::string const head = head_of(response, keep_alive, is_http_1_0);
  std::array<asio::const_buffer, 2> const parts{
      asio::buffer(head), is_head ? asio::const_buffer{} : asio::buffer(response.body)};
  c.stream.expires_after(limits_.write_timeout);
  auto [error, size] = co_await asio::async_write(c.stream, parts, kAwait);
  co_return !error;
}

// Closing on unread bytes would reset the connection and take our answer with it, so what still
// comes is thrown away for a moment.
asio::awaitable<void> HttpServer::drain(std::shared_ptr<Connection> connection) {
  auto& c = *connection;
  error_code ignored;
  c.stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  c.stream.expires_after(kDrainTime);
  std::vector<char> scratch(64 * 1024);
  for (std::size_t total = 0; total < kDrainMax;) {
    auto const space = asio::buffer(scratch);
    auto [error, size] = co_await c.stream.async_read_some(space, kAwait);
    if (error) co_return;
    total += size;
  }
}

// Somebody who waits for events may hang up; without this he would hold a place for a minute.
void HttpServer::watch(std::shared_ptr<Connection> connection, std::shared_ptr<Exchange> exchange) {
  auto& socket = connection->stream.socket();
  connection->stream.expires_never();
  auto on_readable = [connection, exchange](error_code error) {
    if (error) return;
    char byte = 0;
    int const fd = connection->stream.socket().native_handle();
    if (::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0) return;  // a pipelined request
    exchange->is_abandoned = true;
    if (exchange->on_abandoned) exchange->on_abandoned();
  };
  socket.async_wait(tcp::socket::wait_read, on_readable);
}

}  // namespace hotside::api
