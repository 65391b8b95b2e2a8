// The real thing: sockets, a real WebSocket client, the control port.

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <deque>
#include <sstream>
#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_no_tls_client.hpp>

#include "chainclient/simnode/sim_node.hpp"

using namespace hotside;
using namespace hotside::simnode;
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto kPatience = 120s;  // only failures wait this long

using Endpoint = websocketpp::client<websocketpp::config::asio_client>;

// One connection; `receive` runs the loop until a message is there, or the connection is gone.
class WsClient {
 public:
  WsClient(std::uint16_t port, wire::Token const& token) : cipher_(token) {
    endpoint_.clear_access_channels(websocketpp::log::alevel::all);
    endpoint_.clear_error_channels(websocketpp::log::elevel::all);
    endpoint_.init_asio(&io_);
    endpoint_.set_open_handler([this](auto const&) { is_open_ = true; });
    endpoint_.set_fail_handler([this](auto const&) { is_closed_ = true; });
    endpoint_.set_close_handler([this](auto const&) { is_closed_ = true; });
    endpoint_.set_pong_handler([this](auto const&, std::string const&) { ++pongs; });
    endpoint_.set_message_handler([this](auto const&, Endpoint::message_ptr const& message) {
      frames_.push_back(message->get_payload());
    });
    websocketpp::lib::error_code failed;
    connection_ = endpoint_.get_connection("ws://127.0.0.1:" + std::to_string(port) + "/", failed);
    REQUIRE(!failed);
    endpoint_.connect(connection_);
    run_until([this] { return is_open_ || is_closed_; });
    REQUIRE(is_open_);
  }
  ~WsClient() { io_.stop(); }

  void send(std::string const& json) { send_text(cipher_.seal(json)); }
  void send_text(std::string const& text) {
    REQUIRE(!connection_->send(text, websocketpp::frame::opcode::text));
  }
  // Until everything was handed to the system; what was sent before goes out in one write.
  void flush() {
    run_until([this] { return connection_->get_buffered_amount() == 0; });
    REQUIRE(connection_->get_buffered_amount() == 0);
  }
  void ping() { connection_->ping("hello"); }
  std::string receive() {
    run_until([this] { return !frames_.empty() || is_closed_; });
    REQUIRE(!frames_.empty());
    auto text = std::move(frames_.front());
    frames_.pop_front();
    auto plain = cipher_.open(std::move(text));
    REQUIRE(plain.has_value());
    return std::string(plain->json());
  }
  std::string ask(std::string const& json) {
    send(json);
    return receive();
  }
  bool is_dropped() {
    run_until([this] { return is_closed_; });
    return is_closed_;
  }
  template <class Condition>
  void run_until(Condition condition) {
    auto const deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition() && std::chrono::steady_clock::now() < deadline) io_.run_one_for(100ms);
  }

  int pongs = 0;

 private:
  asio::io_context io_;
  Endpoint endpoint_;
  Endpoint::connection_ptr connection_;
  wire::FrameCipher cipher_;
  std::deque<std::string> frames_;
  bool is_open_ = false, is_closed_ = false;
};

Options quiet(Generation generation) {
  Options options;
  options.generation = generation;
  options.speed = 0;
  options.micro_blocks = 4;
  options.control = "127.0.0.1:0";
  return options;
}

std::unique_ptr<SimNode> started(Options const& options) {
  auto node = SimNode::start(options);
  INFO((node ? "" : node.error().what));
  REQUIRE(node.has_value());
  return *std::move(node);
}

class ControlClient {
 public:
  explicit ControlClient(std::uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
  }
  std::string ask(std::string const& line) {
    asio::write(socket_, asio::buffer(line + "\n"));
    auto const size = asio::read_until(socket_, buffer_, '\n');
    std::string answer(size, '\0');
    buffer_.sgetn(answer.data(), static_cast<std::streamsize>(size));
    answer.pop_back();
    return answer;
  }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  asio::streambuf buffer_;
};

}  // namespace

TEST_CASE("a socket answers, streams and forgets no one") {
  auto const options = quiet(Generation::v1_2_2);
  auto node = started(options);
  REQUIRE(node->port() != 0);
  WsClient client(node->port(), options.token);
  CHECK(client.ask(R"({"type":"chain_name","id":5})") ==
        R"({"type":"chain_name","name":"dev","id":5})");
  CHECK(client.ask(R"({"type":"subscribe_chain","epoch":3,"offset":0,"id":6})") ==
        R"({"type":"subscribed_chain","current_epoch":3,"current_offset":0,"id":6})");
  REQUIRE(node->act("grow 5").has_value());
  for (int i = 0; i < 4; ++i) CHECK(client.receive().find("micro_block_prepared") == 9);
  for (int i = 0; i < 4; ++i) CHECK(client.receive().find("micro_block_reverted") == 9);
  CHECK(client.receive().find("macro_block_committed") == 9);
}

