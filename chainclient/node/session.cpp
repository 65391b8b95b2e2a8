#include "chainclient/node/session.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>
#include <websocketpp/client.hpp>
#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/config/core_client.hpp>
#include <websocketpp/logger/stub.hpp>
#include <websocketpp/transport/asio/endpoint.hpp>

namespace hotside::node {
namespace {

namespace ws = websocketpp;

// The library's own pause_reading() is a trap: resuming while a read is still in flight starts a
// second read into the same buffer. Reads are held back here instead, where each is one call; the
// same place counts bytes, which the library does not tell before a message is whole, and stops its
// exceptions (a length that no memory can hold, for one).
template <class Config>
class GatedConnection : public ws::transport::asio::connection<Config> {
  using Base = ws::transport::asio::connection<Config>;

 public:
  using Base::Base;
  void hold() { held_ = true; }
  void release() {
    held_ = false;
    if (auto parked = std::exchange(parked_, nullptr)) parked();
  }
  void forget_parked() { parked_ = nullptr; }
  std::uint64_t bytes_received() const { return bytes_received_; }
  void on_exception(std::function<void(std::string)> handler) { exception_ = std::move(handler); }

 protected:
  void async_read_at_least(std::size_t at_least, char* buffer, std::size_t size,
                           ws::transport::read_handler handler) {
    if (held_) {
      parked_ = [this, at_least, buffer, size, handler = std::move(handler)] {
        read(at_least, buffer, size, handler);
      };
      return;
    }
    read(at_least, buffer, size, std::move(handler));
  }

 private:
  void read(std::size_t at_least, char* buffer, std::size_t size,
            ws::transport::read_handler handler) {
    // The base keeps this object alive for as long as the read is in flight.
    auto counted = [this, handler = std::move(handler)](ws::lib::error_code const& ec,
                                                        std::size_t bytes) {
      bytes_received_ += bytes;
      try {
        handler(ec, bytes);
      } catch (std::exception const& error) {
        if (exception_) exception_(error.what());
      }
    };
    Base::async_read_at_least(at_least, buffer, size, std::move(counted));
  }

  bool held_ = false;
  std::function<void()> parked_;
  std::function<void(std::string)> exception_;
  std::uint64_t bytes_received_ = 0;
};

template <class Config>
struct GatedEndpoint : ws::transport::asio::endpoint<Config> {
  using transport_con_type = GatedConnection<Config>;
  using transport_con_ptr = typename transport_con_type::ptr;
};

// Why a look-up or a connect failed is told to the log alone: this log keeps the first such text,
// which reads "asio async_connect error: system:111 (Connection refused)".
class ErrorKeeper : public ws::log::stub {
 public:
  using ws::log::stub::stub;
  void write(ws::log::level, std::string const& text) { keep(text); }
  void write(ws::log::level, char const* text) { keep(text); }
  bool static_test(ws::log::level level) const { return level != ws::log::elevel::devel; }
  bool dynamic_test(ws::log::level level) { return static_test(level); }
  std::string const& reason() const { return reason_; }

 private:
  void keep(std::string_view text) {
    auto const begin = text.find(" (");
    if (reason_.empty() && text.starts_with("asio ") && begin != text.npos && text.ends_with(')'))
      reason_ = text.substr(begin + 2, text.size() - begin - 3);
  }
  std::string reason_;
};

struct ClientConfig : ws::config::core_client {
  using type = ClientConfig;
  using concurrency_type = ws::concurrency::none;  // one thread
  using elog_type = ErrorKeeper;
  using alog_type = ws::log::stub;
  using rng_type = ws::random::random_device::int_generator<std::uint32_t, concurrency_type>;
  // Measured with 100 MB over loopback: 16 KiB takes a third longer, 256 KiB no less.
  static std::size_t const connection_read_buffer_size = 64U << 10U;
  static bool const drop_on_protocol_error = true;

