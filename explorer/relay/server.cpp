#include "explorer/relay/server.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <set>
#include <utility>
#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/logger/stub.hpp>
#include <websocketpp/server.hpp>

namespace hotside::relay {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Steady = std::chrono::steady_clock;

struct Config : websocketpp::config::asio {
  using type = Config;
  using base = websocketpp::config::asio;
  using concurrency_type = websocketpp::concurrency::none;  // one thread
  using alog_type = websocketpp::log::stub;
  using elog_type = websocketpp::log::stub;
  static bool const drop_on_protocol_error = true;
  struct transport_config : base::transport_config {
    using concurrency_type = type::concurrency_type;
    using alog_type = websocketpp::log::stub;
    using elog_type = websocketpp::log::stub;
    static bool const enable_multithreading = false;
  };
  using transport_type = websocketpp::transport::asio::endpoint<transport_config>;
};
using Endpoint = websocketpp::server<Config>;
using Handle = websocketpp::connection_hdl;

// So many calls a second, and a few more at once.
class Allowance {
 public:
  Allowance(double per_second, double burst)
      : per_second_(per_second), burst_(burst), left_(burst) {}
  bool take(Steady::time_point now) {
    std::chrono::duration<double> const passed = now - since_;
    since_ = now;
    left_ = std::min(burst_, left_ + passed.count() * per_second_);
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  double per_second_, burst_, left_;
  Steady::time_point since_ = Steady::now();
};

// A client may be silent for as long as it likes. One that is gone without a word must not keep its
// place, of which there are few: the kernel asks, and ends the connection after two minutes.
void set_options(asio::ip::tcp::socket& socket) {
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  using Option = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  using Between = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
  using Times = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;
  socket.set_option(Option(60), ignored);
  socket.set_option(Between(10), ignored);
  socket.set_option(Times(6), ignored);
}

struct Client {
  Client(std::uint64_t n, double per_second, double burst)
      : number(n), allowance(per_second, burst) {}
  std::uint64_t number;
  Allowance allowance;
  Steady::time_point opened = Steady::now();
  std::uint64_t calls = 0;
  std::size_t in_flight = 0;
  std::uint64_t too_many = 0;  // refused since the last line of the audit log
  Steady::time_point told_at{};
  bool is_proved = false;  // it knows the token
};

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io, ServerOptions given, wire::Token const& token,
       std::shared_ptr<Desk> calls, Metrics& counters)
      : net(io),
        options(std::move(given)),
        cipher(token),
        desk(std::move(calls)),
        metrics(counters),
        ticker(io) {}

  Result<void> listen();
  void set_handlers();
  void on_accepted(Handle const& handle);
  void on_message(Handle const& handle, Endpoint::message_ptr const& message);
  void on_call(Handle const& handle, Client& client, Call call);
  void on_answer(Handle const& handle, std::string const& json);
  void send(Handle const& handle, std::string const& json);
  void drop(Handle const& handle);
  std::size_t unsent(Handle const& handle);
  void drop_slow();
  void reset(Handle const& handle);
  void refuse_frame(Handle const& handle, std::string_view reason);
  void too_many(Handle const& handle, Client& client, std::uint64_t id, std::string const& why);
  void tick();
  void stop();

  asio::io_context& net;
  ServerOptions options;
  wire::FrameCipher cipher;
  std::shared_ptr<Desk> desk;
  Metrics& metrics;
  Endpoint endpoint;
  std::set<Handle, std::owner_less<Handle>> accepted;  // also before and without a handshake
  std::map<Handle, Client, std::owner_less<Handle>> clients;
  std::uint64_t connections = 0;
  asio::steady_timer ticker;
  bool is_stopping = false;
};

