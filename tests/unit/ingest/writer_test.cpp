#include "explorer/ingest/writer.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>

#include "tests/support/ingest_rig.hpp"
#include "tests/support/random_history.hpp"

using namespace hotside;
using namespace hotside::test;

namespace {

// A writer, and a way to wait until the store has what the test waits for.
struct Desk {
  TestClock clock;
  Metrics metrics{"test"};
  model::StatusBoard board;
  TempDir dir;
  std::string url = store_engines().front().url(dir);
  std::mutex mutex;
  std::condition_variable rung;
  std::uint64_t rings = 0, rooms = 0, cleared = 0;
  std::unique_ptr<ingest::Writer> writer;

  void start(ingest::WriterOptions options = {}) {
    writer.reset();
    auto database = must(store::Database::open(url, test_identity(), clock));
    auto const count = [this](std::uint64_t& counter) {
      {
        std::lock_guard const lock(mutex);
        ++counter;
      }
      rung.notify_all();
    };
    options.retry_min = std::chrono::milliseconds(1);
    options.retry_max = std::chrono::milliseconds(5);
    writer = must(
        ingest::Writer::open(std::move(database), clock, metrics, board,
                             {[this, count](EventSeq) { count(rings); },
                              [this, count] { count(rooms); }, [this, count] { count(cleared); }},
                             options));
    writer->start();
  }
  void submit(model::ChainEvent event) { writer->submit(std::move(event), clock.instant()); }
  // Keeps the writer busy until the promise is set: what is submitted meanwhile waits together.
  std::promise<void> busy() {
    std::promise<void> go;
    auto const begun = std::make_shared<std::promise<void>>();
    auto wait = [begun, gate = go.get_future().share()](auto const&) {
      begun->set_value();
      gate.wait();
    };
    writer->write([](auto&) { return Result<void>(); }, wait);
    begun->get_future().wait();
    return go;
  }
  template <class Condition>
  bool eventually(Condition condition) {
    std::unique_lock lock(mutex);
    auto const end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      rung.wait_for(lock, std::chrono::milliseconds(5));
    }
    return true;
  }
  Result<model::Registered> add(std::uint64_t key) {
    return add(std::vector<model::NewAddress>{{key_of(key), std::nullopt, std::nullopt}})
        .map([](auto const& done) { return done.count; });
  }
  Result<store::Registering> add(std::vector<model::NewAddress> addresses,
                                 std::size_t history = 1'000'000) {
    store::Registering made;
    auto const done = write([&](store::WriteTxn& txn) -> Result<void> {
      HS_TRY(added, writer->add(txn, addresses, history));
      made = added;
      return {};
    });
    if (!done) return fail(done.error());
    return made;
  }
  Result<void> write(std::function<Result<void>(store::WriteTxn&)> work) {
    std::promise<Result<void>> done;
    writer->write(std::move(work), [&](Result<void> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
  std::optional<model::Position> position() {
    auto reader = must(store::open_reader(url));
    return must(must(reader->snapshot())->position());
  }
  std::vector<store::Violation> violations() {
    auto reader = must(store::open_reader(url));
    return must(must(reader->snapshot())->violations());
  }
  Standings standings() {
    auto reader = must(store::open_reader(url));
    std::vector<model::Deposit> found;
    for (auto& row : must(must(reader->snapshot())->deposits({}, std::nullopt, 100000)))
      found.push_back(row.deposit);
    return standings_of(found);
  }
};

Hash const kBefore = bytes_of<Hash>(77);

}  // namespace

TEST_CASE("the writer takes in what is submitted and rings after each commit") {
  Desk desk;
  desk.start();
  CHECK(must(desk.add(1)).created == 1);
  CHECK(must(desk.add(1)).existing == 1);
  desk.submit(model::Started{Epoch(0), kBefore});
  auto const first = macro(Epoch(0), kBefore, {{{}, {payment(1, 1, 5)}}});
  desk.submit(model::Sealed{first});
  // A row is visible before the ring that tells of it.
  REQUIRE(desk.eventually([&] { return desk.standings().size() == 1 && desk.rings >= 3; }));
  desk.writer->stop();
  auto const text = desk.metrics.text();
  CHECK(text.find("hotside_blocks_total{kind=\"macro\"} 1") != std::string::npos);
  CHECK(text.find("hotside_deposits{state=\"committed\"} 1") != std::string::npos);
  CHECK(text.find("hotside_events_head 1") != std::string::npos);
  CHECK(text.find("hotside_block_to_event_seconds_count 1") != std::string::npos);
  CHECK(desk.board.read().last_block_at.has_value());
}

TEST_CASE("a restarted writer still knows whom it watches and what the follower needs") {
  Desk desk;
  desk.start();
  must(desk.add(1));
  desk.submit(model::Started{Epoch(0), kBefore});
  auto const first = macro(Epoch(0), kBefore, {});
  desk.submit(model::Sealed{first});
  auto const block = micro(Epoch(1), 0, first.hash, {{{}, {payment(1, 1, 5)}}});
  desk.submit(model::Connected{block});
  desk.submit(model::Held{Offset(0)});
  desk.writer.reset();  // takes in what waits

  {
    auto database = must(store::Database::open(desk.url, test_identity(), desk.clock));
    auto const stored = must(ingest::stored_chain(*database));
    CHECK(stored.before_first == kBefore);
    CHECK(stored.macro_hashes == std::vector{first.hash});
    REQUIRE(stored.micros.size() == 1);
    CHECK(stored.micros[0].hash == block.hash);
    CHECK(stored.micros[0].held);
    CHECK_FALSE(stored.violated);
  }
  desk.start();
  desk.submit(model::Returned{Offset(1)});
  desk.submit(model::Connected{micro(Epoch(1), 1, block.hash, {{{}, {payment(1, 2, 5)}}})});
  CHECK(desk.eventually([&] { return desk.standings().size() == 2; }));
}

TEST_CASE("after a violation no block is taken in, across restarts, until somebody clears it") {
  Desk desk;
  desk.start();
  desk.submit(model::Started{Epoch(0), kBefore});
  auto const first = macro(Epoch(0), kBefore, {});
  desk.submit(model::Sealed{first});
  desk.submit(model::Violated{model::ViolationKind::macro_block, Epoch(0), first.hash,
                              bytes_of<Hash>(3), "b"});
  auto const second = macro(Epoch(1), first.hash, {});
  desk.submit(model::Sealed{second});
  desk.writer.reset();
  CHECK(desk.position()->final_epoch == Epoch(0));
  REQUIRE(desk.violations().size() == 1);
  CHECK(desk.violations()[0].node == "b");

  desk.start();
  desk.submit(model::Sealed{second});
  desk.submit(model::NodeChanged{"b", false, "contradicting"});
  std::promise<Result<void>> done;
  REQUIRE(desk.eventually(
      [&] { return desk.metrics.text().find("hotside_events_head 2") != std::string::npos; }));
  CHECK(desk.position()->final_epoch == Epoch(0));
  desk.writer->clear("the other node was restored from a copy",
                     model::AuditEntry{"alice", {}, {}, {}, {}, {}},
                     [&](Result<void> result) { done.set_value(std::move(result)); });
  must(done.get_future().get());
  CHECK(desk.cleared == 1);
  CHECK(desk.violations().empty());
  desk.submit(model::Sealed{second});
  CHECK(desk.eventually([&] { return desk.position()->final_epoch == Epoch(1); }));
}

TEST_CASE("a contradiction in what is submitted stops writing and shows it") {
  Desk desk;
  desk.start();
  desk.submit(model::Started{Epoch(0), kBefore});
  auto const first = macro(Epoch(0), kBefore, {});
  desk.submit(model::Sealed{first});
  desk.submit(model::Sealed{macro(Epoch(5), first.hash, {})});
  REQUIRE(desk.eventually([&] { return desk.board.read().store_fault.has_value(); }));
  CHECK(desk.position()->final_epoch == Epoch(0));  // its neighbours in the batch are in
  auto const refused = desk.add(1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::corrupt);
}

TEST_CASE("many waiting events make few transactions with the same result") {
  TestClock clock;
  Rig rig{clock};
  rig.add({0, 1, 2, 3, 4, 5});
  RandomHistory history(5);
  std::vector<model::ChainEvent> events{history.start()};
  for (int i = 0; i < 300; ++i) events.push_back(history.next());
  for (auto const& event : events) rig.apply(event);

  Desk desk;
  desk.start();
  for (std::uint64_t key = 0; key < RandomHistory::kKeys; ++key) must(desk.add(key));
  auto go = desk.busy();
  auto const rings = desk.rings;
  for (auto const& event : events) desk.submit(event);
  go.set_value();
  desk.writer->stop();
  CHECK(desk.standings() == standings_of(rig.deposits()));
  CHECK(desk.rings - rings < events.size());
}

TEST_CASE("a full inbox says so, and says when there is room again") {
  Desk desk;
  ingest::WriterOptions options;
  options.inbox_events = 4;
  desk.start(options);
  CHECK(desk.writer->room());
  auto go = desk.busy();
  for (int i = 0; i < 4; ++i) desk.submit(model::NodeChanged{"a", i % 2 == 0, "following"});
  CHECK_FALSE(desk.writer->room());
  go.set_value();
  CHECK(desk.eventually([&] { return desk.rooms == 1; }));
  CHECK(desk.writer->room());
}

TEST_CASE("what the writer cannot get to is bounded: writes, and comings and goings of nodes") {
  Desk desk;
  ingest::WriterOptions options;
  options.inbox_events = 2;
  options.jobs = 2;
  desk.start(options);
  std::promise<void> in, go;
  auto const gate = go.get_future().share();
  desk.writer->write([](auto&) { return Result<void>(); },
                     [&in, gate](auto) {
                       in.set_value();
                       gate.wait();
                     });
  in.get_future().wait();
  for (int i = 0; i < 9; ++i) desk.submit(model::NodeChanged{"a", i % 2 == 0, "following"});
  CHECK(desk.writer->waiting() == 2 * options.inbox_events);
  std::vector<std::future<Result<void>>> answers;
  for (int i = 0; i < 3; ++i) {
    auto const done = std::make_shared<std::promise<Result<void>>>();
    answers.push_back(done->get_future());
    desk.writer->write([](auto&) { return Result<void>(); },
                       [done](Result<void> result) { done->set_value(std::move(result)); });
  }
  REQUIRE(answers.back().wait_for(std::chrono::seconds(0)) == std::future_status::ready);
  auto const refused = answers.back().get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::transient);
  CHECK(refused.error().what == "too many writes are waiting");
  CHECK(desk.metrics.text().find("hotside_limits_reached_total{limit=\"writes\"} 1\n") !=
        std::string::npos);
  go.set_value();
  CHECK(answers[0].get());
  CHECK(answers[1].get());
}

TEST_CASE("while the disk is full nothing is lost, and it goes on when there is space") {
  Desk desk;
  desk.start();
  must(desk.add(1));
  desk.submit(model::Started{Epoch(0), kBefore});
  auto const first = macro(Epoch(0), kBefore, {});
  desk.submit(model::Sealed{first});
  REQUIRE(desk.eventually([&] { return desk.position().has_value(); }));

  // Files may not grow: what a full disk looks like to the store.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit full = before;
  full.rlim_cur = 16384;
  setrlimit(RLIMIT_FSIZE, &full);
  auto const block = micro(Epoch(1), 0, first.hash, {{{}, {payment(1, 1, 5)}}});
  desk.submit(model::Connected{block});
  bool const shown = desk.eventually([&] { return desk.board.read().store_fault.has_value(); });
  auto const refused = desk.add(2);
  setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE(shown);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::transient);
  CHECK(refused.error().reason == "store");

