#include "explorer/ledger/deposit.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "explorer/ledger/watch.hpp"
#include "tests/support/blocks.hpp"

using namespace hotside;
using namespace hotside::test;
using ledger::Changes;
using ledger::Known;
using ledger::Told;
using model::Deposit;
using model::DepositState;
using model::SpendState;
using Types = std::vector<std::string>;

namespace {

Epoch const kEpoch{9};
Hash const kBlock = bytes_of<Hash>(1), kOld = bytes_of<Hash>(2);
Time const kNow = from_unix_ms(5000);

ledger::Creation creation() {
  return {payment(1, 1, 400), Offset(3),         kBlock, bytes_of<Hash>(3),
          from_unix_ms(100),  from_unix_ms(200), false};
}
Deposit row(DepositState state, SpendState spend = SpendState::unspent, Epoch epoch = kEpoch) {
  Deposit deposit;
  deposit.id = {payment(1, 1, 400).id, epoch};
  deposit.recipient = key_of(1);
  deposit.serno = 1;
  deposit.amount = Amount(400);
  deposit.state = state;
  deposit.spend = spend;
  deposit.block_hash = kOld;
  if (state == DepositState::committed) deposit.committed_at = from_unix_ms(1);
  return deposit;
}
Changes settle(Known const& known, Told const& told, bool is_final) {
  Changes changes;
  ledger::settle(known, told, {kEpoch, is_final, kNow, kBlock}, changes);
  return changes;
}
Types types(Changes const& changes) {
  Types found;
  for (auto const& event : changes.events) found.emplace_back(model::to_string(event.type));
  return found;
}
Known with(std::optional<Deposit> current) {
  Known known;
  known.current = std::move(current);
  return known;
}
model::Occurrence creates(std::uint32_t offset) {
  model::Occurrence occurrence;
  occurrence.creates = true;
  occurrence.payment = payment(1, 1, 400);
  occurrence.offset = Offset(offset);
  return occurrence;
}
model::Occurrence spends(std::uint32_t offset) {
  model::Occurrence occurrence;
  occurrence.payment.id = payment(1, 1, 400).id;
  occurrence.offset = Offset(offset);
  return occurrence;
}

}  // namespace

// The table of the engineering guide, section 3: rows are what is stored, columns what is told.
TEST_CASE("each state under each telling") {
  Told contained, absent;
  contained.created = creation();
  auto const none = with(std::nullopt), prepared = with(row(DepositState::prepared)),
             reverted = with(row(DepositState::reverted));

  CHECK(types(settle(none, contained, false)) == Types{"deposit.prepared"});
  CHECK(types(settle(none, contained, true)) == Types{"deposit.committed"});
  CHECK(types(settle(none, absent, false)).empty());
  CHECK(types(settle(prepared, contained, false)).empty());
  CHECK(types(settle(prepared, absent, false)) == Types{"deposit.reverted"});
  CHECK(types(settle(prepared, contained, true)) == Types{"deposit.committed"});
  CHECK(types(settle(prepared, absent, true)) == Types{"deposit.reverted"});
  CHECK(types(settle(reverted, contained, false)) == Types{"deposit.prepared"});
  CHECK(types(settle(reverted, absent, false)).empty());
  CHECK(types(settle(reverted, contained, true)) == Types{"deposit.committed"});
  CHECK(types(settle(reverted, absent, true)).empty());
}

TEST_CASE("a deposit that moves takes the fields of the block that moves it") {
  Told contained;
  contained.created = creation();
  auto const changes = settle(with(row(DepositState::prepared)), contained, true);
  REQUIRE(changes.rows.size() == 1);
  CHECK(changes.rows[0].before == DepositState::prepared);
  auto const& after = changes.rows[0].after;
  CHECK(after.block_hash == kBlock);
  CHECK(after.offset == Offset(3));
  CHECK(after.committed_at == kNow);
  CHECK(after.block_time == row(DepositState::prepared).block_time);
}

TEST_CASE("each spend state under each telling") {
  auto const prior = [](SpendState spend) {
    Known known;
    known.prior = row(DepositState::committed, spend, Epoch(4));
    known.had_earlier = true;
    return known;
  };
  Told spent, unspent;
  spent.prior_spent = true;
  CHECK(types(settle(prior(SpendState::unspent), spent, false)) == Types{"spend.prepared"});
  CHECK(types(settle(prior(SpendState::unspent), spent, true)) == Types{"spend.committed"});
  CHECK(types(settle(prior(SpendState::unspent), unspent, false)).empty());
  CHECK(types(settle(prior(SpendState::spend_prepared), spent, false)).empty());
  CHECK(types(settle(prior(SpendState::spend_prepared), spent, true)) == Types{"spend.committed"});
  CHECK(types(settle(prior(SpendState::spend_prepared), unspent, false)) ==
        Types{"spend.reverted"});
  CHECK(types(settle(prior(SpendState::spend_prepared), unspent, true)) == Types{"spend.reverted"});
}

