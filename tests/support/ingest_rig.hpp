#pragma once
// A store with the fold in front of it and no threads, and what a reader sees of it.

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "explorer/ingest/fold.hpp"
#include "explorer/ledger/watch.hpp"
#include "store/database.hpp"
#include "store/store.hpp"
#include "tests/support/blocks.hpp"
#include "tests/support/feed_reading.hpp"
#include "tests/support/must.hpp"
#include "tests/support/store_engine.hpp"
#include "tests/support/test_clock.hpp"

namespace hotside::test {

inline store::Identity test_identity() { return {"dev", bytes_of<Hash>(0, 99)}; }

class Rig {
 public:
  // `database` is that of `url`, where it is open already.
  explicit Rig(TestClock& clock, std::string url = {},
               std::unique_ptr<store::Database> database = nullptr)
      : clock_(clock), url_(std::move(url)), database_(std::move(database)) {
    if (url_.empty()) url_ = store_engines().front().url(dir_);
    if (database_)
      load();
    else
      open();
  }
  static Result<std::unique_ptr<store::Database>> try_open(std::string const& url,
                                                           TestClock const& clock) {
    store::OpenOptions options;
    options.checkpoint_pages = 8;  // so that short histories have checkpoints, too
    return store::Database::open(url, test_identity(), clock, options);
  }
  void open() {
    database_.reset();
    database_ = must(try_open(url_, clock_));
    load();
  }
  void load() {
    watch_ = std::make_unique<ledger::WatchList>();
    must(database_->for_each_address(
        [this](PublicKey const& key, bool retired) { watch_->add(key, retired); }));
  }
  void close() { database_.reset(); }

  Result<void> try_apply(model::ChainEvent const& event) {
    HS_TRY(txn, database_->begin());
    HS_DO(ingest::Fold(*watch_, "dev").apply(*txn, event, clock_.now()));
    HS_TRY(head, txn->commit());
    static_cast<void>(head);
    return {};
  }
  void apply(model::ChainEvent const& event) { must(try_apply(event)); }

  model::Registered add(std::vector<model::NewAddress> const& addresses) {
    auto txn = must(database_->begin());
    auto done = must(ingest::register_addresses(*txn, "dev", addresses, clock_.now()));
    must(txn->commit());
    for (auto const& key : done.created) watch_->add(key);
    return done.count;
  }
  void add(std::initializer_list<std::uint64_t> keys) {
    std::vector<model::NewAddress> addresses;
    for (auto const key : keys)
      addresses.push_back({key_of(key), "user-" + std::to_string(key), std::nullopt});
    add(addresses);
  }

  std::vector<model::Deposit> deposits() {
    auto reader = must(store::open_reader(url_));
    auto snapshot = must(reader->snapshot());
    std::vector<model::Deposit> found;
    for (auto& row : must(snapshot->deposits({}, std::nullopt, 1'000'000)))
      found.push_back(row.deposit);
    return found;
  }
  std::optional<model::Deposit> deposit(Hash const& utxo, Epoch epoch) {
    auto reader = must(store::open_reader(url_));
    auto row = must(must(reader->snapshot())->deposit({utxo, epoch}));
    return row ? std::optional(row->deposit) : std::nullopt;
  }
  std::vector<model::OutboxEvent> events(EventSeq after = EventSeq(0)) {
    auto reader = must(store::open_reader(url_));
    auto snapshot = must(reader->snapshot());
    return must(snapshot->events(after, model::kAllEventTypes, 10'000'000, 10'000'000)).events;
  }
  std::optional<model::Position> position() {
    auto reader = must(store::open_reader(url_));
    return must(must(reader->snapshot())->position());
  }
  store::Counts counts() {
    auto reader = must(store::open_reader(url_));
    return must(must(reader->snapshot())->counts());
  }
  // The types of the events since the last call, with the amount of the deposit they are about.
  std::vector<std::string> news();

  store::Database& database() { return *database_; }
  std::string const& url() const { return url_; }

 private:
  TestClock& clock_;
  TempDir dir_;
  std::string url_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<ledger::WatchList> watch_;
  EventSeq told_;
};

inline std::vector<std::string> Rig::news() {
  std::vector<std::string> told;
  for (auto const& event : events(told_)) {
    auto const amount = field(event.json, "amount");
    auto text = std::string(model::to_string(event.type));
    told.push_back(amount.empty() ? text : text + " " + amount);
    told_ = event.seq;
  }
  return told;
}

}  // namespace hotside::test
