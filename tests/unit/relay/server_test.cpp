// Clients that connect and then say nothing.

#include "explorer/relay/server.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "store/store.hpp"
#include "tests/support/must.hpp"
#include "tests/support/test_clock.hpp"

using namespace hotside;
using namespace hotside::test;

namespace {

// Nothing is asked of what stands behind the connections.
struct Nothing final : model::OutputSource, store::WriteDesk, store::TransactionRelay {
  static tl::unexpected<Error> none() { return fail(Fault::transient, "none here"); }
  Result<Bytes> blob(model::PublicPayment const&) const override { return none(); }
  void fetch(std::vector<Hash>, std::function<void(Result<model::Fetched>)> done) override {
    done(none());
  }
  void write(std::function<Result<void>(store::WriteTxn&)>,
             std::function<void(Result<void>)> done) override {
    done(none());
  }
  void check(Bytes, std::function<void(Result<store::CheckedTransaction>)> done) override {
    done(none());
  }
  Result<store::RecordedTransaction> record(store::WriteTxn&,
                                            store::CheckedTransaction const&) override {
    return none();
  }
  void send(store::CheckedTransaction const&,
            std::function<void(Result<model::RelayedTransaction>)> done) override {
    done(none());
  }
};

struct World {
  Nothing nothing;
  TestClock clock;
  Metrics metrics{"test"};
  store::ReaderPool readers{
      []() -> Result<std::unique_ptr<store::Reader>> { return Nothing::none(); }, 1, 1};
  boost::asio::io_context net;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{net.get_executor()};
  std::unique_ptr<relay::Server> server;
  std::thread thread;

  explicit World(relay::ServerOptions options) {
    options.host = "127.0.0.1";
    auto const ask = [](wire::Request const&, auto, auto done) { done(Nothing::none()); };
    auto desk = std::make_shared<relay::Desk>(
        net, relay::DeskOptions{"test", "dev"},
        relay::DeskPorts{readers, nothing, nothing, nothing, ask, clock});
    server = must(relay::Server::start(net, std::move(options),
                                       wire::Token(std::array<std::uint8_t, 16>{}), std::move(desk),
                                       metrics));
    thread = std::thread([this] { net.run(); });
  }
  ~World() {
    boost::asio::post(net, [this] {
      server->stop();
      net.stop();  // the audit log is tried again, as long as there is somebody to try
    });
    thread.join();
  }
};

// A connection, and how it ends.
struct Client {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  explicit Client(std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval const patience{60, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr const*>(&to), sizeof to) == 0);
  }
  ~Client() { ::close(fd); }
  Client(Client const&) = delete;
  Client& operator=(Client const&) = delete;
  void upgrade() const {
    std::string_view const head =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    REQUIRE(::send(fd, head.data(), head.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(head.size()));
  }
  // One text frame, its mask all zeros. false: the connection has ended.
  bool say(std::string const& text) const {
    REQUIRE((text.size() >= 126 && text.size() < 65'536));
    std::string frame{'\x81', '\xfe', static_cast<char>(text.size() >> 8U),
                      static_cast<char>(text.size() & 0xffU)};
    frame.append(4, '\0').append(text);
    return ::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(frame.size());
  }
  // Everything until the server ends it; nullopt: it does not.
  std::optional<std::string> rest() const {
    std::string text;
    std::array<char, 1024> piece;
    while (true) {
      auto const size = ::recv(fd, piece.data(), piece.size(), 0);
      if (size == 0 || (size < 0 && errno == ECONNRESET)) return text;
      if (size < 0) return std::nullopt;
      text.append(piece.data(), static_cast<std::size_t>(size));
    }
  }
};

}  // namespace

TEST_CASE("a client without a handshake, or without a call, does not keep its place") {
  relay::ServerOptions options;
  options.handshake_within = std::chrono::milliseconds(50);
  options.first_call_within = std::chrono::milliseconds(50);
  World world(options);
  CHECK(Client(world.server->port()).rest().has_value());
  Client const talker(world.server->port());
  talker.upgrade();
  auto const said = talker.rest();
  REQUIRE(said);
  CHECK(said->starts_with("HTTP/1.1 101"));
}

TEST_CASE("there are so many places, and one that is left can be had again") {
  relay::ServerOptions options;
  options.connections_max = 1;
  World world(options);
  auto const served = [&] {
    Client const client(world.server->port());
    client.upgrade();
    std::array<char, 12> head;
    return ::recv(client.fd, head.data(), head.size(), MSG_WAITALL) ==
           static_cast<ssize_t>(head.size());
  };
  {
    Client const first(world.server->port());
    first.upgrade();
    std::array<char, 12> head;
    REQUIRE(::recv(first.fd, head.data(), head.size(), MSG_WAITALL) ==
            static_cast<ssize_t>(head.size()));
    CHECK_FALSE(served());
    CHECK(world.metrics.text().find(
              "hotside_limits_reached_total{limit=\"relay_connections\"} 1\n") !=
          std::string::npos);
  }
  bool is_served = false;
  for (int i = 0; i < 10'000 && !is_served; ++i) is_served = served();
  CHECK(is_served);
}

TEST_CASE("who asks and does not listen is dropped, by his own bytes or by those of all") {
  relay::ServerOptions options;
  auto& bound = GENERATE(true, false) ? options.unsent_bytes_max : options.unsent_all_max;
  options.unsent_bytes_max = options.unsent_all_max = std::size_t{1} << 30U;
  bound = 100'000;
  World world(options);
  Client const deaf(world.server->port());
  deaf.upgrade();
  wire::FrameCipher cipher(wire::Token(std::array<std::uint8_t, 16>{}));
  std::string const call = R"({"id":1,"type":")" + std::string(100, 'x') + R"("})";
  // What the kernel takes comes first: a few megabytes.
  bool is_open = true;
  for (int i = 0; i < 1'000'000 && is_open; ++i) is_open = deaf.say(cipher.seal(call));
  CHECK_FALSE(is_open);
  CHECK(world.metrics.text().find("hotside_limits_reached_total{limit=\"relay_unsent\"} 1\n") !=
        std::string::npos);
}
