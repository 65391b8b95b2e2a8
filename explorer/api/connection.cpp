#include "explorer/api/connection.hpp"

#include <poll.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <tuple>
#include <utility>
#include <vector>

namespace hotside::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kDrainMax = 32 * 1024 * 1024;
constexpr std::chrono::seconds kDrainTime{3};
constexpr std::chrono::milliseconds kGoodbyeTime{500};

// A header line that goes on in the next one is read in different ways by different programs.
bool has_fold(std::string_view header) {
  return header.find("\n ") != std::string_view::npos ||
         header.find("\n\t") != std::string_view::npos;
}

std::string text(boost::core::string_view view) { return std::string(view.data(), view.size()); }

// All fields of this name as the one list that HTTP says they are.
std::optional<std::string> joined(Connection::Message const& message, std::string_view name) {
  std::optional<std::string> all;
  auto const [first, last] = message.equal_range({name.data(), name.size()});
  for (auto field = first; field != last; ++field)
    all = (all ? *all + ", " : std::string()) + text(field->value());
  return all;
}

}  // namespace

int status_of(boost::system::error_code error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  static auto const& category = http::make_error_code(http::error::bad_method).category();
  return error.category() == category ? 400 : 0;
}

std::optional<std::string> wrong_framing(Connection::Message const& message) {
  auto const encodings = message.count(http::field::transfer_encoding);
  auto const encoding = message[http::field::transfer_encoding];
  if (encodings > 1 || (encodings == 1 && !beast::iequals(encoding, "chunked")))
    return "the only Transfer-Encoding is chunked";
  if (encodings == 1 && message.version() < 11) return "HTTP/1.0 knows no Transfer-Encoding";
  auto const lengths = message.count(http::field::content_length);
  auto const length = message[http::field::content_length];
  if (lengths > 1 || length.find(',') != length.npos) return "one Content-Length is enough";
  auto const hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11)) return "one Host header is needed";
  if (message.count(http::field::authorization) > 1) return "one Authorization is enough";
  return std::nullopt;
}

Connection::Connection(tcp::socket socket, HttpLimits const& limits, TlsContext const& tls)
    : limits_(limits), stream_(std::move(socket)), context_(tls) {
  if (context_) tls_.emplace(stream_, *context_);
}

Connection::Awaitable<bool> Connection::begin() {
  if (!tls_) co_return true;
  stream_.expires_after(limits_.header_timeout);
  auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kAwait);
  has_said_hello_ = !error;
  co_return has_said_hello_;
}

Connection::Awaitable<void> Connection::end() {
  if (!has_said_hello_ || is_broken_) co_return;
  stream_.expires_after(kGoodbyeTime);
  [[maybe_unused]] auto const done = co_await tls_->async_shutdown(kAwait);
}

Request Connection::request() const {
  Request request;
  auto const& from = message();
  request.method = text(from.method_string());
  request.target = text(from.target());
  request.authorization = text(from[http::field::authorization]);
  request.content_type = text(from[http::field::content_type]);
  request.if_none_match = text(from[http::field::if_none_match]);
  request.content_encoding = text(from[http::field::content_encoding]);
  request.idempotency_key = joined(from, "Idempotency-Key");
  request.accept_encoding = text(from[http::field::accept_encoding]);
  request.last_event_id = text(from["Last-Event-ID"]);
  request.host = text(from[http::field::host]);
  request.has_body = has_body();
  request.request_id = request_id(text(from["X-Request-Id"]));
  return request;
}

bool Connection::is_head_request() const {
  return has_head() && message().method() == http::verb::head;
}

// More bytes behind those in the buffer, which stays bounded whatever comes.
Connection::Awaitable<Connection::ErrorCode> Connection::fill() {
  if (buffer_.size() >= limits_.header_bytes + kReadBytes)
    co_return http::make_error_code(http::error::buffer_overflow);
  auto const space = buffer_.prepare(kReadBytes);
  std::tuple<ErrorCode, std::size_t> read;
  if (tls_)
    read = co_await tls_->async_read_some(space, kAwait);
  else
    read = co_await stream_.async_read_some(space, kAwait);
  auto const [error, size] = read;
  buffer_.commit(size);
  is_broken_ = error.failed();
  co_return error;
}

