#pragma once
// HTTP/1.1 on a socket: framing, limits, deadlines, keep-alive. What a request means is the
// Service's business. Requests of one connection are answered in order, one at a time, so a client
// may pipeline them.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "explorer/api/api_server.hpp"
#include "explorer/api/http.hpp"

namespace hotside::api {

// One request from its header to its answer. The Service derives its own.
struct Exchange {
  virtual ~Exchange() = default;
  Request request;
  std::optional<Response> early;  // decided from the header alone: the body is not read
  bool takes_body = false;        // up to the limit for bodies, else hardly any
  bool may_wait = false;          // the client may go away while we wait
  bool is_abandoned = false;      // it did
  std::function<void()> on_abandoned;
};

struct Service {
  virtual ~Service() = default;
  // After the header: routing, authorisation.
  virtual std::shared_ptr<Exchange> open(Request head) = 0;
  virtual boost::asio::awaitable<Response> answer(std::shared_ptr<Exchange> exchange) = 0;
  // What could not be read as a request (then without an exchange).
  virtual Response refuse_unread(Request head, int status, std::string why) = 0;
  // Headers that every answer carries; counts it.
  virtual void finish(Exchange const& exchange, Response& response) = 0;
};

class HttpServer : public std::enable_shared_from_this<HttpServer> {
 public:
  HttpServer(boost::asio::io_context& net, HttpLimits limits, std::shared_ptr<Service> service);
  Result<void> listen(std::string const& where);  // "127.0.0.1:8080", "[::1]:0"
  std::uint16_t port() const { return port_; }
  void stop();

 private:
  struct Connection;
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<bool> one_request(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<bool> read_head(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<bool> read_body(std::shared_ptr<Connection> connection,
                                         std::shared_ptr<Exchange> exchange);
  boost::asio::awaitable<bool> refuse(std::shared_ptr<Connection> connection,
                                      boost::system::error_code error);
  boost::asio::awaitable<bool> write(std::shared_ptr<Connection> connection, Response response,
                                     bool is_head, bool keep_alive);
  boost::asio::awaitable<void> drain(std::shared_ptr<Connection> connection);
  void watch(std::shared_ptr<Connection> connection, std::shared_ptr<Exchange> exchange);
  void turn_away(boost::asio::ip::tcp::socket socket);

  boost::asio::io_context& net_;
  HttpLimits limits_;
  std::shared_ptr<Service> service_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::set<Connection*> connections_;
  bool is_stopping_ = false;
};

// Splits "host:port"; IPv6 in brackets.
Result<boost::asio::ip::tcp::endpoint> parse_listen(std::string const& where);

}  // namespace hotside::api
