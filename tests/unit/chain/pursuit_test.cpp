#include "tests/unit/chain/desk.hpp"

namespace hotside::chain::test {
namespace {

using model::NodeState;

// A follower that is level with one node: two final epochs beside genesis, `micros` micro blocks.
struct Level : Desk {
  explicit Level(std::size_t micros, Generation generation = Generation::v1_2_2,
                 std::size_t count = 1)
      : Level(chain_of(micros), generation, count) {}
  Level(Chain const& chain, Generation generation, std::size_t count) : Desk(count, stored(chain)) {
    for (auto& puppet : puppets) {
      puppet.chain = chain;
      puppet.generation = generation;
    }
    for (NodeId id = 0; id < count; ++id) connect(id);
    run(1s);
    REQUIRE(emitted.empty());
  }
  static Chain chain_of(std::size_t micros) {
    Chain chain;
    chain.seal(2);
    if (micros > 0) chain.grow(micros);
    return chain;
  }
  Chain& chain() { return node().chain; }
  std::vector<std::uint32_t> connected() const {
    std::vector<std::uint32_t> offsets;
    for (auto const& event : events<model::Connected>())
      offsets.push_back(event.block.offset.value);
    return offsets;
  }
};
using Offsets = std::vector<std::uint32_t>;

TEST_CASE("catching up: epochs are sealed in order, answers may come newest first") {
  Desk desk;
  desk.node().chain.seal(40);
  desk.node().chain.grow(5);
  desk.node().mute = true;
  desk.follower->on_connected(0, desk.now);
  std::size_t most = 0;
  for (int round = 0; round < 500; ++round) {
    desk.tick(10ms);
    auto& inbox = desk.node().inbox;
    most = std::max(most, inbox.size());
    if (inbox.empty()) continue;
    auto const send = inbox.back();
    inbox.pop_back();
    desk.follower->on_answer(0, send.id, desk.node().answer(send.ask), desk.now);
  }
  auto const sealed = desk.events<model::Sealed>();
  REQUIRE(sealed.size() == 41);
  for (std::size_t at = 0; at < sealed.size(); ++at) CHECK(sealed[at].block.epoch == Epoch(at));
  CHECK(desk.count<model::Connected>() == 5);
  CHECK(most > 10);
  CHECK(most <= 18);
  CHECK(desk.follower->epochs_left() == 0);
  CHECK(desk.count<model::Started>() == 1);
  CHECK(std::holds_alternative<model::Started>(desk.emitted[0]));
}

TEST_CASE("large macro blocks narrow the window") {
  Desk desk(1, {}, [](FollowerOptions& options) { options.pipeline_bytes = 2500; });
  desk.node().chain.seal(30);
  desk.connect();
  desk.run(2s);
  desk.node().chain.seal(30);
  desk.node().mute = true;
  desk.run(1s);
  desk.node().mute = false;
  // One status, then two macro blocks of 1000 bytes.
  for (auto const& send : std::exchange(desk.node().inbox, {}))
    desk.follower->on_answer(0, send.id, desk.node().answer(send.ask), desk.now);
  desk.tick();
  CHECK(desk.node().inbox.size() == 2);
}

TEST_CASE("where a store that starts late begins") {
  struct Row {
    char const* name;
    std::size_t final;  // of the node
    bool gives_before;  // macro_block_info(s - 1)
    bool starts;
  } const rows[] = {{"shown", 8, true, true},
                    {"in its first epoch", 4, true, true},
                    {"from the status", 4, false, true},
                    {"from the block after", 8, false, true},
                    {"not begun", 3, true, false}};
  for (auto const& row : rows) {
    INFO(row.name);
    Desk desk(1, {}, [](FollowerOptions& options) { options.start_epoch = Epoch(5); });
    auto& puppet = desk.node();
    puppet.chain.seal(row.final);
    puppet.lie = [&](Ask const& ask) -> std::optional<Answer> {
      auto const* macro = std::get_if<AskMacro>(&ask);
      if (macro == nullptr || macro->epoch != Epoch(4) || row.gives_before) return std::nullopt;
      return Refused{"Macro block doesn't exists"};
    };
    desk.connect();
    desk.run(3s);
    if (!row.starts) {
      CHECK(desk.emitted.empty());
      CHECK(desk.said().state == NodeState::behind);
      CHECK(desk.said().text.find("epoch 5") != std::string::npos);
      puppet.chain.seal(1);
      desk.run(3s);
    }
    puppet.chain.grow(1);
    desk.run(3s);
    REQUIRE_FALSE(desk.emitted.empty());
    auto const started = desk.events<model::Started>();
    REQUIRE(started.size() == 1);
    CHECK(started[0].first == Epoch(5));
    CHECK(started[0].previous == puppet.chain.macros[4].hash);
    CHECK(desk.count<model::Sealed>() == puppet.chain.macros.size() - 5);
    CHECK(desk.count<model::Connected>() == 1);
  }
}

TEST_CASE("a notice that links to the tip is taken at once; anything else asks") {
  Level desk(3);
  auto const asked = [&] { return desk.node().count<AskStatus>(); };
  desk.node().mute = true;
  auto const before = asked();
  SECTION("the next micro block") {
    desk.notice(MicroSeen{desk.chain().grow()});
    CHECK(desk.connected() == Offsets{3});
    CHECK(asked() == before);
  }
  SECTION("the same one again") {
    desk.notice(MicroSeen{desk.chain().micros[1]});
    CHECK(desk.emitted.empty());
    CHECK(asked() == before);
  }
  SECTION("beyond a gap") {
    desk.chain().grow();
    desk.notice(MicroSeen{desk.chain().grow()});
    CHECK(desk.emitted.empty());
    CHECK(asked() == before + 1);
    desk.notice(MicroSeen{desk.chain().grow()});
    CHECK(asked() == before + 1);  // one at a time
    desk.node().mute = false;
    desk.settle();
    CHECK(desk.connected() == Offsets{3, 4, 5});
  }
  SECTION("in place of another") {
    desk.chain().micros.resize(1);
    desk.notice(MicroSeen{desk.chain().grow()});
    CHECK(desk.emitted.empty());
    CHECK(asked() == before + 1);
    desk.node().mute = false;
    desk.settle();
    CHECK(desk.emitted.empty() == false);
    CHECK(desk.connected() == Offsets{1});
    CHECK(desk.counted("fork") == 1);
  }
  SECTION("of another epoch") {
    desk.chain().seal();
    desk.notice(MicroSeen{desk.chain().grow()});
    CHECK(desk.emitted.empty());
    desk.node().mute = false;
    desk.settle();
    CHECK(desk.count<model::Sealed>() == 1);
    CHECK(desk.connected() == Offsets{0});
  }
  SECTION("the next macro block") {
    desk.notice(MacroSeen{desk.chain().seal(), 10});
    CHECK(desk.count<model::Sealed>() == 1);
  }
  SECTION("a later macro block") {
    desk.chain().seal(2);
    desk.notice(MacroSeen{desk.chain().macros.back(), 10});
    CHECK(desk.emitted.empty());
    desk.node().mute = false;
    desk.settle();
    CHECK(desk.count<model::Sealed>() == 2);
  }
  SECTION("a macro block that does not link") {
    desk.notice(MacroSeen{Chain::macro(Epoch(3), h(70), h(71)), 10});
    CHECK(desk.emitted.empty());
    CHECK(asked() == before + 1);
  }
  SECTION("one that does not verify") {
    desk.notice(Unusable{false, Epoch(3), Offset(3), h(9), "no", "outputs_root"});
    CHECK(desk.counted("outputs_root") == 1);
    CHECK(asked() == before + 1);
    CHECK_FALSE(desk.follower->bad_block());
  }
  SECTION("a status") {
    desk.notice(Status{true, Epoch(99), Offset(3), h(1), h(2), Generation::v1_2_2});
    CHECK(asked() == before + 1);
    CHECK(desk.emitted.empty());
  }
}

TEST_CASE("notices of a node that is not followed are not taken in") {
  Level desk(3, Generation::v1_2_2, 2);
  desk.notice(MicroSeen{desk.chain().grow()}, 1);
  desk.notice(MacroSeen{desk.chain().seal(), 10}, 1);
  desk.notice(take_back(desk.node(1).chain.micros[0]), 1);
  CHECK(desk.emitted.empty());
}

TEST_CASE("an epoch closes on v1.2.2: sixty take-backs, then the macro block") {
  Level desk(60);
  CHECK(desk.follower->full_epoch_since().has_value());
  for (std::size_t at = 60; at-- > 0;) desk.notice(take_back(desk.chain().micros[at]));
  desk.chain().seal();
  SECTION("it comes") { desk.notice(MacroSeen{desk.chain().macros.back(), 10}); }
  SECTION("it is lost") { desk.run(2s); }
  CHECK(desk.count<model::Held>() == 60);
  CHECK(desk.count<model::Sealed>() == 1);
  CHECK(desk.count<model::Undone>() == 0);
  CHECK(desk.emitted.size() == 61);
  CHECK_FALSE(desk.follower->full_epoch_since());
}

TEST_CASE("a shorter chain without a take-back is a lagging node: nothing is held or undone") {
  Level desk(9);
  desk.chain().micros.resize(4);
  desk.run(300s);
  CHECK(desk.count<model::Held>() == 0);
  CHECK(desk.count<model::Undone>() == 0);
  CHECK(desk.said().state == NodeState::behind);
  CHECK(desk.said().text.find("below") != std::string::npos);
}

TEST_CASE(
    "blocks that were taken back are undone when the grace time is over and a status agrees") {
  Level desk(5);
  auto const popped = desk.chain().micros;
  auto pop = [&](std::size_t down_to) {
    while (desk.chain().micros.size() > down_to) {
      auto const block = desk.chain().micros.back();
      desk.chain().micros.pop_back();
      desk.notice(take_back(block));
    }
  };
  pop(3);
  REQUIRE(desk.count<model::Held>() == 2);

  SECTION("nothing follows") {
    desk.run(59s);
    CHECK(desk.count<model::Undone>() == 0);
    desk.run(3s);
    REQUIRE(desk.count<model::Undone>() == 1);
    CHECK(desk.events<model::Undone>()[0].from == Offset(3));
  }
  SECTION("a lower one is taken back: the time starts again") {
    desk.run(50s);
    pop(2);
    desk.run(30s);
    CHECK(desk.count<model::Undone>() == 0);
    desk.run(32s);
    REQUIRE(desk.count<model::Undone>() == 1);
    CHECK(desk.events<model::Undone>()[0].from == Offset(2));
  }
  SECTION("while disconnected we wait") {
    desk.lose();
    desk.run(300s);
    CHECK(desk.count<model::Undone>() == 0);
    desk.connect();
    desk.run(2s);
    CHECK(desk.count<model::Undone>() == 1);
  }
  SECTION("while the node shows something else we wait") {
    desk.chain().micros.resize(1);  // it lags
    desk.run(300s);
    CHECK(desk.count<model::Undone>() == 0);
  }
  SECTION("they come back in a status") {
    desk.chain().micros = popped;
    desk.run(2s);
    REQUIRE(desk.count<model::Returned>() == 1);
    CHECK(desk.events<model::Returned>()[0].until == Offset(5));
    CHECK(desk.counted("returned") == 1);
    desk.run(100s);
    CHECK(desk.count<model::Undone>() == 0);
  }
  SECTION("they come back in notices") {
    desk.chain().micros = popped;
    desk.notice(MicroSeen{popped[3]});
    desk.notice(MicroSeen{popped[4]});
    CHECK(desk.count<model::Returned>() == 2);
  }
  SECTION("an answer from before the take-back says nothing") {
    desk.run(1s);
    desk.node().mute = true;
    desk.tick(1s);  // a status is asked for
    REQUIRE(desk.node().inbox.size() == 1);
    auto const old = std::exchange(desk.node().inbox, {});
    auto const before = desk.node().status();
    auto const block = desk.chain().micros.back();
    desk.chain().micros.pop_back();
    desk.notice(take_back(block));
    desk.follower->on_answer(0, old[0].id, before, desk.now);
    desk.tick();
    CHECK(desk.count<model::Returned>() == 0);
  }
  SECTION("another block replaces them") {
    desk.notice(MicroSeen{desk.chain().grow()});
    CHECK(desk.connected() == Offsets{3});
    CHECK(desk.count<model::Undone>() == 0);
  }
}

TEST_CASE("a take-back of a block that we do not hold is only a reason to ask") {
  Level desk(5);
  desk.node().mute = true;
  auto const before = desk.node().count<AskStatus>();
  desk.notice(MicroReverted{Epoch(3), Offset(2), h(1234)});
  CHECK(desk.emitted.empty());
  CHECK(desk.node().count<AskStatus>() == before + 1);
}

TEST_CASE("a fork is read down to where it begins, and told only when it is whole") {
  for (auto const generation : {Generation::v1_2_2, Generation::dev, Generation::v1_3}) {
    struct Row {
      std::size_t common, length;
      Offsets connected;
    } const rows[] = {{8, 1, {8}},
                      {5, 3, {5, 6, 7}},
                      {0, 2, {0, 1}},
                      {6, 6, {6, 7, 8, 9, 10, 11}},
                      {0, 10, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}};
    for (auto const& row : rows) {
      INFO(row.common << "+" << row.length);
      Level desk(9, generation);
      desk.chain().micros.resize(row.common);
      desk.chain().grow(row.length);
      desk.run(2s);
      CHECK(desk.connected() == row.connected);
      CHECK(desk.emitted.size() == row.connected.size());
      CHECK(desk.counted("fork") == 1);
      CHECK(desk.said().state == NodeState::following);
    }
  }
}

TEST_CASE("the chain moves while a fork is read: start again, tell nothing of the half") {
  Level desk(6);
  auto const kept = desk.chain();
  desk.chain().micros.resize(2);
  desk.chain().grow(4);
  auto const fork = desk.chain();
  desk.node().lie = [&](Ask const& ask) -> std::optional<Answer> {
    auto const* micro = std::get_if<AskMicro>(&ask);
    if (micro != nullptr && micro->offset == Offset(3)) desk.node().chain = kept;  // and back
    return std::nullopt;
  };
  desk.run(300ms + 1s);
  CHECK(desk.emitted.empty());
  CHECK(desk.counted("moved") + desk.counted("fork") > 0);
  desk.node().lie = nullptr;
  desk.chain().grow(1);
  desk.run(5s);
  CHECK(desk.connected() == Offsets{6});
}

// Hands over the answers that are due for the micro blocks of these offsets.
void answer_micros(Desk& desk, Offsets const& offsets) {
  for (auto const offset : offsets) {
    desk.tick();
    auto& inbox = desk.node().inbox;
    auto const found = std::find_if(inbox.begin(), inbox.end(), [&](Send const& send) {
      auto const* micro = std::get_if<AskMicro>(&send.ask);
      return micro != nullptr && micro->offset == Offset(offset);
    });
    REQUIRE(found != inbox.end());
    auto const send = *found;
    inbox.erase(found);
    desk.follower->on_answer(0, send.id, desk.node().answer(send.ask), desk.now);
  }
  desk.tick();
}
void answer_status(Desk& desk) {
  desk.node().mute = true;
  desk.tick(1s);
  REQUIRE(desk.node().inbox.size() == 1);
  auto const send = std::exchange(desk.node().inbox, {})[0];
  desk.follower->on_answer(0, send.id, desk.node().answer(send.ask), desk.now);
  desk.tick();
}

TEST_CASE("counted blocks are replaced only when the other branch is whole") {
  Level desk(6);
  desk.chain().micros.resize(3);
  desk.chain().grow(10);
  answer_status(desk);
  answer_micros(desk, {6, 5, 4, 3, 7, 8, 10, 11});
  CHECK(desk.emitted.empty());
  answer_micros(desk, {9});
  CHECK(desk.emitted.empty());
  SECTION("and ends where the status said") {
    answer_micros(desk, {12});
    CHECK(desk.connected() == Offsets{3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  }
  SECTION("and it is not when the chain has moved on") {
    desk.chain().micros.back().hash = h(4321);
    answer_micros(desk, {12});
    CHECK(desk.emitted.empty());
    CHECK(desk.counted("moved") == 1);
    desk.node().mute = false;
    desk.run(3s);
    CHECK(desk.connected().size() == 10);
  }
}

TEST_CASE("an answer from before a take-back of a block that we had not seen is nothing") {
  Level desk(3);
  desk.chain().grow(2);
  answer_status(desk);
  auto const before = desk.node().answer(AskMicro{Epoch(3), Offset(3)});
  REQUIRE(desk.node().inbox.size() == 2);
  auto const asked = desk.node().inbox;
  desk.notice(take_back(desk.chain().micros[4]));
  desk.notice(take_back(desk.chain().micros[3]));
  desk.follower->on_answer(0, asked[0].id, before, desk.now);
  desk.tick();
  CHECK(desk.emitted.empty());
}

TEST_CASE("a block that cannot be used stops us where we are, visibly, and is asked for again") {
  struct Row {
    bool is_macro;
  } const rows[] = {{false}, {true}};
  for (auto const& row : rows) {
    Level desk(3);
    auto& puppet = desk.node();
    puppet.generation = Generation::v1_3;
    if (row.is_macro)
      desk.chain().seal(3);
    else
      desk.chain().grow(3);
    std::size_t asked = 0;
    puppet.lie = [&](Ask const& ask) -> std::optional<Answer> {
      auto const* macro = std::get_if<AskMacro>(&ask);
      auto const* micro = std::get_if<AskMicro>(&ask);
      if (macro != nullptr && macro->epoch == Epoch(4)) {
        ++asked;
        return Unusable{true, Epoch(4), std::nullopt, h(5), "output 3 does not hash", "output_id"};
      }
      if (micro != nullptr && micro->offset == Offset(4)) {
        ++asked;
        return Unusable{false, Epoch(3), Offset(4), h(5), "output 3 does not hash", "output_id"};
      }
      return std::nullopt;
    };
    desk.run(120s);
    REQUIRE(desk.follower->bad_block());
    CHECK(desk.follower->bad_block()->what == "output 3 does not hash");
    CHECK(desk.follower->bad_block()->epoch == Epoch(row.is_macro ? 4 : 3));
    CHECK(desk.follower->bad_block()->offset.has_value() == !row.is_macro);
    CHECK(asked >= 6);  // after 1, 2, 4, 8, 16, 30, 30 seconds
    CHECK(asked <= 9);
    CHECK(desk.counted("output_id") == asked);
    auto const taken = [&] { return desk.count<model::Connected>() + desk.count<model::Sealed>(); };
    CHECK(taken() == 1);  // the block before it
    puppet.lie = nullptr;
    desk.run(35s);
    CHECK_FALSE(desk.follower->bad_block());
    CHECK(taken() == 3);
  }
}

TEST_CASE(
    "a macro block that links to nothing is refused; if our last one differs too, it is worse") {
  Level desk(0);
  desk.node().lie = [&](Ask const& ask) -> std::optional<Answer> {
    auto const* macro = std::get_if<AskMacro>(&ask);
    if (macro == nullptr || macro->epoch != Epoch(3)) return std::nullopt;
    return MacroSeen{Chain::macro(Epoch(3), h(70), h(71)), 10};
  };
  desk.chain().seal();
  desk.run(3s);
  CHECK(desk.emitted.empty());
  CHECK(desk.counted("unlinked") > 0);
  CHECK(desk.follower->bad_block()->epoch == Epoch(3));
  desk.chain().macros[2].hash = h(71);
  desk.run(30s);
  CHECK(desk.count<model::Violated>() == 1);
}

TEST_CASE("a node that does not give what it names is asked at a bounded rate") {
  Level desk(3);
  desk.node().lie = [&](Ask const& ask) -> std::optional<Answer> {
    if (std::holds_alternative<AskMicro>(ask)) return Refused{"Micro block doesn't exists"};
    return std::nullopt;
  };
  desk.chain().grow(2);
  desk.run(60s);
  CHECK(desk.node().count<AskMicro>() < 60);
  CHECK(desk.node().count<AskStatus>() < 100);
  CHECK(desk.emitted.empty());
  desk.node().lie = nullptr;
  desk.run(6s);
  CHECK(desk.connected() == Offsets{3, 4});
}

TEST_CASE("a block that never follows from the one before it is one that cannot be used") {
  Level desk(3);
  desk.chain().grow(3);
  desk.node().lie = [&](Ask const& ask) -> std::optional<Answer> {
    auto const* micro = std::get_if<AskMicro>(&ask);
    if (micro == nullptr || micro->offset != Offset(4)) return std::nullopt;
    auto block = desk.chain().micros[4];
    block.previous = h(999);
    return MicroSeen{block};
  };
  desk.run(12s);
  CHECK(desk.counted("unlinked") > 0);
  REQUIRE(desk.follower->bad_block());
  CHECK(desk.follower->bad_block()->offset == Offset(4));
  CHECK(desk.follower->bad_block()->hash == desk.chain().micros[4].hash);
  desk.node().lie = nullptr;
  desk.run(40s);
  CHECK(desk.connected() == Offsets{3, 4, 5});
  CHECK_FALSE(desk.follower->bad_block());
}

TEST_CASE("answers of another place are refused") {
  Level desk(3);
  desk.node().lie = [&](Ask const& ask) -> std::optional<Answer> {
    if (std::holds_alternative<AskMicro>(ask)) return MicroSeen{desk.chain().micros[0]};
    return std::nullopt;
  };
  desk.chain().grow(2);
  desk.run(3s);
  CHECK(desk.counted("place") > 0);
  CHECK(desk.emitted.empty());
}

TEST_CASE("a stream that went silent is renewed, at most once a minute") {
  Level desk(1);
  for (int round = 0; round < 30; ++round) {
    desk.chain().grow();
    desk.run(2s);
    if (!desk.follower->following()) desk.connect();
  }
  CHECK(desk.reconnects.size() == 1);
  CHECK(desk.counted("silent") == 1);
  desk.run(2s);
  CHECK(desk.connected().size() == 30);

  Level heard(1);
  for (int round = 0; round < 30; ++round) {
    heard.notice(MicroSeen{heard.chain().grow()});
    heard.run(2s);
  }
  CHECK(heard.reconnects.empty());
}

TEST_CASE("a stall is told once, and again after the next") {
  Level desk(1);
  desk.run(118s);
  CHECK(desk.count<model::Stalled>() == 0);
  desk.run(300s);
  CHECK(desk.count<model::Stalled>() == 1);
  desk.chain().grow();
  desk.run(119s);
  auto const moved_at = desk.now;
  CHECK(desk.count<model::Stalled>() == 1);
  desk.run(10s);
  REQUIRE(desk.count<model::Stalled>() == 2);
  auto const since = desk.events<model::Stalled>()[1].since;
  auto const said = std::chrono::milliseconds(to_unix_ms(since));
  CHECK(said > moved_at.time_since_epoch() - 120s);
  CHECK(said < moved_at.time_since_epoch() - 117s);
  desk.lose();
  desk.chain().grow();
  desk.run(600s);  // nobody to stall
  CHECK(desk.count<model::Stalled>() == 2);
}

TEST_CASE("a node that was just reached gets its time before a stall is told") {
  Level desk(1);
  desk.chain().grow();
  desk.run(50s);
  desk.lose();
  desk.run(600s);
  desk.connect();
  desk.run(115s);
  CHECK(desk.count<model::Stalled>() == 0);
  desk.run(10s);
  CHECK(desk.count<model::Stalled>() == 1);
}

}  // namespace
}  // namespace hotside::chain::test
