#include "tests/unit/chain/desk.hpp"

namespace hotside::chain::test {
namespace {

using model::NodeState;

TEST_CASE("a node is asked who it is before it is followed") {
  Desk desk;
  desk.node().chain.seal(2);
  desk.tick();
  CHECK(desk.said().state == NodeState::connecting);
  desk.follower->on_connected(0, desk.now);
  desk.tick();
  REQUIRE(desk.node().asked.size() == 1);  // a wrong token shows at the first request
  CHECK(std::holds_alternative<AskVersion>(desk.node().asked[0]));
  CHECK(desk.follower->following() == std::nullopt);
  desk.settle();
  CHECK(desk.follower->following() == NodeId(0));
  CHECK(std::holds_alternative<AskChainName>(desk.node().asked[1]));
  CHECK(std::holds_alternative<AskStatus>(desk.node().asked[2]));
  CHECK(std::get<AskMacro>(desk.node().asked[3]).epoch == Epoch(0));
  desk.run(2s);
  CHECK(desk.said().state == NodeState::following);
  CHECK(desk.said().generation == "1.2.2");
  CHECK(desk.said().epoch == 3U);
  CHECK(desk.count<model::Sealed>() == 3);
}

TEST_CASE("a connection that dies at the first request is a wrong token or endpoint") {
  Desk desk;
  desk.follower->on_lost(0, "connection refused", desk.now);
  desk.tick();
  CHECK(desk.said().text == "connection refused");
  desk.node().mute = true;
  desk.connect();
  desk.lose();
  CHECK(desk.said().state == NodeState::connecting);
  CHECK(desk.said().text.find("wrong token or wrong endpoint") == 0);
  desk.node().mute = false;
  desk.connect();
  desk.lose();
  CHECK(desk.said().text == "closed");
}

TEST_CASE("another network is not followed, and both are named") {
  struct Row {
    char const* name;
    std::uint64_t genesis;
    bool is_stored;
    bool is_violation;
  } const rows[] = {
      {"mainnet", 2, false, false}, {"testnet", 2, false, false}, {"mainnet", 1, false, false},
      {"mainnet", 2, true, true},   {"testnet", 2, true, true},   {"mainnet", 1, true, false},
  };
  for (auto const& row : rows) {
    INFO(row.name << row.genesis << row.is_stored);
    Chain known;
    known.seal(1);
    Desk desk(1, row.is_stored ? Desk::stored(known) : Stored{});
    desk.node().chain = Chain(row.genesis);
    desk.node().chain.seal(3);
    desk.node().network = row.name;
    desk.connect();
    desk.run(30s);
    CHECK(desk.follower->following() == std::nullopt);
    CHECK(desk.said().state == NodeState::wrong_network);
    CHECK(desk.said().text.find("testnet") != std::string::npos);
    CHECK(desk.said().text.find(row.name) != std::string::npos);
    CHECK(desk.said().text.find(h(row.genesis).hex()) != std::string::npos);
    CHECK(desk.count<model::Sealed>() == 0);
    auto const violations = desk.events<model::Violated>();
    REQUIRE(violations.size() == (row.is_violation ? 1U : 0U));
    if (row.is_violation) {
      CHECK(violations[0].kind == model::ViolationKind::genesis);
      CHECK(violations[0].stored == h(1));
      CHECK(violations[0].shown == h(2));
    }
    CHECK(desk.reconnects.empty());
    CHECK(desk.node().asked.size() < 20);  // 30 s at a slow pace
  }
}

TEST_CASE("an answer that does not come ends the connection; bytes of a macro block are patience") {
  Desk desk;
  desk.connect();
  desk.run(2s);
  desk.node().mute = true;
  SECTION("nothing comes") {
    desk.run(10s);
    CHECK(desk.reconnects.empty());
    desk.run(2s);
    REQUIRE(desk.reconnects.size() == 1);
    CHECK(desk.reconnects[0].why.find("no answer") == 0);
    CHECK(desk.said().text.find("no answer") == 0);
    CHECK(desk.follower->following() == std::nullopt);
    desk.lose();  // the link tells us too
    CHECK(desk.said().text.find("no answer") == 0);
    desk.node().mute = false;
    desk.connect();
    desk.run(2s);
    CHECK(desk.said().state == NodeState::following);
  }
  SECTION("bytes come in") {
    bool const is_macro_asked = GENERATE(false, true);
    desk.node().chain.seal(1);
    desk.tick(1s);
    REQUIRE(desk.node().inbox.size() == 1);  // the status poll
    if (is_macro_asked) {
      auto const send = std::exchange(desk.node().inbox, {})[0];
      desk.follower->on_answer(0, send.id, desk.node().answer(send.ask), desk.now);
    }
    for (int second = 0; second < 65; ++second) {
      desk.follower->on_progress(0, desk.now);
      desk.run(1s);
    }
    // A status request alone gets no such patience: the bytes may be notices.
    CHECK(desk.reconnects.size() == (is_macro_asked ? 0U : 1U));
    desk.run(12s);
    CHECK(desk.reconnects.size() == 1);
  }
}

TEST_CASE("a node that is late with a macro block is given more time when it is asked again") {
  Desk desk;
  desk.connect();
  desk.run(2s);
  desk.node().falls_mute = [](Ask const& ask) {
    auto const* macro = std::get_if<AskMacro>(&ask);
    return macro != nullptr && macro->epoch == Epoch(1);
  };
  desk.node().chain.seal(1);
  desk.tick(1s);
  for (auto const patience : {10s, 20s, 30s, 30s}) {
    desk.settle();
    REQUIRE(desk.node().mute);
    auto const before = desk.reconnects.size();
    desk.run(patience);
    CHECK(desk.reconnects.size() == before);
    desk.run(1s);
    REQUIRE(desk.reconnects.size() == before + 1);
    desk.node().mute = false;
    desk.connect();
  }
  desk.node().falls_mute = nullptr;
  desk.lose();
  desk.node().mute = false;
  desk.connect();
  desk.run(2s);
  CHECK(desk.count<model::Sealed>() == 2);  // genesis, and it
}

TEST_CASE("down is told after ten seconds, up only after a down") {
  Desk desk;
  desk.connect();
  desk.run(1s);
  CHECK(desk.count<model::NodeChanged>() == 0);
  desk.lose();
  desk.run(9s);
  CHECK(desk.count<model::NodeChanged>() == 0);
  desk.connect();
  desk.run(20s);
  CHECK(desk.count<model::NodeChanged>() == 0);
  desk.lose();
  desk.run(60s);
  REQUIRE(desk.count<model::NodeChanged>() == 1);
  CHECK_FALSE(desk.events<model::NodeChanged>()[0].up);
  CHECK(desk.events<model::NodeChanged>()[0].node == "a");
  desk.node().mute = true;
  desk.connect();  // a port that accepts is not a node that answers
  desk.run(5s);
  CHECK(desk.count<model::NodeChanged>() == 1);
  desk.node().mute = false;
  desk.run(5s);
  REQUIRE(desk.count<model::NodeChanged>() == 2);
  CHECK(desk.events<model::NodeChanged>()[1].up);
}

TEST_CASE("v1.3 has no notices: it is not subscribed to but asked four times a second") {
  for (auto const generation : {Generation::v1_2_2, Generation::dev, Generation::v1_3}) {
    Desk desk;
    desk.node().generation = generation;
    desk.connect();
    desk.run(10s);
    bool const has_stream = generation != Generation::v1_3;
    CHECK(desk.node().count<AskSubscribe>() == (has_stream ? 1U : 0U));
    CHECK((desk.node().count<AskStatus>() > 20) == !has_stream);
    desk.node().chain.grow(2);
    desk.node().chain.seal();
    desk.run(10s);
    CHECK(desk.node().count<AskSubscribe>() == (has_stream ? 1U : 0U));
  }
}

TEST_CASE("answers to questions that were not asked, or asked on a lost connection, are nothing") {
  Desk desk;
  desk.connect();
  desk.run(1s);
  auto const before = desk.emitted.size();
  desk.follower->on_answer(0, 999'999, MacroSeen{desk.node().chain.seal(), 10}, desk.now);
  desk.follower->on_answer(0, 1, MacroSeen{desk.node().chain.seal(), 10}, desk.now);
  desk.tick();
  CHECK(desk.emitted.size() == before);
}

}  // namespace
}  // namespace hotside::chain::test
