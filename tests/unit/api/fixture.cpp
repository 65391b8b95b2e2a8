#include "tests/unit/api/fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <cerrno>
#include <future>
#include <thread>

namespace hotside::api::testing {

namespace asio = boost::asio;

bool eventually(std::function<bool()> const& is_so) {
  auto const end = std::chrono::steady_clock::now() + kPatience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

RawClient::RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
  timeval const limit{kPatience.count(), 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
}
RawClient::~RawClient() { ::close(fd_); }

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto const sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the server closed: the reply will tell
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::hang_up() { ::shutdown(fd_, SHUT_RDWR); }

void RawClient::finish() {
  ::shutdown(fd_, SHUT_WR);
  read_all();
}

std::size_t RawClient::pending() const {
  int bytes = 0;
  REQUIRE(::ioctl(fd_, FIONREAD, &bytes) == 0);
  return static_cast<std::size_t>(bytes);
}

std::string RawClient::read_some() {
  std::string chunk(65536, '\0');
  auto const size = ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (size < 0 && errno == EAGAIN) FAIL("nothing came, and no end");
  chunk.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return chunk;
}

std::string RawClient::read_all() {
  for (auto chunk = read_some(); !chunk.empty(); chunk = read_some()) buffer_ += chunk;
  return std::exchange(buffer_, {});
}

RawClient::Reply RawClient::reply(bool is_head) {
  Reply reply;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    auto const chunk = read_some();
    if (chunk.empty()) return reply;
    buffer_ += chunk;
  }
  auto head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  reply.status = std::stoi(head.substr(9, 3));
  for (auto at = head.find("\r\n") + 2; at < head.size();) {
    auto const line_end = head.find("\r\n", at);
    auto const colon = head.find(": ", at);
    auto name = head.substr(at, colon - at);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    reply.headers[name] = head.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  reply.is_whole = true;
  if (is_head) return reply;
  if (reply.headers.contains("transfer-encoding")) {
    for (auto piece = chunk(); !piece.empty(); piece = chunk()) reply.body += piece;
    reply.is_whole = std::exchange(saw_end_, false);
  } else if (reply.headers.contains("content-length")) {
    auto const size = std::stoul(reply.headers["content-length"]);
    reply.is_whole = await(size);
    reply.body = cut(std::min(size, buffer_.size()));
  }
  return reply;
}

bool RawClient::await(std::size_t size) {
  while (buffer_.size() < size) {
    auto const more = read_some();
    if (more.empty()) return false;
    buffer_ += more;
  }
  return true;
}

std::string RawClient::cut(std::size_t size) {
  auto out = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return out;
}

std::string RawClient::line() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos)
    if (!await(buffer_.size() + 1)) return {};
  return cut(end + 2);
}

std::string RawClient::chunk() {
  auto const head = line();
  if (head.empty()) return {};
  auto const size = std::stoul(head, nullptr, 16);
  if (!await(size + 2)) return {};
  auto out = cut(size);
  REQUIRE(cut(2) == "\r\n");
  saw_end_ = out.empty();
  return out;
}

struct TestServer::Net {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread;
};

TestServer::TestServer(ApiOptions options, RouteTable const* routes)
    : net_(std::make_unique<Net>()) {
  REQUIRE(sodium_init() >= 0);
  options.listen = "127.0.0.1:0";
  options.version = "0.1.0";
  options.network = "testnet";
  options.hrp = "stt";
  options.genesis = hash_of(0x2c);
  ApiPorts ports{store.opener(), book, book, book, board, metrics, clock};
  auto started = routes == nullptr
                     ? ApiServer::start(net_->io, std::move(options), std::move(ports))
                     : ApiServer::start(net_->io, std::move(options), std::move(ports), *routes);
  if (!started) FAIL(started.error().what);
  server_ = std::move(*started);
  net_->thread = std::thread([this] { net_->io.run(); });
}

