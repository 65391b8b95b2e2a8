#pragma once
// HTTP/1.1 on a socket: framing, limits, deadlines, keep-alive. What a request means is the
// Service's business. Requests of one connection are answered in order, one at a time, so a client
// may pipeline them. Neither a body nor an answer needs to be held whole.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "explorer/api/api_server.hpp"
#include "explorer/api/connection.hpp"
#include "explorer/api/http.hpp"
#include "explorer/api/tls.hpp"

namespace hotside::api {

// One request from its header to its answer. The Service derives its own.
struct Exchange {
  virtual ~Exchange() = default;
  Request request;
  std::optional<Response> early;  // decided from the header alone: the body is not read
  bool takes_body = false;        // up to the limit for bodies, else hardly any
  bool streams_body = false;      // of any length: it goes to Service::take
  std::uint64_t body_size = 0;    // as far as it came, for the server
  bool may_wait = false;          // the client may go away while we wait
  bool is_of_stranger = true;     // nobody said who he is
  bool is_abandoned = false;      // it did
  std::function<void()> on_abandoned;
};

// A body made while it is sent. The next piece is asked for when the one before was written, so
// that a slow client slows its making down and fills no memory.
struct BodySource {
  virtual ~BodySource() = default;
  // Empty: the end. An error breaks the connection off: the client sees that something is missing.
  virtual boost::asio::awaitable<Result<std::string>> next() = 0;
};

struct Service {
  virtual ~Service() = default;
  // After the header: routing, authorisation.
  virtual std::shared_ptr<Exchange> open(Request head) = 0;
  // The next piece of a body that is streamed. An answer ends it: what still comes is not read.
  virtual boost::asio::awaitable<std::optional<Response>> take(std::shared_ptr<Exchange> exchange,
                                                               std::string piece) = 0;
  virtual boost::asio::awaitable<Response> answer(std::shared_ptr<Exchange> exchange) = 0;
  // What could not be read as a request (then without an exchange).
  virtual Response refuse_unread(Request head, int status, std::string why) = 0;
  // There are as many connections as there may be: one of them, or the new one, has to go.
  virtual void at_connection_limit() = 0;
  // Headers that every answer carries; counts it.
  virtual void finish(Exchange const& exchange, Response& response) = 0;
};

class HttpServer : public std::enable_shared_from_this<HttpServer> {
 public:
  HttpServer(boost::asio::io_context& net, HttpLimits limits, std::shared_ptr<Service> service);
  // TLS for the connections accepted from now on; null: plain.
  void use(TlsContext tls) { tls_ = std::move(tls); }
  Result<void> listen(std::string const& where);  // "127.0.0.1:8080", "[::1]:0"
  std::uint16_t port() const { return port_; }
  // Answers under way get HttpLimits::stop_grace; every other connection closes now.
  void stop();

 private:
  using Link = std::shared_ptr<Connection>;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  Awaitable<void> accept();
  Awaitable<void> serve(Link connection);
  void close_all(bool also_answering);
  // Those that return bool say whether the connection can carry another request.
  Awaitable<bool> one_request(Link connection);
  Awaitable<bool> exchange_messages(Link connection, std::shared_ptr<Exchange> exchange);
  Awaitable<bool> answer_early(Link connection, std::shared_ptr<Exchange> exchange, bool may_go_on);
  Awaitable<bool> answer(Link connection, std::shared_ptr<Exchange> exchange);
  Awaitable<bool> refuse(Link connection, boost::system::error_code error);
  // Whether all of it came; otherwise the client was told.
  Awaitable<bool> read_head(Link connection);
  Awaitable<bool> read_body(Link connection, std::shared_ptr<Exchange> exchange);
  Awaitable<bool> read_stream(Link connection, std::shared_ptr<Exchange> exchange);
  // Whether all of it was written.
  Awaitable<bool> write(Link connection, Response response, bool keep_alive);
  Awaitable<bool> write_rest(Link connection, std::shared_ptr<BodySource> source,
                             std::shared_ptr<Exchange> exchange);
  void watch(Link connection, std::shared_ptr<Exchange> exchange);
  bool make_room();
  void turn_away(boost::asio::ip::tcp::socket socket);

  boost::asio::io_context& net_;
  HttpLimits limits_;
  std::shared_ptr<Service> service_;
  TlsContext tls_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer grace_;
  std::uint16_t port_ = 0;
  std::set<Connection*> connections_;
  std::uint64_t bodies_ = 0;   // bytes of bodies in memory
  std::uint64_t answers_ = 0;  // and of answers that are being taken
  bool is_stopping_ = false;
};

// Splits "host:port"; IPv6 in brackets.
Result<boost::asio::ip::tcp::endpoint> parse_listen(std::string const& where);

}  // namespace hotside::api
