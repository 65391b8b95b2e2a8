#include "tests/support/ingest_rig.hpp"

using namespace hotside;
using namespace hotside::test;
using model::SpendState;
using News = std::vector<std::string>;

TEST_CASE("an address registered late is told of its whole history") {
  TestClock clock;
  Rig rig{clock};
  auto const spent = payment(1, 1, 100), open = payment(1, 2, 200), now = payment(1, 3, 300);
  auto const previous = bytes_of<Hash>(1);
  rig.apply(model::Started{Epoch(0), previous});
  auto const first = macro(Epoch(0), previous, {{{}, {spent, open}}});
  rig.apply(model::Sealed{first});
  auto const second = macro(Epoch(1), first.hash, {{{spent.id}, {}}});
  rig.apply(model::Sealed{second});
  auto const block = micro(Epoch(2), 0, second.hash, {{{open.id}, {now, payment(2, 1, 1)}}});
  rig.apply(model::Connected{block});
  CHECK(rig.events().empty());

  rig.add({1});
  CHECK(rig.news() == News{"deposit.committed 100", "spend.committed 100", "deposit.committed 200",
                           "spend.prepared 200", "deposit.prepared 300"});
  for (auto const& event : rig.events()) {
    CHECK(field(event.json, "backfill") == "true");
    if (event.type == model::EventType::deposit_committed)
      CHECK(field(event.json, "spend") == "unspent");
  }
  CHECK(folded(rig.events()) == standings_of(rig.deposits()));
  CHECK(rig.deposit(now.id, Epoch(2))->block_hash == block.hash);
  CHECK(rig.deposit(open.id, Epoch(0))->block_hash == first.hash);

  // What happens later is an ordinary event.
  rig.apply(model::Sealed{macro(Epoch(2), second.hash, {{{open.id}, {now}}})});
  CHECK(rig.news() == News{"deposit.committed 300", "spend.committed 200"});
  CHECK(field(rig.events().back().json, "backfill") == "false");
}

TEST_CASE("registering twice changes nothing but what is given") {
  TestClock clock;
  Rig rig{clock};
  auto const key = key_of(1);
  auto const again = rig.add({{key, "user-1", "cold"}, {key, std::nullopt, std::nullopt}});
  CHECK(again.created == 1);
  CHECK(again.existing == 1);
  rig.add({{key, "user-2", std::nullopt}});
  auto reader = must(store::open_reader(rig.url()));
  auto const row = *must(must(reader->snapshot())->address(key));
  CHECK(row.address.reference == "user-2");
  CHECK(row.address.label == "cold");
  CHECK(rig.counts().addresses == 1);
}

TEST_CASE("an output created, spent and created again is found once by a late address") {
  TestClock clock;
  Rig rig{clock};
  auto const pay = payment(1, 1, 100);
  auto const previous = bytes_of<Hash>(1);
  rig.apply(model::Started{Epoch(0), previous});
  auto const first = macro(Epoch(0), previous, {{{}, {pay}}});
  rig.apply(model::Sealed{first});
  auto const a = micro(Epoch(1), 0, first.hash, {{{pay.id}, {}}});
  auto const b = micro(Epoch(1), 1, a.hash, {{{}, {pay}}});
  rig.apply(model::Connected{a});
  rig.apply(model::Connected{b});
  rig.add({1});
  CHECK(rig.news() == News{"deposit.committed 100", "spend.prepared 100", "deposit.prepared 100"});
  CHECK(rig.deposit(pay.id, Epoch(1))->spend == SpendState::unspent);
}