  CHECK(desk.eventually([&] { return desk.standings().size() == 1; }));
  CHECK(desk.eventually([&] { return !desk.board.read().store_fault; }));
  CHECK(desk.position()->block_hash == block.hash);
  must(desk.add(2));
}

TEST_CASE("a reader sees whole transactions while the writer writes") {
  Desk desk;
  desk.start();
  for (std::uint64_t key = 0; key < RandomHistory::kKeys; ++key) must(desk.add(key));
  RandomHistory history(9);
  desk.submit(history.start());
  auto reader = must(store::open_reader(desk.url));
  for (int i = 0; i < 200; ++i) {
    desk.submit(history.next());
    auto snapshot = must(reader->snapshot());
    auto const feed = must(snapshot->feed());
    auto const events = must(snapshot->events(EventSeq(0), model::kAllEventTypes, 100000, 100000));
    REQUIRE(events.next == feed.head);
    REQUIRE(events.events.size() == feed.head.value);
    std::vector<model::Deposit> rows;
    for (auto& row : must(snapshot->deposits({}, std::nullopt, 100000)))
      rows.push_back(row.deposit);
    REQUIRE(folded(events.events) == standings_of(rows));
  }
}

TEST_CASE("a batch of addresses ends where it has told enough history, but tells of one at least") {
  Desk desk;
  desk.start();
  desk.submit(model::Started{Epoch(0), kBefore});
  std::vector<model::PublicPayment> paid;
  for (std::uint64_t key = 1; key <= 5; ++key)
    for (std::int64_t serno = 0; serno < 10; ++serno) paid.push_back(payment(key, serno, 1));
  desk.submit(model::Sealed{macro(Epoch(0), kBefore, {{{}, paid}})});
  REQUIRE(desk.eventually([&] { return desk.position().has_value(); }));

  std::vector<model::NewAddress> addresses;
  for (std::uint64_t key = 1; key <= 6; ++key)
    addresses.push_back({key_of(key), std::nullopt, std::nullopt});
  auto const two = must(desk.add(addresses, 25));
  CHECK(two.taken == 2);
  CHECK(two.count.created == 2);
  CHECK(desk.standings().size() == 20);
  // Those that are known have nothing more to tell.
  auto const four = must(desk.add(addresses, 25));
  CHECK(four.taken == 4);
  CHECK(four.count.existing == 2);
  auto const one = must(desk.add({addresses.begin() + 4, addresses.end()}, 3));
  CHECK(one.taken == 1);
  CHECK(desk.standings().size() == 50);
}

