#include "explorer/api/http_server.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>

#include "explorer/api/handler.hpp"

namespace hotside::api {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kNoBodyMax = 64 * 1024;  // where a body means nothing

// An exception that reaches here is a mistake of ours: it leaves run() and stops the program.
void rethrow(std::exception_ptr error) {
  if (error) std::rethrow_exception(error);
}

std::string head_of(Response const& response, bool keep_alive, bool is_http_1_0) {
  auto const reason = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " +
                     std::string(reason.data(), reason.size()) + "\r\n";
  auto const add = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  if (!response.content_type.empty()) add("Content-Type", response.content_type);
  if (response.source && !is_http_1_0)
    add("Transfer-Encoding", "chunked");
  else if (!response.source && response.status != 204 && response.status != 304)
    add("Content-Length", std::to_string(response.body.size()));
  for (auto const& [name, value] : response.headers) add(name, value);
  if (!keep_alive)
    add("Connection", "close");
  else if (is_http_1_0)
    add("Connection", "keep-alive");
  return head + "\r\n";
}

std::string as_chunk(std::string_view bytes) {
  char size[17];
  auto const end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
  std::string chunk(size, end);
  return chunk.append("\r\n").append(bytes).append("\r\n");
}

}  // namespace

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
    : net_(net), limits_(limits), service_(std::move(service)), acceptor_(net), grace_(net) {}

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
  close_all(false);
  if (connections_.empty()) return;
  grace_.expires_after(limits_.stop_grace);
  grace_.async_wait([server = shared_from_this()](error_code error) {
    if (!error) server->close_all(true);
  });
}

void HttpServer::close_all(bool also_answering) {
  for (auto* const connection : connections_)
    if (also_answering || !connection->is_answering) connection->close();
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
    bool const is_full = connections_.size() >= limits_.connections;
    if (is_full) service_->at_connection_limit();
    if (is_full && !make_room()) {
      turn_away(std::move(socket));
      continue;
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto connection = std::make_shared<Connection>(std::move(socket), limits_, tls_);
    connections_.insert(connection.get());
    auto run = [](std::shared_ptr<HttpServer> server, Link client) -> asio::awaitable<void> {
      co_await server->serve(client);
      server->connections_.erase(client.get());
      if (server->connections_.empty()) server->grace_.cancel();
    };
    asio::co_spawn(net_, run(shared_from_this(), std::move(connection)), rethrow);
  }
}

// A stranger can open as many connections as there are; callers that are known must find one all
// the same. So the stranger who has been at it longest has to go.
bool HttpServer::make_room() {
  Connection* oldest = nullptr;
  for (auto* const each : connections_)
    if (each->is_of_stranger && (!oldest || each->quiet_since < oldest->quiet_since)) oldest = each;
  if (oldest == nullptr) return false;
  oldest->close();
  connections_.erase(oldest);
  return true;
}

