#include <cstdlib>

#include "proto/base/sha3.hpp"
#include "tests/support/ingest_rig.hpp"
#include "tests/support/random_history.hpp"

using namespace hotside;
using namespace hotside::test;
using model::DepositState;

namespace {

std::uint64_t first_seed() {
  char const* const given = std::getenv("HOTSIDE_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}
std::uint64_t seeds() { return std::getenv("HOTSIDE_SEED") == nullptr ? 12 : 1; }

void check_against_replay(RandomHistory const& history, Rig& rig, std::set<std::uint64_t> watched) {
  std::set<PublicKey> keys;
  for (auto const key : watched) keys.insert(key_of(key));
  Standings expected, found;
  for (auto const& [id, each] : history.expected()) {
    static constexpr char const* kSpend[] = {"unspent", "spend_prepared", "spent"};
    if (!keys.contains(each.recipient)) continue;
    expected[model::DepositId{id.first, Epoch(id.second)}.text()] = {
        each.committed ? "committed" : "prepared", kSpend[each.spend], each.amount};
  }
  for (auto const& [id, each] : standings_of(rig.deposits()))
    if (each.state != "reverted") found[id] = each;
  REQUIRE(found == expected);
  auto const position = rig.position();
  REQUIRE(position.has_value() == history.tip_hash().has_value());
  if (position) REQUIRE(position->block_hash == *history.tip_hash());
}

void check_feed(Rig& rig) {
  auto const events = rig.events();
  std::map<std::string, int> committed;
  std::set<std::string> recreated;
  for (std::size_t i = 0; i < events.size(); ++i) {
    REQUIRE(events[i].seq.value == i + 1);
    auto const id = field(events[i].json, "id");
    if (events[i].type == model::EventType::deposit_committed) ++committed[id];
    if (committed.contains(id)) REQUIRE(field(events[i].json, "state") == "committed");
    if (events[i].type == model::EventType::chain_output_recreated)
      REQUIRE(recreated.insert(id).second);
  }
  auto const deposits = rig.deposits();
  REQUIRE(folded(events) == standings_of(deposits));
  std::uint64_t prepared = 0, reverted = 0, final_ones = 0;
  for (auto const& deposit : deposits) {
    REQUIRE(committed[deposit.id.text()] == (deposit.state == DepositState::committed ? 1 : 0));
    prepared += deposit.state == DepositState::prepared ? 1 : 0;
    reverted += deposit.state == DepositState::reverted ? 1 : 0;
    final_ones += deposit.state == DepositState::committed ? 1 : 0;
  }
  auto const counts = rig.counts();
  REQUIRE(counts.prepared == prepared);
  REQUIRE(counts.reverted == reverted);
  REQUIRE(counts.committed == final_ones);
}

// What is kept beside deposits and events equals what can be counted from them.
void check_books(Rig& rig) {
  auto reader = must(store::open_reader(rig.url()));
  auto snapshot = must(reader->snapshot());
  std::map<PublicKey, store::Totals> counted;
  auto const count = [](store::Total& total, model::Deposit const& deposit, bool counts) {
    total.count += counts ? 1 : 0;
    total.amount += counts ? deposit.amount.value : 0;
  };
  for (auto const& deposit : rig.deposits()) {
    auto& totals = counted[deposit.recipient];
    bool const is_final = deposit.state == DepositState::committed;
    count(totals.prepared, deposit, deposit.state == DepositState::prepared);
    count(totals.committed, deposit, is_final);
    count(totals.unspent, deposit, is_final && deposit.spend == model::SpendState::unspent);
  }
  for (auto const& row : must(snapshot->addresses({}, std::nullopt, 1000))) {
    REQUIRE(row.totals == counted[row.address.key]);
    REQUIRE(must(snapshot->books().totals_of(*row.address.reference)) == row.totals);
  }
  store::Checkpoint expected;
  for (auto const& event : rig.events()) {
    if (event.type == model::EventType::deposit_committed) {
      auto const id = *model::DepositId::parse(field(event.json, "id"));
      auto const amount = std::stoll(field(event.json, "amount"));
      Sha3 sha;
      sha.bytes(expected.hash.view());
      sha.bytes(id.utxo.view());
      sha.u64(id.epoch.value);
      sha.i64(amount);
      expected = {expected.count + 1, expected.amount + amount, sha.finish()};
    }
    REQUIRE(must(snapshot->books().checkpoint(event.seq)) == expected);
  }
}

std::map<std::string, model::Deposit> effective(Rig& rig) {
  std::map<std::string, model::Deposit> found;
  for (auto deposit : rig.deposits()) {
    if (deposit.state == DepositState::reverted) continue;
    deposit.first_seen = Time{};
    found.emplace(deposit.id.text(), deposit);
  }
  return found;
}

}  // namespace

TEST_CASE("after any history the tables equal a naive replay, and folding the feed gives them") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + seeds(); ++seed) {
    INFO("HOTSIDE_SEED=" << seed);
    TestClock clock;
    Rig rig{clock};
    RandomHistory history(seed);
    rig.add({0, 1, 2, 3});
    rig.apply(history.start());
    for (int step = 0; step < 80; ++step) {
      clock.advance(1000);
      rig.apply(history.next());
      check_against_replay(history, rig, {0, 1, 2, 3});
      if (step % 29 == 28) rig.open();
    }
    check_feed(rig);
    check_books(rig);
  }
}

TEST_CASE("an address registered late has the same deposits as one registered early") {
  for (std::uint64_t seed = first_seed() + 1000; seed < first_seed() + 1000 + seeds(); ++seed) {
    INFO("HOTSIDE_SEED=" << seed);
    TestClock clock;
    Rig early{clock}, late{clock};
    RandomHistory history(seed);
    early.add({0, 1, 2, 3, 4, 5});
    auto const both = [&](model::ChainEvent const& event) {
      clock.advance(1000);
      early.apply(event);
      late.apply(event);
    };
    both(history.start());
    std::set<std::uint64_t> watched;
    for (int step = 0; step < 72; ++step) {
      both(history.next());
      if (step % 12 != 11) continue;
      std::uint64_t const key = static_cast<std::uint64_t>(step) / 12;
      late.add({key});
      watched.insert(key);
      check_against_replay(history, late, watched);
    }
    auto const a = effective(early), b = effective(late);
    REQUIRE(a.size() == b.size());
    for (auto const& [id, deposit] : a) {
      INFO(id);
      REQUIRE(b.contains(id));
      CHECK(b.at(id) == deposit);
    }
    check_feed(late);
    check_books(late);
    check_feed(early);
  }
}

TEST_CASE("a history taken in as macro blocks alone ends in the same final deposits") {
  TestClock clock;
  Rig full{clock}, caught_up{clock};
  RandomHistory history(first_seed() + 2000);
  for (auto* rig : {&full, &caught_up}) rig->add({0, 1, 2, 3, 4, 5});
  auto const begin = history.start();
  full.apply(begin);
  caught_up.apply(begin);
  for (int step = 0; step < 150; ++step) full.apply(history.next());
  while (history.tip_hash() != history.macros().back().hash) full.apply(history.next());
  for (auto const& block : history.macros()) caught_up.apply(model::Sealed{block});
  auto const settled = [](Rig& rig) {
    auto found = standings_of(rig.deposits());
    std::erase_if(found, [](auto const& each) { return each.second.state != "committed"; });
    for (auto& [id, each] : found)
      if (each.spend == "spend_prepared") each.spend = "unspent";
    return found;
  };
  CHECK(settled(full) == settled(caught_up));
  CHECK(settled(full).size() > 10);
}
