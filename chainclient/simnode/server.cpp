// The sockets around the node: websocketpp on one thread, which owns everything.

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <map>
#include <thread>
#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/logger/stub.hpp>
#include <websocketpp/server.hpp>

#include "chainclient/simnode/control.hpp"
#include "chainclient/simnode/session.hpp"
#include "chainclient/simnode/sim_node.hpp"

namespace hotside::simnode {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

struct Config : websocketpp::config::asio {
  using type = Config;
  using base = websocketpp::config::asio;
  using alog_type = websocketpp::log::stub;
  using elog_type = websocketpp::log::stub;
  struct transport_config : base::transport_config {
    using alog_type = websocketpp::log::stub;
    using elog_type = websocketpp::log::stub;
  };
  using transport_type = websocketpp::transport::asio::endpoint<transport_config>;
  static std::size_t const max_message_size = 64u << 20;
};
using Server = websocketpp::server<Config>;
using Handle = websocketpp::connection_hdl;

constexpr auto kTick = 10ms;     // how long room in a socket goes unnoticed
constexpr auto kDiskTurn = 30s;  // dev turns its event loop at least this often
constexpr int kBlocksPerTick = 20;

class Connection final : public Outlet {
 public:
  Connection(Server::connection_ptr socket, Node& node)
      : socket_(std::move(socket)), session_(node, *this) {}

  void send(std::string text) override {
    // A failure means that the connection is going; its close handler follows.
    static_cast<void>(socket_->send(text, websocketpp::frame::opcode::text));
  }
  std::size_t buffered() const override { return socket_->get_buffered_amount(); }
  // FIN and no Close frame, as real nodes end connections.
  void close_tcp() override {
    error_code ignored;
    socket_->get_raw_socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  }
  Session& session() { return session_; }

 private:
  Server::connection_ptr socket_;
  Session session_;
};

class Simulation final : public SimNode {
 public:
  explicit Simulation(std::unique_ptr<Node> node) : node_(std::move(node)) {}
  ~Simulation() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> open(Options const& options, Script script);
  std::uint16_t port() const override { return port_; }
  std::uint16_t control_port() const override { return control_port_; }
  Result<std::string> act(std::string_view line) override;

 private:
  void set_handlers();
  void on_open(Handle const& handle);
  void on_message(Handle const& handle, Server::message_ptr const& message);
  void tick();