// One step of the parser over the buffer, or more bytes for it.
Connection::Awaitable<Connection::ErrorCode> Connection::step() {
  if (buffer_.size() > 0) {
    ErrorCode error;
    auto const bytes = buffer_.cdata();
    bool const is_header = !parser_->is_header_done();
    auto const size = parser_->put(bytes, error);
    if (is_header && has_fold({static_cast<char const*>(bytes.data()), size}))
      error = http::make_error_code(http::error::bad_obs_fold);
    buffer_.consume(size);
    if (error != http::error::need_more) co_return error;
  }
  auto const error = co_await fill();
  co_return error;
}

Connection::Awaitable<Connection::ErrorCode> Connection::read_head() {
  parser_.reset();
  if (buffer_.size() == 0) {  // between requests a client may take its time
    stream_.expires_after(is_first_ ? limits_.header_timeout : limits_.idle_timeout);
    is_first_ = false;
    auto const error = co_await fill();
    if (error) co_return error;
  }
  parser_.emplace();
  parser_->header_limit(limits_.header_bytes);
  parser_->body_limit(boost::none);  // begin_body() has it
  stream_.expires_after(limits_.header_timeout);
  while (true) {
    auto const error = co_await step();
    if (error || parser_->is_header_done()) co_return error;
  }
}

Connection::Awaitable<Connection::ErrorCode> Connection::begin_body(
    std::optional<std::uint64_t> limit) {
  if (limit && parser_->content_length().value_or(0) > *limit)
    co_return http::make_error_code(http::error::body_limit);
  // A body whose length is told was compared; the parser counts what comes in chunks.
  if (limit)
    parser_->body_limit(*limit);
  else
    parser_->body_limit(boost::none);
  if (!has_body() || !beast::iequals(message()[http::field::expect], "100-continue"))
    co_return ErrorCode{};
  auto const error = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
  co_return error;
}

void Connection::allow_body_time() { stream_.expires_after(limits_.body_timeout); }

Connection::Awaitable<Connection::Piece> Connection::read_piece(std::size_t max) {
  Piece piece;
  piece.bytes.resize(max);
  auto& body = parser_->get().body();
  body.data = piece.bytes.data();
  body.size = max;
  while (!parser_->is_done() && body.size > 0) {
    auto const error = co_await step();
    if (error == http::error::need_buffer) break;
    if (error) {
      piece.error = error;
      break;
    }
  }
  piece.bytes.resize(max - body.size);
  body.data = nullptr;
  body.size = 0;
  co_return piece;
}

Connection::Awaitable<Connection::ErrorCode> Connection::write(std::string_view first,
                                                               std::string_view second) {
  std::array<asio::const_buffer, 2> const parts{asio::buffer(first.data(), first.size()),
                                                asio::buffer(second.data(), second.size())};
  stream_.expires_after(limits_.write_timeout);
  std::tuple<ErrorCode, std::size_t> written;
  if (tls_)
    written = co_await asio::async_write(*tls_, parts, kAwait);
  else
    written = co_await asio::async_write(stream_, parts, kAwait);
  is_broken_ = std::get<0>(written).failed();
  co_return std::get<0>(written);
}

Connection::Awaitable<void> Connection::drain() {
  ErrorCode ignored;
  is_broken_ = true;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kDrainTime);
  std::vector<char> scratch(64 * 1024);
  for (std::size_t total = 0; total < kDrainMax;) {
    auto const space = asio::buffer(scratch);
    auto [error, size] = co_await stream_.async_read_some(space, kAwait);
    if (error) co_return;
    total += size;
  }
}

void Connection::watch(std::function<void()> gone) {
  stream_.expires_never();
  auto on_readable = [this, gone = std::move(gone)](ErrorCode error) {
    if (error) return;
    // Not by reading: whoever leaves may have sent something first (a request, the end of TLS), and
    // one who leaves with our bytes unread resets the connection.
    pollfd socket{stream_.socket().native_handle(), POLLRDHUP, 0};
    if (::poll(&socket, 1, 0) == 1) gone();  // else a pipelined request
  };
  stream_.socket().async_wait(tcp::socket::wait_read, std::move(on_readable));
}

void Connection::unwatch() {
  ErrorCode ignored;
  stream_.socket().cancel(ignored);
}

}  // namespace hotside::api