Result<void> Server::Impl::listen() {
  error_code bad_address;
  auto const address = asio::ip::make_address(options.host, bad_address);
  if (bad_address)
    return fail(Fault::rejected, "\"" + options.host + "\" is not an IP address", "listen");
  websocketpp::lib::error_code failed;
  set_handlers();  // before the first accept: a connection copies them when it is made
  endpoint.init_asio(&net, failed);
  endpoint.set_user_agent("");
  endpoint.set_max_message_size(options.message_bytes_max);
  endpoint.set_open_handshake_timeout(static_cast<long>(options.handshake_within.count()));
  if (!failed) endpoint.set_reuse_addr(true);
  if (!failed) endpoint.listen(asio::ip::tcp::endpoint(address, options.port), failed);
  if (!failed) endpoint.start_accept(failed);
  if (failed)
    return fail(Fault::transient,
                "cannot listen on " + options.host + " port " + std::to_string(options.port) +
                    ": " + failed.message(),
                "listen");
  tick();
  return {};
}

void Server::Impl::set_handlers() {
  // The endpoint is a member: its connections do not outlive what runs them, and hold this.
  auto const weak = weak_from_this();
  endpoint.set_tcp_post_init_handler([weak](Handle const& handle) {
    if (auto const self = weak.lock()) self->on_accepted(handle);
  });
  endpoint.set_open_handler([weak](Handle const& handle) {
    auto const self = weak.lock();
    if (!self) return;
    if (self->is_stopping) return self->drop(handle);
    self->clients.try_emplace(handle, ++self->connections, self->options.calls_per_second,
                              self->options.calls_burst);
  });
  endpoint.set_message_handler([weak](Handle const& handle, Endpoint::message_ptr const& message) {
    if (auto const self = weak.lock()) self->on_message(handle, message);
  });
  auto const gone = [weak](Handle const& handle) {
    auto const self = weak.lock();
    if (!self) return;
    self->clients.erase(handle);
    self->accepted.erase(handle);
  };
  endpoint.set_close_handler(gone);
  endpoint.set_fail_handler(gone);
  endpoint.set_http_handler([weak](Handle const& handle) {
    if (auto const self = weak.lock()) self->drop(handle);
  });
}

void Server::Impl::on_accepted(Handle const& handle) {
  std::erase_if(accepted, [](Handle const& one) { return one.expired(); });
  if (!is_stopping && accepted.size() >= options.connections_max)
    metrics.add(Counter::limits_reached, "relay_connections");
  if (is_stopping || accepted.size() >= options.connections_max) return drop(handle);
  accepted.insert(handle);
  if (auto const connection = endpoint.get_con_from_hdl(handle))
    set_options(connection->get_raw_socket());
}

void Server::Impl::on_message(Handle const& handle, Endpoint::message_ptr const& message) {
  auto const found = clients.find(handle);
  if (found == clients.end() || is_stopping) return;
  auto& client = found->second;
  if (message->get_opcode() != websocketpp::frame::opcode::text)
    return refuse_frame(handle, "binary");
  auto text = std::move(message->get_raw_payload());
  while (text.size() % 4 != 0) text.push_back('=');  // a node takes frames without padding
  auto frame = cipher.open(std::move(text));
  if (!frame) return refuse_frame(handle, frame.error().reason);
  auto call = read_call(frame->json());
  if (!call) return refuse_frame(handle, call.error().reason);
  client.is_proved = true;
  on_call(handle, client, std::move(*call));
}

void Server::Impl::on_call(Handle const& handle, Client& client, Call call) {
  auto const now = Steady::now();
  ++client.calls;
  if (!client.allowance.take(now))
    return too_many(handle, client, call.id, "too many calls a second");
  if (client.in_flight >= options.in_flight_max || !desk->has_room())
    return too_many(handle, client, call.id, "too many calls at once");
  ++client.in_flight;
  auto name = "relay-" + std::to_string(client.number) + "-" + std::to_string(client.calls);
  desk->serve(std::move(call), std::move(name),
              [weak = weak_from_this(), handle](std::string const& json) {
                if (auto const self = weak.lock()) self->on_answer(handle, json);
              });
}

void Server::Impl::on_answer(Handle const& handle, std::string const& json) {
  auto const client = clients.find(handle);
  if (client == clients.end()) return;  // gone meanwhile
  --client->second.in_flight;
  send(handle, json);
}