TEST_CASE("a reverted deposit is unspent, and says so after it was reverted") {
  auto const changes =
      settle(with(row(DepositState::prepared, SpendState::spend_prepared)), {}, false);
  CHECK(types(changes) == Types{"deposit.reverted", "spend.reverted"});
  CHECK(changes.events[0].deposit.spend == SpendState::spend_prepared);
  CHECK(changes.events[1].deposit.spend == SpendState::unspent);
  CHECK(changes.rows[0].after.spend == SpendState::unspent);
}

TEST_CASE("micro blocks are read in chain order") {
  std::vector<model::Occurrence> const csc{creates(0), spends(1), creates(2)};
  auto told = ledger::told_by_micros(false, csc, false);
  CHECK(told.created->offset == Offset(2));
  CHECK_FALSE(told.created_spent);

  told = ledger::told_by_micros(false, std::span(csc).first(2), false);
  CHECK(told.created_spent);
  CHECK_FALSE(told.prior_spent);

  std::vector<model::Occurrence> const scs{spends(0), creates(1), spends(2)};
  told = ledger::told_by_micros(true, scs, false);
  CHECK(told.prior_spent);
  CHECK(told.created_spent);
  told = ledger::told_by_micros(true, std::span(scs).first(2), false);
  CHECK(told.prior_spent);
  CHECK_FALSE(told.created_spent);

  // A spend of an output from before the start tells nothing of the one that follows.
  told = ledger::told_by_micros(false, std::span(scs).first(2), false);
  CHECK_FALSE(told.prior_spent);
  CHECK_FALSE(told.created_spent);
}

TEST_CASE("a macro block with the id in both lists") {
  auto told = ledger::told_by_macro(true, creation(), true);
  CHECK(told.prior_spent);
  CHECK_FALSE(told.created_spent);
  told = ledger::told_by_macro(false, creation(), true);
  CHECK_FALSE(told.prior_spent);
  CHECK(told.created_spent);
  told = ledger::told_by_macro(true, std::nullopt, true);
  CHECK(told.prior_spent);
  told = ledger::told_by_macro(false, std::nullopt, true);
  CHECK_FALSE(told.prior_spent);
}

TEST_CASE("what is known of an id: the unspent committed one before, and that of the epoch") {
  std::vector<Deposit> const rows{row(DepositState::committed, SpendState::spent, Epoch(2)),
                                  row(DepositState::committed, SpendState::unspent, Epoch(4)),
                                  row(DepositState::reverted, SpendState::unspent, Epoch(6)),
                                  row(DepositState::prepared)};
  auto const known = ledger::known(rows, kEpoch);
  CHECK(known.prior->id.epoch == Epoch(4));
  CHECK(known.current->id.epoch == kEpoch);
  CHECK(known.had_earlier);
  CHECK_FALSE(ledger::known(std::span(rows).subspan(3), kEpoch).had_earlier);
}

TEST_CASE("an output created again is told once") {
  Told contained;
  contained.created = creation();
  Known known;
  known.had_earlier = true;
  auto const first = settle(known, contained, false);
  CHECK(types(first) == Types{"deposit.prepared", "chain.output_recreated"});
  known.current = first.rows[0].after;
  CHECK(types(settle(known, contained, true)) == Types{"deposit.committed"});
}

TEST_CASE("a late address hears of a spent deposit in two steps") {
  std::vector<ledger::Event> events;
  ledger::tell(row(DepositState::committed, SpendState::spent), events);
  REQUIRE(events.size() == 2);
  CHECK(events[0].type == model::EventType::deposit_committed);
  CHECK(events[0].deposit.spend == SpendState::unspent);
  CHECK(events[1].type == model::EventType::spend_committed);
}

TEST_CASE("retired keys are still watched") {
  ledger::WatchList watch;
  watch.add(key_of(1));
  watch.retire(key_of(1));
  watch.retire(key_of(2));
  watch.add(key_of(1));
  CHECK(watch.contains(key_of(1)));
  CHECK(watch.is_retired(key_of(1)));
  CHECK_FALSE(watch.contains(key_of(2)));
  CHECK(watch.size() == 1);
}