// One answer into the empty send buffer, without waiting for anybody.
void HttpServer::turn_away(tcp::socket socket) {
  if (tls_) return;  // it would take a handshake to say it
  auto const response = service_->refuse_unread({}, 503, "too many connections");
  auto const bytes = head_of(response, false, false) + response.body;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(bytes), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> HttpServer::serve(Link connection) {
  bool const is_open = co_await connection->begin();
  while (is_open && !is_stopping_) {
    bool const goes_on = co_await one_request(connection);
    connection->is_answering = false;
    connection->quiet_since = std::chrono::steady_clock::now();
    if (!goes_on) break;
  }
  co_await connection->end();
  connection->close();
}

asio::awaitable<bool> HttpServer::one_request(Link connection) {
  bool const has_head = co_await read_head(connection);
  if (!has_head) co_return false;
  auto exchange = service_->open(connection->request());
  auto const& message = connection->message();
  auto const wrong = wrong_framing(message);
  if (wrong) exchange->early = service_->refuse_unread(exchange->request, 400, *wrong);
  if (exchange->early) {
    bool const goes_on = co_await answer_early(connection, exchange, !wrong);
    co_return goes_on;
  }
  if (!exchange->is_of_stranger) connection->is_of_stranger = false;
  bool const goes_on = co_await exchange_messages(connection, exchange);
  bodies_ -= exchange->body_size;
  co_return goes_on;
}

asio::awaitable<bool> HttpServer::exchange_messages(Link connection,
                                                    std::shared_ptr<Exchange> exchange) {
  bool has_body = false;
  if (exchange->streams_body)
    has_body = co_await read_stream(connection, exchange);
  else
    has_body = co_await read_body(connection, exchange);
  if (!has_body) co_return false;
  bool const goes_on = co_await answer(connection, exchange);
  co_return goes_on;
}

asio::awaitable<bool> HttpServer::answer_early(Link connection, std::shared_ptr<Exchange> exchange,
                                               bool may_go_on) {
  connection->is_answering = true;
  bool const ends_here = !may_go_on || connection->has_body();  // what follows was not understood
  bool const keep = !ends_here && connection->message().keep_alive() && !is_stopping_;
  auto response = std::move(*exchange->early);
  service_->finish(*exchange, response);
  bool const written = co_await write(connection, std::move(response), keep);
  if (written && ends_here) co_await connection->drain();
  co_return written&& keep;
}

asio::awaitable<bool> HttpServer::answer(Link connection, std::shared_ptr<Exchange> exchange) {
  connection->is_answering = true;
  if (exchange->may_wait) watch(connection, exchange);
  auto response = co_await service_->answer(exchange);
  bool const is_large = response.body.size() > kPieceBytes;
  if (is_large && answers_ > 0 && answers_ + response.body.size() > limits_.answers_bytes)
    response = service_->refuse_unread(exchange->request, 503, "too many answers wait to be taken");
  auto const source = response.source;
  bool const is_unbounded = source && connection->is_http_1_0();  // it ends with the connection
  bool const keep = connection->message().keep_alive() && !is_stopping_ && !is_unbounded;
  service_->finish(*exchange, response);
  bool written = co_await write(connection, std::move(response), keep);
  if (written && source && !connection->is_head_request())
    written = co_await write_rest(connection, source, exchange);
  if (exchange->may_wait) connection->unwatch();
  co_return written&& keep;
}

asio::awaitable<bool> HttpServer::read_head(Link connection) {
  auto const error = co_await connection->read_head();
  if (!error) co_return true;
  co_await refuse(connection, error);
  co_return false;
}

asio::awaitable<bool> HttpServer::read_body(Link connection, std::shared_ptr<Exchange> exchange) {
  if (!connection->has_body()) co_return true;
  auto const limit = exchange->takes_body ? limits_.body_bytes : kNoBodyMax;
  auto error = co_await connection->begin_body(limit);
  connection->allow_body_time();
  while (!error && connection->has_body()) {
    auto const piece = co_await connection->read_piece(kPieceBytes);
    error = piece.error;
    exchange->request.body += piece.bytes;
    exchange->body_size += piece.bytes.size();
    bodies_ += piece.bytes.size();
    if (error || bodies_ <= limits_.bodies_bytes) continue;
    exchange->early = service_->refuse_unread(exchange->request, 503, "too many bodies at once");
    co_await answer_early(connection, exchange, false);
    co_return false;
  }
  if (!error) co_return true;
  co_await refuse(connection, error);
  co_return false;
}

asio::awaitable<bool> HttpServer::read_stream(Link connection, std::shared_ptr<Exchange> exchange) {
  auto error = co_await connection->begin_body(std::nullopt);
  while (!error && connection->has_body()) {
    connection->allow_body_time();
    auto piece = co_await connection->read_piece(kPieceBytes);
    error = piece.error;
    if (error || piece.bytes.empty()) continue;
    auto refusal = co_await service_->take(exchange, std::move(piece.bytes));
    if (!refusal) continue;
    exchange->early = std::move(refusal);
    co_await answer_early(connection, exchange, false);
    co_return false;
  }
  if (!error) co_return true;
  co_await refuse(connection, error);
  co_return false;
}

asio::awaitable<bool> HttpServer::refuse(Link connection, error_code error) {
  int const status = status_of(error);
  if (status == 0) co_return false;
  auto const request = connection->has_head() ? connection->request() : Request{};
  auto response = service_->refuse_unread(request, status, error.message());
  bool const written = co_await write(connection, std::move(response), false);
  if (written) co_await connection->drain();
  co_return false;
}

asio::awaitable<bool> HttpServer::write(Link connection, Response response, bool keep_alive) {
  bool const is_http_1_0 = connection->is_http_1_0();
  std::string const head = head_of(response, keep_alive, is_http_1_0);
  bool const is_chunked = response.source && !is_http_1_0;
  if (is_chunked && !response.body.empty()) response.body = as_chunk(response.body);
  std::string_view const body =
      connection->is_head_request() ? std::string_view{} : std::string_view(response.body);
  answers_ += response.body.size();
  auto const error = co_await connection->write(head, body);
  answers_ -= response.body.size();
  co_return !error;
}

asio::awaitable<bool> HttpServer::write_rest(Link connection, std::shared_ptr<BodySource> source,
                                             std::shared_ptr<Exchange> exchange) {
  bool const is_chunked = !connection->is_http_1_0();
  while (!exchange->is_abandoned) {
    auto piece = co_await source->next();
    if (!piece) {
      spdlog::warn("http answer broken off: {} request_id={}", piece.error().what,
                   exchange->request.request_id);
      co_return false;
    }
    bool const is_last = piece->empty();
    std::string const bytes = is_last ? "0\r\n\r\n" : as_chunk(*piece);
    if (is_last && !is_chunked) co_return true;
    auto const error = co_await connection->write(is_chunked ? bytes : *piece);
    if (error || is_last) co_return !error;
  }
  co_return false;
}

// Somebody who waits for events may hang up; without this he would hold a place for a minute.
void HttpServer::watch(Link connection, std::shared_ptr<Exchange> exchange) {
  connection->watch([connection, exchange] {
    exchange->is_abandoned = true;
    if (exchange->on_abandoned) exchange->on_abandoned();
  });
}

}  // namespace hotside::api