// One line of the audit log a second tells of all of them.
void Server::Impl::too_many(Handle const& handle, Client& client, std::uint64_t id,
                            std::string const& why) {
  ++client.too_many;
  metrics.add(Counter::limits_reached, "relay_calls");
  auto const now = Steady::now();
  if (now - client.told_at >= std::chrono::seconds(1) && desk->has_room()) {
    client.told_at = now;
    desk->note("relay.refused", std::to_string(std::exchange(client.too_many, 0)) + " calls",
               "too_many", "relay-" + std::to_string(client.number));
  }
  send(handle, error_answer(id, why));
}

void Server::Impl::send(Handle const& handle, std::string const& json) {
  websocketpp::lib::error_code failed;
  auto const connection = endpoint.get_con_from_hdl(handle, failed);
  if (failed || !connection) return;
  // A failure means that the connection is going; its close handler follows.
  static_cast<void>(connection->send(cipher.seal(json), websocketpp::frame::opcode::text));
  drop_slow();
}

std::size_t Server::Impl::unsent(Handle const& handle) {
  websocketpp::lib::error_code failed;
  auto const connection = endpoint.get_con_from_hdl(handle, failed);
  return failed || !connection ? 0 : connection->get_buffered_amount();
}

void Server::Impl::drop_slow() {
  std::size_t all = 0, most = 0;
  Handle slowest;
  for (auto const& [handle, client] : clients) {
    auto const bytes = unsent(handle);
    all += bytes;
    if (bytes <= most) continue;
    most = bytes;
    slowest = handle;
  }
  if (most <= options.unsent_bytes_max && all <= options.unsent_all_max) return;
  metrics.add(Counter::limits_reached, "relay_unsent");
  clients.erase(slowest);
  reset(slowest);
}

// Without the wait for what it never takes: the kernel would keep that for two minutes, and the
// client, when it sends, would not hear of its end before.
void Server::Impl::reset(Handle const& handle) {
  websocketpp::lib::error_code failed;
  // Not by Asio's option: it takes that back before it closes.
  linger const at_once{1, 0};
  if (auto const connection = endpoint.get_con_from_hdl(handle, failed); connection && !failed)
    ::setsockopt(connection->get_raw_socket().native_handle(), SOL_SOCKET, SO_LINGER, &at_once,
                 sizeof at_once);
  drop(handle);
}

void Server::Impl::refuse_frame(Handle const& handle, std::string_view reason) {
  metrics.add(Counter::frames_refused, reason.empty() ? "other" : reason);
  auto const found = clients.find(handle);
  if (found != clients.end() && found->second.is_proved && desk->has_room())
    desk->note("relay.refused", "a frame", "undecodable",
               "relay-" + std::to_string(found->second.number));
  clients.erase(handle);
  drop(handle);
}

// No Close frame: a node ends a connection so, and says nothing.
void Server::Impl::drop(Handle const& handle) {
  websocketpp::lib::error_code failed;
  auto const connection = endpoint.get_con_from_hdl(handle, failed);
  if (failed || !connection) return;
  error_code ignored;
  connection->get_raw_socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
}

void Server::Impl::tick() {
  auto const now = Steady::now();
  for (auto const& [handle, client] : clients)
    if (!client.is_proved && now - client.opened >= options.first_call_within) drop(handle);
  ticker.expires_after(std::chrono::seconds(1));
  ticker.async_wait([weak = weak_from_this()](error_code const& ec) {
    auto const self = weak.lock();
    if (self && !ec && !self->is_stopping) self->tick();
  });
}

void Server::Impl::stop() {
  if (std::exchange(is_stopping, true)) return;
  websocketpp::lib::error_code ignored;
  endpoint.stop_listening(ignored);
  ticker.cancel();
  for (auto const& handle : accepted) drop(handle);
  desk->stop();
}

Result<std::unique_ptr<Server>> Server::start(asio::io_context& net, ServerOptions options,
                                              wire::Token const& token, std::shared_ptr<Desk> desk,
                                              Metrics& metrics) {
  auto impl = std::make_shared<Impl>(net, std::move(options), token, std::move(desk), metrics);
  HS_DO(impl->listen());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

std::uint16_t Server::port() const {
  error_code ignored;
  return impl_->endpoint.get_local_endpoint(ignored).port();
}

void Server::stop() { impl_->stop(); }

}  // namespace hotside::relay