TEST_CASE("requests that arrive together are answered in the order of their generation") {
  auto const [generation, expected] = GENERATE(table<Generation, std::string>(
      {{Generation::v1_2_2, "3 5 2 1"}, {Generation::dev, "1 2 3 5"}}));
  auto const options = quiet(generation);
  auto node = started(options);
  WsClient client(node->port(), options.token);
  // Held while stalled, so that they are there together whatever the sockets do.
  REQUIRE(node->act("stall 3600").has_value());
  client.send(R"({"type":"chain_name","id":1})");
  client.send(R"({"type":"chain_name","id":2})");
  client.send(R"({"type":"version_info","id":3})");
  client.send(R"({"type":"chain_name","id":5})");
  client.flush();
  REQUIRE(node->act("stall 0").has_value());
  std::string order;
  for (int i = 0; i < 4; ++i) {
    auto const reply = client.receive();
    order += (i == 0 ? "" : " ") + reply.substr(reply.rfind(':') + 1, 1);
  }
  CHECK(order == expected);
}

TEST_CASE("a wrong token, a binary frame and a bad request end the connection without a word") {
  auto const options = quiet(Generation::v1_2_2);
  auto node = started(options);
  WsClient stranger(node->port(), wire::Token::random());
  stranger.send(R"({"type":"version_info","id":1})");
  CHECK(stranger.is_dropped());
  WsClient wrong(node->port(), options.token);
  wrong.send(R"({"type":"no_such_call","id":1})");
  CHECK(wrong.is_dropped());
  CHECK(*node->act("fatal") == "fatal 0");
  WsClient deadly(node->port(), options.token);
  deadly.send_text("c2hvcnQ=");
  CHECK(deadly.is_dropped());
  CHECK(node->act("fatal")->starts_with("fatal 1 "));
}

TEST_CASE("dev answers each ping twice") {
  auto const [generation, expected] =
      GENERATE(table<Generation, int>({{Generation::v1_2_2, 1}, {Generation::dev, 2}}));
  auto const options = quiet(generation);
  auto node = started(options);
  WsClient client(node->port(), options.token);
  client.ping();
  // The reply comes after the pongs on the same socket.
  client.ask(R"({"type":"version_info","id":1})");
  CHECK(client.pongs == expected);
}

TEST_CASE("the control port takes a line and gives a line") {
  auto const options = quiet(Generation::v1_2_2);
  auto node = started(options);
  REQUIRE(node->control_port() != 0);
  ControlClient control(node->control_port());
  CHECK(control.ask("height").starts_with("ok 3 0 "));
  CHECK(control.ask("grow 2  # two of them").starts_with("ok 3 2 "));
  CHECK(control.ask("mute 0") == "ok");
  CHECK(control.ask("dance").starts_with("error unknown action 'dance'; known: grow, "));
  CHECK(control.ask("fork 9").starts_with("error the epoch has 2 micro blocks"));
  CHECK(control.ask("scenario") == "ok done");
}

TEST_CASE("close and reset end every connection") {
  auto const action = GENERATE("close", "reset");
  auto const options = quiet(Generation::dev);
  auto node = started(options);
  WsClient client(node->port(), options.token);
  client.ask(R"({"type":"version_info","id":1})");
  REQUIRE(node->act(action).has_value());
  CHECK(client.is_dropped());
}

TEST_CASE("a scenario runs by itself, a speed makes blocks by itself") {
  auto options = quiet(Generation::dev);
  options.scenario = "repeat 3\n grow\nend\nepoch-length 50\nspeed 1000\n";
  auto node = started(options);
  // The blocks do not stop where we look: "epoch offset hash", the first three epochs being given.
  auto const has_grown = [&node] {
    std::istringstream height(*node->act("height"));
    std::uint64_t epoch = 0, offset = 0;
    height >> epoch >> offset;
    return epoch > 3 || offset >= 10;
  };
  auto const eventually = [](auto const& condition) {
    auto const deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition())
      if (std::chrono::steady_clock::now() > deadline) return false;
    return true;
  };
  CHECK(eventually(has_grown));
  CHECK(eventually([&node] { return *node->act("scenario") == "done"; }));
}

TEST_CASE("a node can be stopped at any moment") {
  auto options = quiet(Generation::v1_2_2);
  options.scenario = "repeat 100000\ngrow 3\nend\n";
  options.speed = 1000;
  auto node = started(options);
  WsClient client(node->port(), options.token);
  client.send(R"({"type":"subscribe_chain","epoch":0,"offset":0,"id":6})");
  client.receive();
  node.reset();
  CHECK(client.is_dropped());
}

TEST_CASE("what cannot start says why") {
  auto options = quiet(Generation::dev);
  options.scenario = "grow 3\n\nsing\n";
  auto node = SimNode::start(options);
  REQUIRE(!node.has_value());
  CHECK(node.error().what.starts_with("line 3: unknown action 'sing'; known: grow, "));
  options.scenario.clear();
  options.network = "moonnet";
  CHECK(!SimNode::start(options).has_value());
  options.network = "dev";
  options.listen = "nowhere";
  CHECK(!SimNode::start(options).has_value());
}
