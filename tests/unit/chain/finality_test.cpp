#include "tests/unit/chain/desk.hpp"

namespace hotside::chain::test {
namespace {

using model::NodeState;

Chain other_end(Chain chain, std::size_t from) {  // another history from epoch `from` on
  auto const count = chain.macros.size() - from;
  chain.macros.resize(from);
  chain.micros.clear();
  chain.made += 5000;
  chain.seal(count);
  return chain;
}

TEST_CASE("another block for a final epoch stops everything, whoever shows it, however short") {
  struct Row {
    char const* name;
    bool on_standby;
    std::size_t from;     // first differing epoch
    std::size_t surplus;  // epochs that the liar is ahead
    std::size_t missing;  // epochs that it lacks
    std::uint64_t epoch;  // named in the violation
  } const rows[] = {
      {"same height", false, 4, 0, 0, 4},
      {"deeper", false, 2, 0, 0, 4},
      {"shorter", false, 2, 0, 1, 3},
      {"ahead", false, 4, 3, 0, 4},
      {"standby, same height", true, 4, 0, 0, 4},
      {"standby, shorter", true, 2, 0, 2, 2},
      {"standby, ahead", true, 3, 2, 0, 4},
  };
  for (auto const& row : rows) {
    INFO(row.name);
    Chain chain;
    chain.seal(4);
    chain.grow(2);
    Desk desk(2, Desk::stored(chain));
    auto& liar = desk.node(row.on_standby ? 1 : 0);
    desk.node(0).chain = desk.node(1).chain = chain;
    liar.chain = other_end(chain, row.from);
    liar.chain.seal(row.surplus);
    liar.chain.macros.resize(liar.chain.macros.size() - row.missing);
    if (row.on_standby) {
      desk.connect(0);
      desk.connect(1);
    } else {
      desk.connect(0);
    }
    desk.run(20s);
    auto const violations = desk.events<model::Violated>();
    REQUIRE(violations.size() == 1);
    CHECK(violations[0].kind == model::ViolationKind::macro_block);
    CHECK(violations[0].epoch == Epoch(row.epoch));
    CHECK(violations[0].stored == chain.macros[row.epoch].hash);
    CHECK(violations[0].shown == liar.chain.macros[row.epoch].hash);
    CHECK(desk.said(row.on_standby ? 1 : 0).state == NodeState::contradicting);
    // Nothing more is taken in, not even from an honest node.
    desk.node(row.on_standby ? 0 : 1).chain.seal(1);
    if (!row.on_standby) desk.connect(1);
    desk.run(60s);
    CHECK(desk.count<model::Sealed>() == 0);
    CHECK(desk.count<model::Violated>() == 1);
    // The operator removed the liar, and cleared it.
    desk.lose(row.on_standby ? 1 : 0);
    desk.follower->on_violation_cleared(desk.now);
    desk.run(5s);
    CHECK(desk.count<model::Sealed>() == 1);
    CHECK(desk.count<model::Violated>() == 1);
  }
}

TEST_CASE("an open violation survives a restart; a node that still lies raises it again") {
  Chain chain;
  chain.seal(3);
  auto stored = Desk::stored(chain);
  stored.violated = true;
  Desk desk(1, stored);
  desk.node().chain = chain;
  desk.node().chain.seal(2);
  desk.connect();
  desk.run(10s);
  CHECK(desk.emitted.empty());
  desk.follower->on_violation_cleared(desk.now);
  desk.run(2s);
  CHECK(desk.count<model::Sealed>() == 2);
  desk.node().chain = other_end(desk.node().chain, 5);
  desk.run(5s);
  CHECK(desk.count<model::Violated>() == 1);
  desk.follower->on_violation_cleared(desk.now);
  desk.run(5s);
  CHECK(desk.count<model::Violated>() == 2);
}

TEST_CASE("a status alone is no proof: the block itself is asked for") {
  Chain chain;
  chain.seal(3);
  Desk desk(1, Desk::stored(chain));
  desk.node().chain = chain;
  desk.connect();
  desk.run(2s);
  desk.node().lie = [&](Ask const& ask) -> std::optional<Answer> {
    if (!std::holds_alternative<AskStatus>(ask)) return std::nullopt;
    auto status = desk.node().status();
    status.last_macro_block_hash = status.last_block_hash = h(77);
    return status;
  };
  desk.run(20s);
  CHECK(desk.emitted.empty());
  CHECK(desk.node().count<AskMacro>() < 12);  // asked again with growing pauses
  desk.node().lie = nullptr;
  desk.node().chain.grow(1);
  desk.run(3s);
  CHECK(desk.count<model::Connected>() == 1);
}

TEST_CASE("a macro block notice for a final epoch is compared, then confirmed") {
  Chain chain;
  chain.seal(3);
  Desk desk(1, Desk::stored(chain));
  desk.node().chain = chain;
  desk.connect();
  desk.run(2s);
  desk.notice(MacroSeen{chain.macros[2], 10});
  desk.notice(MacroSeen{Chain::macro(Epoch(2), h(88), chain.macros[1].hash), 10});
  desk.run(2s);
  CHECK(desk.emitted.empty());  // it shows the stored one when asked
  desk.node().chain.macros[2].hash = h(88);
  desk.run(2s);
  desk.notice(MacroSeen{desk.node().chain.macros[2], 10});
  desk.run(5s);
  REQUIRE(desk.count<model::Violated>() == 1);
  CHECK(desk.events<model::Violated>()[0].epoch == Epoch(2));
}

TEST_CASE("a node that only lags contradicts nothing") {
  Chain chain;
  chain.seal(5);
  Desk desk(1, Desk::stored(chain));
  desk.node().chain = chain;
  desk.node().chain.macros.resize(3);
  desk.connect();
  desk.run(30s);
  CHECK(desk.count<model::Violated>() == 0);
  CHECK(desk.said().state == NodeState::behind);
  desk.node().chain = chain;
  desk.node().chain.seal();
  desk.run(2s);
  CHECK(desk.count<model::Sealed>() == 1);
  CHECK(desk.said().state == NodeState::following);
}

TEST_CASE("with confirm_nodes an epoch is final when that many nodes have shown it") {
  Chain chain;
  chain.seal(2);
  Desk desk(3, Desk::stored(chain), [](FollowerOptions& options) { options.confirm_nodes = 2; });
  for (auto& puppet : desk.puppets) puppet.chain = chain;
  auto const& block = desk.node(0).chain.seal();
  desk.connect(0);
  desk.run(10s);
  CHECK(desk.count<model::Sealed>() == 0);
  CHECK(desk.said().state == NodeState::catching_up);
  CHECK(desk.follower->epochs_left() == 1);

  SECTION("a second one shows it") {
    desk.node(1).chain = desk.node(0).chain;
    desk.connect(1);
    desk.run(3s);
    CHECK(desk.count<model::Sealed>() == 1);
  }
  SECTION("a lagging one does not, until it has it") {
    desk.connect(1);
    desk.run(10s);
    CHECK(desk.count<model::Sealed>() == 0);
    desk.node(1).chain = desk.node(0).chain;
    desk.run(10s);
    CHECK(desk.count<model::Sealed>() == 1);
  }
  SECTION("a notice counts no more than an answer") {
    desk.notice(MacroSeen{block, 10});
    CHECK(desk.count<model::Sealed>() == 0);
  }
  SECTION("another block stops it, and is no violation") {
    desk.node(1).chain = other_end(desk.node(0).chain, 3);
    desk.node(2).chain = desk.node(0).chain;
    desk.connect(1);
    desk.connect(2);
    desk.run(20s);
    CHECK(desk.count<model::Sealed>() == 0);
    CHECK(desk.count<model::Violated>() == 0);
    CHECK(desk.said(1).state == NodeState::contradicting);
    desk.node(1).chain = desk.node(0).chain;
    desk.run(60s);
    CHECK(desk.count<model::Sealed>() == 1);
  }
}

}  // namespace
}  // namespace hotside::chain::test