  asio::io_context io_{1};
  std::unique_ptr<Node> node_;
  Runner runner_{io_, *node_};
  Control control_{io_, runner_};
  Server server_;
  std::map<Handle, std::unique_ptr<Connection>, std::owner_less<Handle>> connections_;
  asio::steady_timer ticker_{io_};
  std::chrono::steady_clock::time_point next_block_{}, next_turn_{};
  double pace_ = 0;
  std::uint16_t port_ = 0, control_port_ = 0;
  std::thread thread_;
};

void Simulation::set_handlers() {
  bool const survives_probes = node_->style().is(Generation::v1_2_2);
  bool const pongs_twice = node_->style().is(Generation::dev);
  server_.set_tcp_post_init_handler([this](Handle const& handle) {
    error_code ignored;
    server_.get_con_from_hdl(handle)->get_raw_socket().set_option(asio::ip::tcp::no_delay(true),
                                                                  ignored);
  });
  server_.set_open_handler([this](Handle const& handle) { on_open(handle); });
  server_.set_message_handler([this](Handle const& handle, Server::message_ptr const& message) {
    on_message(handle, message);
  });
  server_.set_close_handler([this](Handle const& handle) { connections_.erase(handle); });
  auto const probed = [this, survives_probes](Handle const&) {
    if (!survives_probes) node_->count_fatal("a TCP connection without WebSocket handshake");
  };
  server_.set_fail_handler(probed);
  server_.set_http_handler([this, probed](Handle const& handle) {
    probed(handle);
    error_code ignored;
    server_.get_con_from_hdl(handle)->get_raw_socket().shutdown(
        asio::ip::tcp::socket::shutdown_both, ignored);
  });
  server_.set_ping_handler([this, pongs_twice](Handle const& handle, std::string const& payload) {
    if (node_->is_stalled()) return false;
    if (pongs_twice) {
      websocketpp::lib::error_code ignored;
      server_.pong(handle, payload, ignored);
    }
    return true;
  });
}

void Simulation::on_open(Handle const& handle) {
  connections_[handle] = std::make_unique<Connection>(server_.get_con_from_hdl(handle), *node_);
}

void Simulation::on_message(Handle const& handle, Server::message_ptr const& message) {
  auto const found = connections_.find(handle);
  if (found == connections_.end()) return;
  auto& session = found->second->session();
  if (message->get_opcode() != websocketpp::frame::opcode::text) return session.drop();
  session.on_frame(std::move(message->get_raw_payload()));
  // What came in the same read is answered together, so that the order of a generation shows.
  asio::post(io_, [this, handle] {
    auto const still = connections_.find(handle);
    if (still != connections_.end()) still->second->session().drain();
  });
}

void Simulation::tick() {
  auto const now = std::chrono::steady_clock::now();
  auto const pace = node_->seconds_per_block();
  if (pace != pace_)
    next_block_ = now + std::chrono::duration_cast<decltype(now)::duration>(
                            std::chrono::duration<double>(pace));
  pace_ = pace;
  for (int i = 0; pace > 0 && now >= next_block_ && i < kBlocksPerTick; ++i) {
    // An epoch that cannot end stands still, as it would in reality.
    static_cast<void>(node_->grow_one());
    next_block_ +=
        std::chrono::duration_cast<decltype(now)::duration>(std::chrono::duration<double>(pace));
  }
  if (now >= next_block_) next_block_ = now;
  if (now >= next_turn_) {
    next_turn_ = now + kDiskTurn;
    node_->turn();
  }
  for (auto& [handle, connection] : connections_) {
    connection->session().drain();
    connection->session().pump();
  }
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](error_code const& ec) {
    if (!ec) tick();
  });
}

Result<void> Simulation::open(Options const& options, Script script) {
  HS_TRY(endpoint, parse_endpoint(io_, options.listen));
  websocketpp::lib::error_code failed;
  set_handlers();  // before the first accept: a connection copies them when it is made
  server_.init_asio(&io_, failed);
  if (!failed) server_.set_reuse_addr(true);
  if (!failed) server_.listen(endpoint, failed);
  if (!failed) server_.start_accept(failed);
  if (failed)
    return fail(Fault::transient, "cannot listen on " + options.listen + ": " + failed.message());
  error_code ignored;
  port_ = server_.get_local_endpoint(ignored).port();
  if (options.control) {
    HS_TRY(at, parse_endpoint(io_, *options.control));
    HS_TRY(port, control_.listen(at));
    control_port_ = port;
  }
  runner_.play(std::move(script));
  asio::post(io_, [this] { tick(); });
  thread_ = std::thread([this] { io_.run(); });
  return {};
}

Result<std::string> Simulation::act(std::string_view line) {
  auto const promise = std::make_shared<std::promise<Result<std::string>>>();
  auto future = promise->get_future();
  asio::post(io_, [this, promise, text = std::string(line)] {
    runner_.act(text,
                [promise](Result<std::string> outcome) { promise->set_value(std::move(outcome)); });
  });
  try {
    return future.get();
  } catch (std::future_error const&) {
    return fail(Fault::transient, "the simulated node is being stopped");
  }
}

}  // namespace

Result<std::unique_ptr<SimNode>> SimNode::start(Options options) {
  HS_TRY(script, Script::parse(options.scenario));
  Node::Setup setup;
  setup.network = options.network;
  setup.generation =
      options.generation == Generation::unknown ? Generation::v1_2_2 : options.generation;
  setup.token = options.token;
  setup.seed = options.seed;
  setup.speed = options.speed;
  setup.now_ns = std::move(options.now_ns);
  setup.length = options.micro_blocks;
  HS_TRY(node, Node::make(std::move(setup)));
  auto simulation = std::make_unique<Simulation>(std::move(node));
  HS_DO(simulation->open(options, std::move(script)));
  return std::unique_ptr<SimNode>(std::move(simulation));
}

}  // namespace hotside::simnode