TestServer::~TestServer() {
  net_->io.stop();
  net_->thread.join();
  server_->stop();
  net_->io.restart();
  net_->work.reset();
  net_->io.run();  // everything ends by itself, or this test hangs
  server_.reset();
}

std::uint16_t TestServer::port() const { return server_->port(); }

void TestServer::stop() {
  std::promise<void> done;
  asio::post(net_->io, [&] {
    server_->stop();
    done.set_value();
  });
  done.get_future().wait();
}

RawClient::Reply TestServer::request(std::string const& method, std::string const& target,
                                     std::string const& body, std::string const& headers) {
  RawClient client(port());
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  client.send(text + "\r\n" + body);
  return client.reply(method == "HEAD");
}

RawClient::Reply TestServer::get(std::string const& target, std::string const& headers) {
  return request("GET", target, {}, headers);
}

bool contains(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

PublicKey test_key(std::size_t i) {
  std::array<unsigned char, crypto_core_ristretto255_HASHBYTES> seed{};
  seed[0] = static_cast<unsigned char>(i);
  PublicKey key;
  crypto_core_ristretto255_from_hash(key.bytes.data(), seed.data());
  return key;
}

std::string test_address(std::size_t i) { return model::to_address("stt", test_key(i)); }

store::DepositRow test_deposit(std::uint8_t id, std::uint64_t epoch,
                               std::optional<std::uint32_t> offset, std::int64_t amount,
                               model::DepositState state) {
  store::DepositRow row;
  auto& d = row.deposit;
  d.id = {hash_of(id), Epoch(epoch)};
  d.recipient = test_key(1);
  d.amount = Amount(amount);
  d.state = state;
  if (offset) d.offset = Offset(*offset);
  d.block_hash = hash_of(0xb0);
  if (offset) d.tx_hash = hash_of(0x70);
  d.block_time = d.first_seen = from_unix_ms(1'799'999'990'000);
  if (state == model::DepositState::committed) d.committed_at = from_unix_ms(1'799'999'995'000);
  row.reference = "user-17";
  return row;
}

void fill(TestServer& server) {
  using model::DepositState;
  server.store.update([&](FakeState& state) {
    state.position = model::Position{
        Epoch(1833), hash_of(0x33), Epoch(1834),
        Offset(42),  hash_of(0x34), from_unix_ms(to_unix_ms(server.clock.time) - 5000)};
    state.counts = {1, 3, 100, 1, 0, 2};
    state.deposits = {test_deposit(3, 1834, 40, 5, DepositState::prepared),
                      test_deposit(2, 1833, 59, INT64_MAX, DepositState::committed),
                      test_deposit(1, 1833, std::nullopt, 400'000'000, DepositState::committed)};
    store::AddressRow row;
    row.address = {test_key(1), "user-17", "hot", false, from_unix_ms(1)};
    row.totals.committed = {2, Sum{INT64_MAX} + 400'000'000};
    row.totals.unspent = row.totals.committed;
    row.totals.prepared = {1, 5};
    state.addresses = {row};
    Time const at = server.clock.time;
    state.events = {fake_event(1, model::EventType::deposit_committed, at, &state.deposits[2]),
                    fake_event(2, model::EventType::deposit_committed, at, &state.deposits[1]),
                    fake_event(3, model::EventType::node_up, at)};
  });
  server.board.update([&](model::Live& live) {
    model::NodeStatus node;
    node.name = "a";
    node.generation = "1.2.2";
    node.state = model::NodeState::following;
    node.epoch = 1834;
    node.offset = 43;
    node.lag_seconds = 5.0;
    node.following = true;
    live.nodes = {node};
    live.started = true;
    live.node_reachable_since = from_unix_ms(to_unix_ms(server.clock.time) - 3'600'000);
    live.last_block_at = from_unix_ms(to_unix_ms(server.clock.time) - 4000);
  });
}

}  // namespace hotside::api::testing