  struct transport_config : ws::config::core_client::transport_config {
    using concurrency_type = type::concurrency_type;
    using elog_type = type::elog_type;
    using alog_type = type::alog_type;
    using request_type = type::request_type;
    using response_type = type::response_type;
    using socket_type = ws::transport::asio::basic_socket::endpoint;
    static bool const enable_multithreading = false;
    static long const timeout_dns_resolve = 10'000;
    static long const timeout_connect = 10'000;
    static long const timeout_socket_shutdown = 2'000;
  };
  using transport_type = GatedEndpoint<transport_config>;
};

using Client = ws::client<ClientConfig>;
using ConnectionPtr = Client::connection_ptr;

std::string why_failed(Client::connection_type const& connection, std::string const& reason) {
  auto const code = connection.get_response_code();
  if (code != ws::http::status_code::uninitialized &&
      code != ws::http::status_code::switching_protocols)
    return "answered HTTP " + std::to_string(static_cast<int>(code)) +
           " instead of a WebSocket handshake";
  auto const ec = connection.get_ec();
  if (ec == ws::transport::error::pass_through && !reason.empty())
    return "cannot connect: " + reason;
  if (ec == ws::transport::error::timeout) return "cannot connect: no answer in time";
  if (ec == ws::error::open_handshake_timeout)
    return "connected, but no WebSocket handshake in time";
  if (ec == ws::transport::error::eof) return "connection closed during the WebSocket handshake";
  if (connection.get_transport_ec())
    return "cannot connect: " + connection.get_transport_ec().message();
  return "WebSocket handshake failed: " + ec.message();
}

std::string why_closed(Client::connection_type const& connection) {
  auto const ec = connection.get_ec();
  if (ec == ws::processor::error::message_too_big) return "a message is larger than the limit";
  auto const code = connection.get_remote_close_code();
  if (code != ws::close::status::no_status && code != ws::close::status::abnormal_close &&
      code != ws::close::status::blank) {
    auto const& reason = connection.get_remote_close_reason();
    return "closed by the node with code " + std::to_string(code) +
           (reason.empty() ? "" : ": " + reason);
  }
  if (!ec || ec == ws::transport::error::eof) return "connection closed by the node";
  if (ec == ws::transport::error::pass_through && connection.get_transport_ec())
    return "connection lost: " + connection.get_transport_ec().message();
  return "connection lost: " + ec.message();
}

// Which kind of frame the library would not take; empty where the connection ended otherwise.
std::string_view refused_frame(ws::lib::error_code const& ec) {
  if (ec == ws::processor::error::message_too_big) return "size";
  return ec.category() == ws::processor::error::get_processor_category() ? "websocket" : "";
}

}  // namespace

struct Session::Impl : std::enable_shared_from_this<Impl> {
  SessionEvents events;
  // The connection's handlers hold this object, so this one must not hold the connection: Session
  // does, and so does each operation in flight.
  std::weak_ptr<Client::connection_type> weak;
  bool open = false, closing = false, held = false, silent = false;
  std::string why;

