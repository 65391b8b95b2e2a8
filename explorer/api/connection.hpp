#pragma once
// One client's connection: its bytes, and the message that is being read from them. Everything has
// a deadline; when that passes the connection is closed.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "explorer/api/api_server.hpp"
#include "explorer/api/http.hpp"
#include "explorer/api/tls.hpp"

namespace hotside::api {

class Connection {
 public:
  using ErrorCode = boost::system::error_code;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;
  using Message = boost::beast::http::request<boost::beast::http::buffer_body>;

  Connection(boost::asio::ip::tcp::socket socket, HttpLimits const& limits, TlsContext const& tls);

  Awaitable<bool> begin();  // the handshake of TLS
  Awaitable<void> end();    // tells the other side that nothing was cut off

  // The next message's header. Bytes beyond it stay for its body, or the next message.
  Awaitable<ErrorCode> read_head();
  bool has_head() const { return parser_ && parser_->is_header_done(); }
  Message const& message() const { return parser_->get(); }
  Request request() const;  // without its body
  bool is_head_request() const;
  bool is_http_1_0() const { return has_head() && message().version() < 11; }
  bool has_body() const { return !parser_->is_done(); }  // that was not read yet

  // Once, before read_piece(); nullopt: of any length. Sends 100 Continue to who waits for it.
  Awaitable<ErrorCode> begin_body(std::optional<std::uint64_t> limit);
  void allow_body_time();  // the pieces read from now on must come within body_timeout
  struct Piece {
    ErrorCode error;
    std::string bytes;
  };
  // Of the body, at most `max`; shorter at its end only.
  Awaitable<Piece> read_piece(std::size_t max);

  Awaitable<ErrorCode> write(std::string_view first, std::string_view second = {});
  // Closing on unread bytes would reset the connection and take our answer with it, so what still
  // comes is thrown away for a moment.
  Awaitable<void> drain();

  // Calls `gone` when the client hangs up while we read nothing; until unwatch(). `gone` keeps this
  // connection alive.
  void watch(std::function<void()> gone);
  void unwatch();
  void close() { stream_.close(); }

  // For the server, which has to choose when it stops or is full.
  bool is_answering = false;
  bool is_of_stranger = true;  // until a request comes from a caller that is known
  std::chrono::steady_clock::time_point quiet_since = std::chrono::steady_clock::now();

 private:
  Awaitable<ErrorCode> fill();
  Awaitable<ErrorCode> step();

  HttpLimits const& limits_;
  boost::beast::tcp_stream stream_;
  using Tls = boost::asio::ssl::stream<boost::beast::tcp_stream&>;
  TlsContext context_;
  std::optional<Tls> tls_;
  bool has_said_hello_ = false, is_broken_ = false, is_first_ = true;
  boost::beast::flat_buffer buffer_;  // keeps what was read beyond a message: the next, pipelined
  std::optional<boost::beast::http::request_parser<boost::beast::http::buffer_body>> parser_;
};

// Two ideas of where a message ends, or whom it is for, are the start of request smuggling: what
// leaves room for a second one is refused.
std::optional<std::string> wrong_framing(Connection::Message const& message);

// What a reading error means to the client; 0: nobody is there to be told.
int status_of(boost::system::error_code error);

}  // namespace hotside::api
