#include "chainclient/chain/tracker.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/chain/desk.hpp"

namespace hotside::chain::test {
namespace {

Tracker tracker_of(Chain const& chain, std::size_t held = 0) {
  return Tracker(h(1), Desk::stored(chain, held));
}

// "C2" connected at offset 2, "H1" held from 1, "R2" returned until 2, "U1" undone from 1, "S3"
// sealed epoch 3.
std::string told(Tracker& tracker) {
  std::string text;
  for (auto const& event : tracker.take()) {
    if (!text.empty()) text += ' ';
    if (auto const* started = std::get_if<model::Started>(&event))
      text += "A" + std::to_string(started->first.value);
    if (auto const* connected = std::get_if<model::Connected>(&event))
      text += "C" + std::to_string(connected->block.offset.value);
    if (auto const* held = std::get_if<model::Held>(&event))
      text += "H" + std::to_string(held->from.value);
    if (auto const* back = std::get_if<model::Returned>(&event))
      text += "R" + std::to_string(back->until.value);
    if (auto const* gone = std::get_if<model::Undone>(&event))
      text += "U" + std::to_string(gone->from.value);
    if (auto const* sealed = std::get_if<model::Sealed>(&event))
      text += "S" + std::to_string(sealed->block.epoch.value);
    if (std::holds_alternative<model::Violated>(event)) text += "V";
  }
  return text;
}

Chain chain_of(std::size_t epochs, std::size_t micros) {
  Chain chain;
  chain.seal(epochs - 1);
  if (micros > 0) chain.grow(micros);
  return chain;
}

TEST_CASE("an empty store starts with Started, then macro block 0") {
  Tracker tracker(h(1), {});
  CHECK_FALSE(tracker.anchored());
  tracker.set_anchor(Epoch(0), model::before_genesis());
  CHECK(tracker.next() == Epoch(0));
  auto const wrong = Chain::macro(Epoch(0), h(2), model::before_genesis());
  CHECK(tracker.seal(wrong) == Taken::unlinked);
  CHECK(told(tracker).empty());
  CHECK(tracker.seal(Chain().macros[0]) == Taken::sealed);
  CHECK(told(tracker) == "A0 S0");
  CHECK(tracker.seal(Chain::macro(Epoch(1), h(3), h(1))) == Taken::sealed);
  CHECK(told(tracker) == "S1");
  CHECK(tracker.final_hash(Epoch(1)) == h(3));
  CHECK(tracker.final_hash(Epoch(2)) == std::nullopt);
}

TEST_CASE("a store that starts late knows the hash before its first epoch") {
  Tracker tracker(h(1), {});
  tracker.set_anchor(Epoch(7), h(60));
  CHECK(tracker.final_hash(Epoch(6)) == std::nullopt);  // not stored yet
  model::MicroBlock block;
  block.epoch = Epoch(7);
  block.previous = h(60);
  block.hash = h(61);
  CHECK(tracker.connect(block) == Taken::connected);
  CHECK(told(tracker) == "A7 C0");
  CHECK(tracker.final_hash(Epoch(6)) == h(60));
  CHECK(tracker.final_hash(Epoch(5)) == std::nullopt);
  CHECK(tracker.final_hash(Epoch(0)) == h(1));
}

TEST_CASE("where a micro block may stand") {
  struct Row {
    char const* name;
    std::uint64_t epoch;
    std::uint32_t offset;
    Hash hash, previous;
    Taken taken;
    char const* told;
  };
  auto const chain = chain_of(2, 3);
  auto const& m = chain.micros;
  auto const hf = chain.macros.back().hash;
  Row const rows[] = {
      {"extends", 2, 3, h(900), m[2].hash, Taken::connected, "C3"},
      {"replaces the tip", 2, 2, h(900), m[1].hash, Taken::connected, "C2"},
      {"replaces all", 2, 0, h(900), hf, Taken::connected, "C0"},
      {"known", 2, 1, m[1].hash, m[1].previous, Taken::duplicate, ""},
      {"known hash, other parent", 2, 1, m[1].hash, h(5), Taken::unlinked, ""},
      {"not linked", 2, 3, h(900), m[1].hash, Taken::unlinked, ""},
      {"not linked to the macro block", 2, 0, h(900), h(901), Taken::unlinked, ""},
      {"beyond a gap", 2, 4, h(900), m[2].hash, Taken::elsewhere, ""},
      {"final epoch", 1, 0, h(900), h(1), Taken::elsewhere, ""},
      {"later epoch", 3, 0, h(900), hf, Taken::elsewhere, ""},
      {"offset 60", 2, 60, h(900), m[2].hash, Taken::elsewhere, ""},
  };
  for (auto const& row : rows) {
    INFO(row.name);
    auto tracker = tracker_of(chain);
    model::MicroBlock block;
    block.epoch = Epoch(row.epoch);
    block.offset = Offset(row.offset);
    block.hash = row.hash;
    block.previous = row.previous;
    CHECK(tracker.connect(block) == row.taken);
    CHECK(told(tracker) == row.told);
  }
}

TEST_CASE("held blocks") {
  auto const chain = chain_of(2, 4);
  auto const& m = chain.micros;
  auto tracker = tracker_of(chain);
  Instant const at{100s};
  auto back = [&](std::size_t offset, Instant when) {
    return tracker.hold(m[offset].epoch, m[offset].offset, m[offset].hash, when);
  };

  SECTION("a take-back holds everything from there up, once") {
    CHECK(back(2, at));
    CHECK_FALSE(back(2, at));
    CHECK_FALSE(back(3, at));
    CHECK(told(tracker) == "H2");
    CHECK(tracker.live() == 2);
    CHECK(tracker.total() == 4);
  }
  SECTION("a take-back of a block that we do not hold is ignored") {
    CHECK_FALSE(tracker.hold(Epoch(2), Offset(1), h(77), at));
    CHECK_FALSE(tracker.hold(Epoch(1), Offset(1), m[1].hash, at));
    CHECK_FALSE(tracker.hold(Epoch(2), Offset(9), m[1].hash, at));
    CHECK(told(tracker).empty());
  }
  SECTION("the same block again returns it and what lies below") {
    back(1, at);
    CHECK(tracker.connect(m[2]) == Taken::returned);
    CHECK(tracker.connect(m[3]) == Taken::returned);
    CHECK(told(tracker) == "H1 R3 R4");
  }
  SECTION("another block replaces held ones") {
    back(1, at);
    auto block = m[1];
    block.hash = h(900);
    CHECK(tracker.connect(block) == Taken::connected);
    CHECK(told(tracker) == "H1 C1");
    CHECK(tracker.total() == 2);
  }
  SECTION("a block on top of a held one proves that it is back") {
    back(1, at);
    auto block = m[3];
    block.hash = h(900);
    CHECK(tracker.connect(block) == Taken::connected);
    CHECK(told(tracker) == "H1 R3 C3");
  }
  SECTION("the grace time is that of the lowest block") {
    back(3, at);
    CHECK_FALSE(tracker.undo_due(at + 59s, 60s));
    CHECK(tracker.undo_due(at + 60s, 60s));
    back(2, at + 50s);
    CHECK_FALSE(tracker.undo_due(at + 109s, 60s));
    CHECK(tracker.undo_due(at + 110s, 60s));
    tracker.undo();
    CHECK(told(tracker) == "H3 H2 U2");
    CHECK(tracker.total() == 2);
    CHECK_FALSE(tracker.undo_due(at + 500s, 60s));
  }
  SECTION("a macro block settles them") {
    back(0, at);
    CHECK(tracker.seal(Chain::macro(Epoch(2), h(900), chain.macros[1].hash)) == Taken::sealed);
    CHECK(told(tracker) == "H0 S2");
    CHECK(tracker.total() == 0);
  }
}

TEST_CASE("blocks held in an earlier run count from the first moment of this one") {
  auto tracker = tracker_of(chain_of(2, 4), 2);
  CHECK(tracker.live() == 2);
  CHECK_FALSE(tracker.undo_due(Instant{900s}, 60s));
  tracker.note_time(Instant{900s});
  CHECK_FALSE(tracker.undo_due(Instant{959s}, 60s));
  CHECK(tracker.undo_due(Instant{960s}, 60s));
}

TEST_CASE("only the next epoch, linked to the last final block, is sealed") {
  auto const chain = chain_of(3, 2);
  auto const hf = chain.macros.back().hash;
  struct Row {
    std::uint64_t epoch;
    Hash previous;
    Taken taken;
  } const rows[] = {{3, hf, Taken::sealed},
                    {3, h(9), Taken::unlinked},
                    {2, chain.macros[1].hash, Taken::elsewhere},
                    {4, hf, Taken::elsewhere}};
  for (auto const& row : rows) {
    auto tracker = tracker_of(chain);
    CHECK(tracker.seal(Chain::macro(Epoch(row.epoch), h(900), row.previous)) == row.taken);
    CHECK(tracker.total() == (row.taken == Taken::sealed ? 0U : 2U));
  }
}

TEST_CASE("a violation is told once and stops everything until it is cleared") {
  auto chain = chain_of(2, 2);
  auto tracker = tracker_of(chain);
  CHECK(tracker.violate({}));
  CHECK_FALSE(tracker.violate({}));
  CHECK(tracker.connect(chain.grow()) == Taken::elsewhere);
  CHECK_FALSE(tracker.hold(Epoch(2), Offset(0), chain.micros[0].hash, Instant{}));
  CHECK(tracker.seal(Chain::macro(Epoch(2), h(9), chain.macros[1].hash)) == Taken::elsewhere);
  CHECK(told(tracker) == "V");
  tracker.clear_violation();
  CHECK(tracker.connect(chain.micros[2]) == Taken::connected);
}

}  // namespace
}  // namespace hotside::chain::test