TEST_CASE("what a refused transaction registered is not watched") {
  Desk desk;
  desk.start();
  auto const refused = desk.write([&](store::WriteTxn& txn) -> Result<void> {
    std::vector<model::NewAddress> const one{{key_of(1), std::nullopt, std::nullopt}};
    must(desk.writer->add(txn, one, 10));
    return fail(Fault::rejected, "on second thoughts");
  });
  CHECK_FALSE(refused);
  CHECK_FALSE(desk.board.read().store_fault);  // a refusal says nothing about the store
  CHECK(must(desk.add(1)).created == 1);
  desk.submit(model::Started{Epoch(0), kBefore});
  desk.submit(
      model::Sealed{macro(Epoch(0), kBefore, {{{}, {payment(1, 1, 7), payment(2, 1, 7)}}})});
  REQUIRE(desk.eventually([&] { return desk.position().has_value(); }));
  CHECK(desk.standings().size() == 1);
}

TEST_CASE("a lifted hold gives its events their numbers in portions, also after a restart") {
  Desk desk;
  ingest::WriterOptions options;
  options.released_events = 2;
  desk.start(options);
  must(desk.add(1));
  auto const write = [&](auto work) {
    std::promise<Result<void>> done;
    desk.writer->write(work, [&](Result<void> result) { done.set_value(std::move(result)); });
    must(done.get_future().get());
  };
  write([](store::WriteTxn& txn) { return txn.hold().set({from_unix_ms(1), "ops", "because"}); });
  desk.submit(model::Started{Epoch(0), kBefore});
  Tx all;
  for (std::int64_t serno = 0; serno < 9; ++serno) all.payments.push_back(payment(1, serno, 5));
  desk.submit(model::Sealed{macro(Epoch(0), kBefore, {all})});
  REQUIRE(desk.eventually([&] { return desk.standings().size() == 9; }));
  auto const head = [&] {
    auto reader = must(store::open_reader(desk.url));
    return must(must(reader->snapshot())->feed()).head.value;
  };
  CHECK(head() == 0);
  write([](store::WriteTxn& txn) -> Result<void> {
    HS_TRY(lifted, txn.hold().lift());
    CHECK(lifted);
    return {};
  });
  CHECK(head() >= 2);  // the first portion comes with the lifting
  desk.start(options);
  REQUIRE(desk.eventually([&] { return head() == 9; }));
}

TEST_CASE(
    "a reader that stands still lets the log grow, and it is short again when the reader goes") {
  TestClock clock;
  Rig rig{clock};  // a checkpoint every 8 pages
  rig.apply(model::Started{Epoch(0), kBefore});
  auto reader = must(store::open_reader(rig.url()));
  auto previous = kBefore;
  std::uint64_t epoch = 0;
  auto const seal = [&](int times) {
    for (; times > 0; --times, ++epoch) {
      auto const block = macro(Epoch(epoch), previous,
                               {Tx{{}, {payment(1, static_cast<std::int64_t>(epoch), 5)}}});
      previous = block.hash;
      rig.apply(model::Sealed{block});
    }
  };
  seal(20);
  auto const usual = rig.database().wal_bytes();
  {
    auto const still = must(reader->snapshot());
    seal(200);
    CHECK(rig.database().wal_bytes() > 4 * usual);
  }
  seal(20);
  CHECK(rig.database().wal_bytes() <= 2 * usual);
}