  ConnectionPtr connection() const { return weak.lock(); }
  ConnectionPtr begin(boost::asio::io_context& net, SessionOptions const& options);
  void on_open();
  void on_message(Client::message_ptr const& message);
  void finish(std::string reason);
  void shut();
};

ConnectionPtr Session::Impl::begin(boost::asio::io_context& net, SessionOptions const& options) {
  ConnectionPtr connection;
  // The library's endpoint must outlive every operation in flight, a name lookup that nobody can
  // cancel included. Each of those holds the connection, and the connection's handlers hold the
  // endpoint.
  auto client = std::make_shared<Client>();
  ws::lib::error_code ec;
  client->init_asio(&net, ec);
  if (!ec) connection = client->get_connection(options.endpoint, ec);
  if (ec || !connection || connection->get_uri()->get_secure()) {
    boost::asio::post(net, [self = shared_from_this(), endpoint = options.endpoint] {
      self->finish("endpoint '" + endpoint + "' is not of the form ws://host:port");
    });
    return nullptr;
  }
  weak = connection;
  connection->set_max_message_size(options.max_message_bytes);
  connection->set_open_handshake_timeout(static_cast<long>(options.handshake_within.count()));
  connection->set_close_handshake_timeout(static_cast<long>(options.close_within.count()));
  auto self = shared_from_this();
  connection->set_open_handler([self, client](ws::connection_hdl) { self->on_open(); });
  connection->set_message_handler(
      [self](ws::connection_hdl, Client::message_ptr message) { self->on_message(message); });
  connection->set_fail_handler([self, client](ws::connection_hdl) {
    if (auto const failed = self->connection())
      self->finish(why_failed(*failed, client->get_elog().reason()));
  });
  connection->set_close_handler([self](ws::connection_hdl) {
    auto const closed = self->connection();
    if (!closed) return;
    auto const reason = refused_frame(closed->get_ec());
    if (!reason.empty() && !self->silent) self->events.refused(reason);
    self->finish(why_closed(*closed));
  });
  connection->on_exception([impl = weak_from_this()](std::string const& what) {
    auto const thrown_at = impl.lock();
    auto const broken = thrown_at ? thrown_at->connection() : nullptr;
    if (!broken) return;
    if (thrown_at->why.empty()) thrown_at->why = "connection dropped: " + what;
    broken->terminate(ws::error::make_error_code(ws::error::general));
  });
  return client->connect(connection);
}

void Session::Impl::on_open() {
  auto const connected = connection();
  if (!connected) return;
  open = true;
  boost::system::error_code ignored;
  connected->get_raw_socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  if (closing) return shut();
  if (held) connected->hold();
  if (!silent) events.opened();
}

void Session::Impl::on_message(Client::message_ptr const& message) {
  if (closing || silent) return;
  if (message->get_opcode() != ws::frame::opcode::text) {
    events.refused("binary");
    why = "sent a binary frame";
    closing = true;
    return shut();
  }
  events.message(std::move(message->get_raw_payload()));
}

void Session::Impl::finish(std::string reason) {
  open = false;
  if (auto const ended = connection()) ended->forget_parked();
  auto const told = std::exchange(events, SessionEvents{});
  if (!silent && told.closed) told.closed(why.empty() ? std::move(reason) : why);
}

void Session::Impl::shut() {
  auto const open_one = open ? connection() : nullptr;
  if (!open_one) return;
  open_one->release();  // only what is read can tell that the node has closed its side
  ws::lib::error_code ignored;
  open_one->close(ws::close::status::normal, "", ignored);
}

Session::Session(boost::asio::io_context& net, SessionOptions const& options, SessionEvents events)
    : impl_(std::make_shared<Impl>()) {
  impl_->events = std::move(events);
  connection_ = impl_->begin(net, options);
}

Session::~Session() {
  impl_->silent = true;
  close({});
}

void Session::send(std::string const& text) {
  auto const connection = impl_->connection();
  if (!connection || !impl_->open || impl_->closing) return;
  // An error means that it is not open any more: the close event is on its way.
  [[maybe_unused]] auto const ignored = connection->send(text, ws::frame::opcode::text);
}

void Session::ping() {
  auto const connection = impl_->connection();
  if (!connection || !impl_->open || impl_->closing) return;
  ws::lib::error_code ignored;
  connection->ping("", ignored);
}

void Session::close(std::string why) {
  if (impl_->closing) return;
  impl_->closing = true;
  if (impl_->why.empty()) impl_->why = std::move(why);
  impl_->shut();
}

void Session::hold() {
  impl_->held = true;
  auto const connection = impl_->connection();
  if (connection && impl_->open && !impl_->closing) connection->hold();
}

void Session::release() {
  impl_->held = false;
  if (auto const connection = impl_->connection()) connection->release();
}

std::uint64_t Session::bytes_received() const {
  auto const connection = impl_->connection();
  return connection ? connection->bytes_received() : 0;
}

std::size_t Session::bytes_to_send() const {
  auto const connection = impl_->connection();
  return connection ? connection->get_buffered_amount() : 0;
}

}  // namespace hotside::node
