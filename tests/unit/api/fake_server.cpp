// The API and the dashboard over invented data: api_fake_server [PORT]
// [ready|behind|violation|empty] [tokens.toml]

#include <sodium.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <iostream>

#include "explorer/api/api_server.hpp"
#include "tests/unit/api/fake_store.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;

namespace {

Hash random_hash() {
  Hash hash;
  randombytes_buf(hash.bytes.data(), hash.bytes.size());
  return hash;
}

PublicKey random_key() {
  PublicKey key;
  crypto_core_ristretto255_random(key.bytes.data());
  return key;
}

void add_deposit(FakeState& state, std::uint64_t epoch, std::uint32_t offset, int n) {
  using model::DepositState;
  Time const now = system_clock().now();
  store::DepositRow row;
  auto& d = row.deposit;
  d.id = {random_hash(), Epoch(epoch)};
  d.recipient = random_key();
  d.amount = Amount(1'000'000LL * (n * n * 37 + 4) + n * 125'000);
  d.state = n % 7 == 5 ? DepositState::reverted
            : n < 4    ? DepositState::prepared
                       : DepositState::committed;
  if (n % 5 == 4) d.spend = model::SpendState::spent;
  d.offset = Offset(offset);
  d.block_hash = random_hash();
  d.tx_hash = random_hash();
  d.block_time = d.first_seen = now - std::chrono::seconds(n * 13);
  if (n % 3 != 0) row.reference = "user-" + std::to_string(1000 + n);
  state.deposits.push_back(row);
}

void fill(FakeState& state, std::string const& mood) {
  Time const now = system_clock().now();
  if (mood == "empty") return;
  state.position = model::Position{
      Epoch(1833), random_hash(), Epoch(1834),
      Offset(42),  random_hash(), now - std::chrono::seconds(mood == "behind" ? 4000 : 6)};
  for (int n = 0; n < 14; ++n)
    add_deposit(state, n < 4 ? 1834U : 1833U, n < 4 ? 42U - static_cast<std::uint32_t>(n) : 59U, n);
  state.counts = {12'408, 98'113, 1'204'551, 4, 17, 98'092};
  std::uint64_t seq = 0;
  for (auto row = state.deposits.rbegin(); row != state.deposits.rend(); ++row) {
    state.events.push_back(fake_event(++seq, model::EventType::deposit_prepared,
                                      now - std::chrono::seconds(100), &*row));
    if (row->deposit.state == model::DepositState::committed)
      state.events.push_back(fake_event(++seq, model::EventType::deposit_committed, now, &*row));
  }
  if (mood == "violation")
    state.violations = {{1, now, model::ViolationKind::macro_block, Epoch(1831), random_hash(),
                         random_hash(), "node-b"}};
}

void fill(model::Live& live, std::string const& mood) {
  Time const now = system_clock().now();
  model::NodeStatus a, b, c;
  a.name = "node-a";
  a.generation = "1.2.2";
  a.state = mood == "behind" ? model::NodeState::catching_up : model::NodeState::following;
  a.epoch = 1834;
  a.offset = 43;
  a.lag_seconds = 6.2;
  a.following = true;
  b = a;
  b.name = "node-b";
  b.generation = "dev";
  b.following = false;
  b.state = mood == "violation" ? model::NodeState::contradicting : model::NodeState::standby;
  c.name = "ws://10.0.0.9:3145";
  c.text = "connection refused";
  live.nodes = {a, b, c};
  if (mood == "empty") live.nodes = {c};
  live.started = true;
  live.epochs_left = mood == "behind" ? 7 : 0;
  live.node_reachable_since = live.last_block_at = now;
}

}  // namespace

int main(int argc, char** argv) {
  if (sodium_init() < 0) return 1;
  std::string const mood = argc > 2 ? argv[2] : "ready";
  boost::asio::io_context net(1);
  FakeStore store;
  FakeBook book(store);
  model::StatusBoard board;
  Metrics metrics("0.1.0");
  store.update([&](FakeState& state) { fill(state, mood); });
  board.update([&](model::Live& live) { fill(live, mood); });
  ApiOptions options;
  options.listen = std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "0");
  options.version = "0.1.0";
  options.network = "testnet";
  options.hrp = "stt";
  options.genesis = hash_of(0x2c);
  options.dashboard_dir = std::filesystem::path(HS_SOURCE_DIR) / "explorer/dashboard";
  if (argc > 3) {
    auto tokens = read_tokens(argv[3]);
    if (!tokens) {
      std::cerr << tokens.error().what << '\n';
      return 2;
    }
    options.tokens = std::move(*tokens);
  }
  auto server = ApiServer::start(
      net, options, ApiPorts{store.opener(), book, book, book, board, metrics, system_clock()});
  if (!server) {
    std::cerr << server.error().what << '\n';
    return 1;
  }
  std::cout << "dashboard http://127.0.0.1:" << (*server)->port() << "/" << std::endl;
  boost::asio::signal_set signals(net, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { (*server)->stop(); });
  net.run();
}
