#include "tests/unit/chain/desk.hpp"

namespace hotside::chain::test {
namespace {

using model::NodeState;

struct Two : Desk {
  Two() : Desk(2, stored(level())) {
    for (auto& puppet : puppets) puppet.chain = level();
    connect(0);
    connect(1);
    run(1s);
    REQUIRE(follower->following() == NodeId(0));
  }
  static Chain level() {
    Chain chain;
    chain.seal(2);
    chain.grow(3);
    return chain;
  }
};

TEST_CASE("the first healthy node is followed, the others stand by") {
  Two desk;
  CHECK(desk.said(0).state == NodeState::following);
  CHECK(desk.said(0).following);
  CHECK(desk.said(1).state == NodeState::standby);
  CHECK_FALSE(desk.said(1).following);
  CHECK(desk.node(1).count<AskSubscribe>() == 0);
}

TEST_CASE("the preferred one may come second at the start") {
  Desk desk(2);
  for (auto& puppet : desk.puppets) puppet.chain.seal(2);
  desk.connect(1);
  desk.run(1s);
  CHECK(desk.follower->following() == NodeId(1));
  desk.connect(0);
  desk.run(2s);
  CHECK(desk.follower->following() == NodeId(0));
}

TEST_CASE("an unreachable node is left at once; back after it has been well for a while") {
  Two desk;
  desk.lose(0);
  CHECK(desk.follower->following() == NodeId(1));
  desk.node(1).chain.grow(2);
  desk.run(2s);
  CHECK(desk.count<model::Connected>() == 2);
  desk.node(0).chain = desk.node(1).chain;
  desk.connect(0);
  desk.run(28s);
  CHECK(desk.follower->following() == NodeId(1));
  desk.run(5s);
  CHECK(desk.follower->following() == NodeId(0));
}

TEST_CASE("a node that is not synchronised is left at once, and not followed when alone") {
  Two desk;
  desk.node(0).synchronised = false;
  desk.run(1200ms);
  CHECK(desk.follower->following() == NodeId(1));
  CHECK(desk.said(0).state == NodeState::unsynchronised);
  desk.node(1).synchronised = false;
  desk.run(1200ms);
  CHECK(desk.follower->following() == std::nullopt);
  desk.node(0).chain.grow(1);
  desk.run(5s);
  CHECK(desk.emitted.empty());
  desk.node(0).synchronised = true;
  desk.run(2s);
  CHECK(desk.count<model::Connected>() == 1);
}

TEST_CASE("a node that is behind another is left after thirty seconds") {
  struct Row {
    char const* name;
    std::size_t seal, grow;
    bool is_left;
  } const rows[] = {{"nine blocks", 0, 9, false},
                    {"ten blocks", 0, 10, true},
                    {"an epoch", 1, 0, true},
                    {"nothing", 0, 0, false}};
  for (auto const& row : rows) {
    INFO(row.name);
    Two desk;
    if (row.seal > 0) desk.node(1).chain.seal(row.seal);
    if (row.grow > 0) desk.node(1).chain.grow(row.grow);
    desk.run(29s);
    CHECK(desk.follower->following() == NodeId(0));
    desk.run(4s);
    CHECK(desk.follower->following() == NodeId(row.is_left ? 1 : 0));
    desk.run(60s);
    CHECK(desk.follower->following() == NodeId(row.is_left ? 1 : 0));
    CHECK(desk.count<model::Sealed>() == row.seal);
  }
}

TEST_CASE("switching never goes below what is final") {
  Two desk;
  desk.node(0).chain.seal(2);
  desk.run(2s);
  REQUIRE(desk.count<model::Sealed>() == 2);
  desk.lose(0);
  CHECK(desk.follower->following() == NodeId(1));
  CHECK(desk.said(1).state == NodeState::behind);
  desk.node(1).chain.grow(4);
  desk.run(60s);
  CHECK(desk.count<model::Connected>() == 0);
  desk.connect(0);
  desk.run(40s);
  CHECK(desk.follower->following() == NodeId(0));
}

TEST_CASE("a node that sends an unusable block is left at the first one for another") {
  Two desk;
  for (auto& puppet : desk.puppets) {
    puppet.generation = Generation::v1_3;
    puppet.chain.grow(2);
  }
  desk.node(0).lie = [](Ask const& ask) -> std::optional<Answer> {
    if (!std::holds_alternative<AskMicro>(ask)) return std::nullopt;
    return Unusable{false, Epoch(3), Offset(3), h(5), "no", "outputs_root"};
  };
  desk.run(2s);
  CHECK(desk.follower->following() == NodeId(1));
  CHECK(desk.counted("outputs_root") >= 1);
  CHECK(desk.counted("outputs_root") <= 2);  // of two in flight
  CHECK(desk.count<model::Connected>() == 2);
  CHECK_FALSE(desk.follower->bad_block());
}

TEST_CASE("a node that names blocks which it does not give is left for another") {
  Two desk;
  desk.node(0).lie = [&](Ask const& ask) -> std::optional<Answer> {
    if (!std::holds_alternative<AskStatus>(ask)) return std::nullopt;
    auto status = desk.node(0).status();
    status.epoch = Epoch(1'000'000);
    status.last_macro_block_hash = status.last_block_hash = h(4);
    return status;
  };
  desk.node(1).chain.seal(1);
  desk.run(40s);
  CHECK(desk.follower->following() == NodeId(1));
  CHECK(desk.count<model::Sealed>() == 1);
  CHECK(desk.count<model::Violated>() == 0);
}

TEST_CASE("held blocks survive a switch; the other node's word settles them") {
  Two desk;
  auto const block = desk.node(0).chain.micros.back();
  desk.node(0).chain.micros.pop_back();
  desk.notice(take_back(block));
  REQUIRE(desk.count<model::Held>() == 1);
  desk.lose(0);
  desk.run(3s);  // the other one still has it
  CHECK(desk.count<model::Returned>() == 1);
  desk.run(100s);
  CHECK(desk.count<model::Undone>() == 0);
}

}  // namespace
}  // namespace hotside::chain::test
