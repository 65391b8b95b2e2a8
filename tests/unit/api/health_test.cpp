// Every reason of /readyz by itself.

#include <catch2/catch.hpp>

#include "explorer/api/readiness.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;
using namespace std::chrono_literals;
using model::NodeState;

namespace {

Time const kNow = from_unix_ms(1'800'000'000'000);

struct World {
  model::Live live;
  StoreFacts facts;
  HealthLimits limits;

  World() {
    live.started = true;
    live.nodes = {node("a", NodeState::following, true)};
    live.node_reachable_since = kNow - 1h;
    live.last_block_at = kNow - 5s;
    facts.position =
        model::Position{Epoch(9), hash_of(9), Epoch(10), Offset(3), hash_of(1), kNow - 5s};
  }
  static model::NodeStatus node(std::string name, NodeState state, bool following = false,
                                std::string text = {}) {
    model::NodeStatus out;
    out.name = std::move(name);
    out.state = state;
    out.text = std::move(text);
    out.following = following;
    return out;
  }
  std::string codes() const {
    std::string out;
    for (auto const& reason : readiness(live, facts, kNow, limits))
      out += (out.empty() ? "" : " ") + std::string(to_string(reason.code));
    return out;
  }
  std::string text() const { return readiness(live, facts, kNow, limits).at(0).text; }
};

}  // namespace

TEST_CASE("level with a healthy node is ready") { CHECK(World().codes().empty()); }

TEST_CASE("a store that is not loaded is starting, whatever else") {
  World w;
  w.live = {};
  CHECK(w.codes() == "starting");
}

TEST_CASE("without a node the reason is what the nodes say") {
  World w;
  w.live.nodes = {World::node("a", NodeState::connecting, false, "wrong token or wrong endpoint")};
  w.live.node_reachable_since.reset();
  CHECK(w.codes() == "no_node");
  CHECK(contains(w.text(), "a: wrong token or wrong endpoint"));
  w.live.nodes.clear();
  CHECK(w.codes() == "no_node");
  w.live.nodes = {World::node("a", NodeState::wrong_network, false, "mainnet, configured testnet")};
  CHECK(w.codes() == "wrong_network");
  CHECK(contains(w.text(), "mainnet, configured testnet"));
  w.live.nodes = {World::node("a", NodeState::unsynchronised)};
  CHECK(w.codes() == "node_unsynchronised");
  w.live.nodes = {World::node("a", NodeState::behind)};
  CHECK(w.codes() == "catching_up");
  w.live.nodes.push_back(World::node("b", NodeState::connecting, false, "refused"));
  CHECK(w.codes() == "catching_up no_node");
  w.live.nodes = {World::node("a", NodeState::standby)};
  CHECK(w.codes() == "no_node");
}

TEST_CASE("one healthy node suffices") {
  World w;
  w.live.nodes.push_back(World::node("b", NodeState::connecting));
  w.live.nodes.push_back(World::node("c", NodeState::wrong_network));
  CHECK(w.codes().empty());
}

TEST_CASE("what the followed node is doing") {
  World w;
  w.live.nodes[0].state = NodeState::catching_up;
  w.live.epochs_left = 12;
  CHECK(w.codes() == "catching_up");
  CHECK(contains(w.text(), "12"));
  w.live.epochs_left = 0;
  w.live.nodes[0].state = NodeState::unsynchronised;
  CHECK(w.codes() == "node_unsynchronised");
  w.live.nodes[0].state = NodeState::following;
  w.facts.position.reset();
  CHECK(w.codes() == "catching_up");
}

TEST_CASE("lag is measured against the tip's block time") {
  World w;
  w.facts.position->block_time = kNow - 300s;
  CHECK(w.codes().empty());
  w.facts.position->block_time = kNow - 301s;
  CHECK(w.codes() == "lag");
  w.facts.position->block_time = kNow + 10s;
  CHECK(lag_seconds(*w.facts.position, kNow) == 0);
}

TEST_CASE("silence counts only while a node could speak") {
  World w;
  w.live.last_block_at = kNow - 121s;
  CHECK(w.codes() == "stalled");
  w.live.node_reachable_since = kNow - 10s;
  CHECK(w.codes().empty());
  w.live.node_reachable_since.reset();
  CHECK(w.codes().empty());
  w.live.node_reachable_since = kNow - 121s;
  w.live.last_block_at.reset();
  CHECK(w.codes() == "stalled");
}

TEST_CASE("an epoch that does not end is named") {
  World w;
  w.live.full_epoch_since = kNow - 100s;
  CHECK(w.codes().empty());
  w.live.full_epoch_since = kNow - 121s;
  CHECK(w.codes() == "epoch_without_macro_block");
}

TEST_CASE("contradiction, bad block and store come first") {
  World w;
  w.facts.violations = {
      {1, kNow, model::ViolationKind::macro_block, Epoch(8), hash_of(1), hash_of(2), "b"}};
  CHECK(w.codes() == "violation");
  CHECK(contains(w.text(), hash_of(2).hex()));
  w.live.bad_block = model::BadBlock{"a", Epoch(10), Offset(4), {}, "output 3: wrong id", kNow};
  CHECK(w.codes() == "violation bad_block");
  w.live.store_fault = "disk full";
  w.facts = {};
  w.facts.fault = "cannot open";
  CHECK(w.codes() == "bad_block store store");
}

TEST_CASE("a write that does not end is a fault of the store, and in the end of the service") {
  TestServer server;
  fill(server);
  auto const since = [&](std::chrono::seconds ago) {
    server.board.update([&](model::Live& live) { live.writing_since = server.clock.time - ago; });
  };
  since(kWriteSlow);
  CHECK(server.get("/readyz").status == 200);
  since(kWriteSlow + std::chrono::seconds(1));
  CHECK(contains(server.get("/readyz").body, "\"code\":\"store\""));
  CHECK(server.get("/healthz").status == 200);
  since(kWriteDead + std::chrono::seconds(1));
  CHECK(server.get("/healthz").status == 503);
  server.board.update([](model::Live& live) { live.writing_since.reset(); });
  CHECK(server.get("/healthz").status == 200);
}

TEST_CASE("a write-ahead log that a reader holds back is said to be a fault of the store") {
  TestServer server;
  fill(server);
  server.board.update([](model::Live& live) { live.wal_bytes = kWalBytesMax; });
  CHECK(server.get("/readyz").status == 200);
  server.board.update([](model::Live& live) { live.wal_bytes = kWalBytesMax + 1; });
  CHECK(contains(server.get("/readyz").body, "holds it back"));
}
