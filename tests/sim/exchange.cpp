#include "tests/sim/exchange.hpp"

#include <stdexcept>

#include "tests/support/feed_reading.hpp"

namespace hotside::sim {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error("exchange: " + result.error().what);
  return std::move(*result);
}

void expect(bool holds, std::string const& what) {
  if (!holds) throw std::runtime_error("exchange: " + what);
}

}  // namespace

void Exchange::take(model::OutboxEvent const& event) {
  auto const [at, is_new] = seen_.try_emplace(event.seq.value, event.json);
  expect(is_new || at->second == event.json,
         "event " + std::to_string(event.seq.value) + " reads otherwise than before");
  auto const id = test::field(event.json, "id");
  // Read again, it is what came before the credit.
  if (event.type == model::EventType::deposit_reverted && is_new)
    expect(!now_.credits.contains(id), "a deposit that was credited is reverted: " + id);
  if (event.type != model::EventType::deposit_committed) return;
  Credit const credit{test::field(event.json, "address"),
                      std::stoll(test::field(event.json, "amount"))};
  auto const [known, is_first] = now_.credits.try_emplace(id, credit);
  expect(is_first || known->second == credit, "two amounts for deposit " + id);
}

void Exchange::poll(store::Snapshot& snapshot, chain::test::Dice& dice, std::uint64_t pages) {
  // What credits need, or everything: a filtered feed must say the same of them.
  auto const types = dice.one_in(2) ? model::kAllEventTypes
                                    : model::bit(model::EventType::deposit_committed) |
                                          model::bit(model::EventType::deposit_reverted);
  auto const feed = must(snapshot.feed());
  expect(now_.feed.empty() || now_.feed == feed.feed, "the feed has another id");
  expect(now_.cursor <= feed.head.value, "the feed has gone back");
  now_.feed = feed.feed;
  for (; pages > 0; --pages) {
    auto const limit = 1 + dice.below(20);
    auto const page =
        must(snapshot.events(EventSeq(now_.cursor), types, limit, limit + dice.below(20)));
    std::uint64_t last = now_.cursor;
    for (auto const& event : page.events) {
      expect(event.seq.value > last, "numbers rise");
      expect(types != model::kAllEventTypes || event.seq.value == last + 1, "a number is missing");
      expect(test::field(event.json, "seq") == std::to_string(event.seq.value),
             "an event names another number");
      last = event.seq.value;
      take(event);
    }
    expect(page.next.value >= last && page.next <= feed.head, "next is the last one looked at");
    if (page.next.value == now_.cursor) break;
    now_.cursor = page.next.value;
    // Books and cursor in one write; sometimes several pages later.
    if (!dice.one_in(3)) written_ = now_;
  }
}

void Exchange::crash(chain::test::Dice&) { now_ = written_; }

void Exchange::backup(chain::test::Dice& dice) {
  if (dice.one_in(2))
    copy_ = written_;
  else
    now_ = written_ = copy_;
}

void Exchange::doubt(chain::test::Dice& dice) { now_.cursor = dice.below(now_.cursor + 1); }

}  // namespace hotside::sim
