// What a hold keeps back gets its numbers later, whatever happens meanwhile.

#include <algorithm>

#include "explorer/ingest/feed_events.hpp"
#include "tests/support/ingest_rig.hpp"
#include "tests/support/random_history.hpp"

using namespace hotside;
using namespace hotside::test;

namespace {

void set_hold(Rig& rig, TestClock const& clock) {
  auto txn = must(rig.database().begin());
  must(txn->hold().set({clock.now(), "ops", "because"}));
  must(txn->commit());
}

// One portion of what waits; true when some is left.
bool release(Rig& rig, std::size_t limit, bool lift = false) {
  auto txn = must(rig.database().begin());
  if (lift) CHECK(must(txn->hold().lift()));
  bool const left = must(ingest::release_withheld(*txn, limit));
  must(txn->commit());
  return left;
}

std::vector<std::string> types_of(std::vector<model::OutboxEvent> const& events,
                                  std::string const& id) {
  std::vector<std::string> types;
  for (auto const& event : events)
    if (field(event.json, "id") == id) types.emplace_back(model::to_string(event.type));
  return types;
}

std::size_t committed_in(std::vector<model::OutboxEvent> const& events) {
  return static_cast<std::size_t>(
      std::ranges::count(events, model::EventType::deposit_committed, &model::OutboxEvent::type));
}

}  // namespace

TEST_CASE("under hold nothing is told to be committed, and spends wait behind their deposit") {
  TestClock clock;
  Rig rig{clock};
  rig.add({0, 1});
  rig.apply(model::Started{Epoch(0), bytes_of<Hash>(77)});
  auto const early = payment(0, 1, 5), late = payment(1, 2, 6);
  auto const first = macro(Epoch(0), bytes_of<Hash>(77), {Tx{{}, {early}}});
  rig.apply(model::Sealed{first});
  set_hold(rig, clock);
  auto const second = macro(Epoch(1), first.hash, {Tx{{}, {late}}});
  rig.apply(model::Sealed{second});
  rig.apply(model::Sealed{macro(Epoch(2), second.hash, {Tx{{early.id, late.id}, {}}})});
  CHECK(rig.news() == std::vector<std::string>{"deposit.committed 5", "spend.committed 5"});
  CHECK(rig.deposit(late.id, Epoch(1))->spend == model::SpendState::spent);

  rig.open();  // it survives a restart
  CHECK(rig.news().empty());
  CHECK(release(rig, 1, true));
  CHECK(rig.news() == std::vector<std::string>{"deposit.committed 6"});
  rig.open();  // and so does what is still without a number
  CHECK_FALSE(release(rig, 1));
  CHECK(rig.news() == std::vector<std::string>{"spend.committed 6"});
  auto const events = rig.events();
  for (std::size_t i = 0; i < events.size(); ++i) {
    CHECK(events[i].seq.value == i + 1);
    CHECK(field(events[i].json, "seq") == std::to_string(i + 1));
  }
  CHECK(folded(events) == standings_of(rig.deposits()));
}

TEST_CASE(
    "set and lifted at any time, the feed comes to the tables and keeps each deposit's order") {
  std::size_t withheld = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    TestClock clock;
    Rig rig{clock}, plain{clock};  // the second one is never held
    RandomHistory history(seed);
    std::mt19937_64 random(seed);
    auto const start = history.start();
    rig.apply(start), plain.apply(start);
    bool is_held = false, is_releasing = false;
    for (int step = 0; step < 120; ++step) {
      clock.set(step * 1000);
      auto const event = history.next();
      rig.apply(event), plain.apply(event);
      if (step % 20 == 7) {
        auto const key = static_cast<std::uint64_t>(step / 20);
        rig.add({key}), plain.add({key});
      }
      if (is_releasing && random() % 2 == 0) is_releasing = release(rig, 1 + random() % 3);
      if (random() % 10 != 0) continue;
      if (is_held)
        is_releasing = release(rig, 1 + random() % 3, true);
      else
        set_hold(rig, clock);
      is_held = !is_held;
      withheld += plain.events().size() - rig.events().size();
    }
    if (is_held) is_releasing = release(rig, 1, true);
    while (is_releasing) is_releasing = release(rig, 2);

    auto const events = rig.events(), want = plain.events();
    CHECK(folded(events) == standings_of(rig.deposits()));
    CHECK(standings_of(rig.deposits()) == standings_of(plain.deposits()));
    REQUIRE(events.size() == want.size());
    CHECK(committed_in(events) == committed_in(want));
    for (auto const& deposit : plain.deposits())
      CHECK(types_of(events, deposit.id.text()) == types_of(want, deposit.id.text()));
  }
  CHECK(withheld > 100);  // else this test has tried nothing
}
