#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <limits>

#include "store/database.hpp"
#include "store/maintenance.hpp"
#include "store/store.hpp"
#include "tests/support/blocks.hpp"
#include "tests/support/must.hpp"
#include "tests/support/store_engine.hpp"
#include "tests/support/test_clock.hpp"

using namespace hotside;
using namespace hotside::test;
using model::Deposit;
using model::DepositState;
using model::SpendState;

namespace {

store::Identity const kIdentity{"dev", bytes_of<Hash>(0, 99)};

struct Stage {
  StoreEngine engine = GENERATE(from_range(store_engines()));
  TempDir dir;
  TestClock clock;
  std::string url = engine.url(dir);
  std::unique_ptr<store::Database> database;

  Stage() { open(); }
  void open() {
    database.reset();
    database = must(store::Database::open(url, kIdentity, clock));
  }
  void write(std::function<void(store::WriteTxn&)> const& work) {
    auto txn = must(database->begin());
    work(*txn);
    must(txn->commit());
  }
  std::unique_ptr<store::Reader> reader() { return must(store::open_reader(url)); }
};

Deposit deposit(std::uint64_t to, std::int64_t serno, std::int64_t amount, std::uint64_t epoch,
                std::optional<std::uint32_t> offset, DepositState state = DepositState::committed,
                SpendState spend = SpendState::unspent) {
  Deposit made;
  made.id = {payment(to, serno, amount).id, Epoch(epoch)};
  made.recipient = key_of(to);
  made.serno = serno;
  made.amount = Amount(amount);
  made.state = state;
  made.spend = spend;
  if (offset) made.offset = Offset(*offset);
  made.block_hash = bytes_of<Hash>(epoch);
  made.block_time = from_unix_ms(1);
  made.first_seen = from_unix_ms(2);
  if (state == DepositState::committed) made.committed_at = from_unix_ms(3);
  return made;
}

void add_addresses(store::WriteTxn& txn, std::uint64_t count) {
  std::vector<model::NewAddress> addresses;
  for (std::uint64_t i = 0; i < count; ++i)
    addresses.push_back({key_of(i), "user-" + std::to_string(i % 2), std::nullopt});
  must(txn.add_addresses(addresses, from_unix_ms(7)));
}

void put(store::WriteTxn& txn, std::vector<Deposit> const& deposits) {
  std::vector<model::DepositChange> changes;
  for (auto const& each : deposits) changes.push_back({std::nullopt, each});
  must(txn.put_deposits(changes));
}

std::vector<Deposit> listed(store::Snapshot& snapshot, store::DepositFilter const& filter,
                            std::size_t page) {
  std::vector<Deposit> found;
  std::optional<store::DepositKey> after;
  while (true) {
    auto const rows = must(snapshot.deposits(filter, after, page));
    for (auto const& row : rows) found.push_back(row.deposit);
    if (rows.size() < page) return found;
    auto const& last = rows.back().deposit;
    after = store::DepositKey{last.id.epoch, last.offset, last.id.utxo};
  }
}

// Past everything that the engine would refuse.
void change_by_hand(std::string const& path, std::string const& sql) {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_exec(raw, "PRAGMA ignore_check_constraints = 1", nullptr, nullptr, nullptr);
  CHECK(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(raw);
}

bool newer(Deposit const& a, Deposit const& b) {
  if (a.id.epoch != b.id.epoch) return a.id.epoch > b.id.epoch;
  auto const place = [](Deposit const& d) {
    return d.offset ? static_cast<std::int64_t>(d.offset->value) : -1;
  };
  if (place(a) != place(b)) return place(a) > place(b);
  return a.id.utxo < b.id.utxo;
}

}  // namespace

TEST_CASE("a store is of one network, one genesis and one writer") {
  Stage stage;
  auto const second = store::Database::open(stage.url, kIdentity, stage.clock);
  REQUIRE_FALSE(second);
  CHECK(second.error().what.find("another process") != std::string::npos);
  stage.database.reset();
  auto const network = store::Database::open(stage.url, {"stg", kIdentity.genesis}, stage.clock);
  REQUIRE_FALSE(network);
  CHECK(network.error().fault == Fault::rejected);
  CHECK(network.error().what.find("network dev, not stg") != std::string::npos);
  auto const genesis = store::Database::open(stage.url, {"dev", bytes_of<Hash>(4)}, stage.clock);
  REQUIRE_FALSE(genesis);
  CHECK(genesis.error().what.find("genesis") != std::string::npos);
  stage.open();
}

TEST_CASE("a url of no known engine, and a file that is not a store, are refused") {
  TempDir dir;
  TestClock clock;
  CHECK_FALSE(store::Database::open("postgres://x", kIdentity, clock));
  CHECK_FALSE(store::open_reader("sqlite:" + (dir.path() / "none").string()));
  auto const path = (dir.path() / "text").string();
  std::ofstream(path) << std::string(8192, 'x');
  CHECK_FALSE(store::Database::open("sqlite:" + path, kIdentity, clock));
  CHECK_FALSE(store::open_reader("sqlite:" + path));
}

TEST_CASE("a newer schema is refused") {
  TempDir dir;
  TestClock clock;
  auto const path = (dir.path() / "db").string();
  must(store::Database::open("sqlite:" + path, kIdentity, clock)).reset();
  change_by_hand(path, "PRAGMA user_version = 1000");
  auto const opened = store::Database::open("sqlite:" + path, kIdentity, clock);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().what.find("newer version") != std::string::npos);
  CHECK_FALSE(store::open_reader("sqlite:" + path));
}

TEST_CASE(
    "the feed keeps its name and its numbers, and a transaction that ends early leaves none") {
  Stage stage;
  auto const feed = must(must(stage.reader()->snapshot())->feed()).feed;
  CHECK(feed.size() == 32);
  auto const append = [](store::WriteTxn& txn) {
    must(txn.append_event({model::EventType::node_up, from_unix_ms(1), std::nullopt,
                           "{\"seq\":" + std::to_string(txn.head().next().value) + "}"}));
  };
  stage.write([&](auto& txn) { append(txn), append(txn); });
  {
    auto txn = must(stage.database->begin());
    append(*txn);
    CHECK(txn->head() == EventSeq(3));
  }
  stage.open();
  stage.write([&](auto& txn) { append(txn); });
  auto reader = stage.reader();
  auto snapshot = must(reader->snapshot());
  auto const head = must(snapshot->feed());
  CHECK(head.feed == feed);
  CHECK(head.head == EventSeq(3));
  auto const events = must(snapshot->events(EventSeq(0), model::kAllEventTypes, 10, 10));
  REQUIRE(events.events.size() == 3);
  CHECK(events.events[2].json == "{\"seq\":3}");
}

TEST_CASE("events are read in pages, and next moves over what the types leave out") {
  Stage stage;
  stage.write([](auto& txn) {
    for (int i = 0; i < 10; ++i)
      must(txn.append_event({i % 3 == 0 ? model::EventType::node_up : model::EventType::node_down,
                             from_unix_ms(i), std::nullopt, "{}"}));
  });
  auto reader = stage.reader();
  auto snapshot = must(reader->snapshot());
  auto const ups = model::bit(model::EventType::node_up);
  auto page = must(snapshot->events(EventSeq(0), ups, 2, 100));
  CHECK(page.events.size() == 2);
  CHECK(page.next == EventSeq(4));
  page = must(snapshot->events(EventSeq(4), ups, 100, 2));
  CHECK(page.events.empty());
  CHECK(page.next == EventSeq(6));
  page = must(snapshot->events(EventSeq(6), ups, 100, 100));
  CHECK(page.events.size() == 2);
  CHECK(page.next == EventSeq(10));
  CHECK(must(snapshot->events(EventSeq(10), ups, 5, 5)).next == EventSeq(10));
  CHECK(must(snapshot->events(EventSeq(UINT64_MAX), ups, 5, 5)).events.empty());
}

TEST_CASE("every combination of filters, in pages of every size, gives what a scan gives") {
  Stage stage;
  std::vector<Deposit> all;
  stage.write([&](auto& txn) {
    add_addresses(txn, 5);
    std::uint64_t n = 0;
    for (std::uint64_t epoch = 1; epoch <= 4; ++epoch)
      for (std::uint64_t to = 0; to < 5; ++to)
        for (int place = 0; place < 3; ++place, ++n) {
          auto const state = static_cast<DepositState>(n % 3);
          auto const spend = state == DepositState::reverted ? SpendState::unspent
                                                             : static_cast<SpendState>(n / 3 % 3);
          all.push_back(deposit(
              to, static_cast<std::int64_t>(n / 7), static_cast<std::int64_t>(n % 11), epoch,
              place == 0 ? std::nullopt : std::optional<std::uint32_t>(place * 7), state, spend));
        }
    std::sort(all.begin(), all.end(), newer);
    all.erase(std::unique(all.begin(), all.end(),
                          [](auto const& a, auto const& b) { return a.id == b.id; }),
              all.end());
    put(txn, all);
  });
  auto reader = stage.reader();
  auto snapshot = must(reader->snapshot());
  for (unsigned mask = 0; mask < 256; ++mask) {
    store::DepositFilter filter;
    if (mask & 1) filter.utxo = all[7].id.utxo;
    if (mask & 2) filter.address = key_of(1);
    if (mask & 4) filter.reference = "user-1";
    if (mask & 8) filter.state = DepositState::committed;
    if (mask & 16) filter.spend = SpendState::unspent;
    if (mask & 32) filter.epoch_from = Epoch(2);
    if (mask & 64) filter.epoch_to = Epoch(3);
    if (mask & 128) filter.min_amount = Amount(4);
    std::vector<Deposit> expected;
    for (auto const& each : all) {
      bool const of_user_1 = each.recipient == key_of(1) || each.recipient == key_of(3);
      if ((!filter.utxo || each.id.utxo == *filter.utxo) &&
          (!filter.address || each.recipient == *filter.address) &&
          (!filter.reference || of_user_1) && (!filter.state || each.state == *filter.state) &&
          (!filter.spend || each.spend == *filter.spend) &&
          (!filter.epoch_from || each.id.epoch >= *filter.epoch_from) &&
          (!filter.epoch_to || each.id.epoch <= *filter.epoch_to) &&
          (!filter.min_amount || each.amount >= *filter.min_amount))
        expected.push_back(each);
    }
    INFO("filters " << mask);
    for (std::size_t const page : {1UL, 4UL, 1000UL})
      REQUIRE(listed(*snapshot, filter, page) == expected);
  }
  store::DepositFilter beyond;
  beyond.epoch_from = Epoch(UINT64_MAX);
  CHECK(must(snapshot->deposits(beyond, std::nullopt, 10)).empty());
  beyond.epoch_from = std::nullopt;
  beyond.epoch_to = Epoch(UINT64_MAX);
  CHECK(must(snapshot->deposits(beyond, std::nullopt, 1000)).size() == all.size());
}

TEST_CASE("sums are exact beyond 64 bits") {
  Stage stage;
  auto const most = std::numeric_limits<std::int64_t>::max();
  stage.write([&](auto& txn) {
    add_addresses(txn, 2);
    std::vector<Deposit> many;
    for (std::int64_t i = 0; i < 5; ++i) many.push_back(deposit(1, i, most, 1, std::nullopt));
    many.push_back(
        deposit(1, 9, most, 1, std::nullopt, DepositState::committed, SpendState::spent));
    many.push_back(deposit(1, 10, -3, 2, std::nullopt, DepositState::prepared));
    put(txn, many);
  });
  auto reader = stage.reader();
  auto snapshot = must(reader->snapshot());
  auto const row = *must(snapshot->address(key_of(1)));
  CHECK(row.totals.committed.count == 6);
  CHECK(to_decimal(row.totals.committed.amount) == to_decimal(Sum{most} * 6));
  CHECK(row.totals.unspent.count == 5);
  CHECK(row.totals.prepared.amount == -3);
  CHECK(row.address.reference == "user-1");
  CHECK_FALSE(must(snapshot->address(key_of(77))));
}

TEST_CASE("addresses come in the order of their keys, in pages") {
  Stage stage;
  stage.write([](auto& txn) { add_addresses(txn, 20); });
  auto reader = stage.reader();
  auto snapshot = must(reader->snapshot());
  for (auto const& reference :
       {std::optional<std::string>(), std::optional<std::string>("user-0")}) {
    std::vector<PublicKey> found;
    std::optional<PublicKey> after;
    while (true) {
      auto const rows = must(snapshot->addresses({reference}, after, 3));
      for (auto const& row : rows) found.push_back(row.address.key);
      if (rows.size() < 3) break;
      after = found.back();
    }
    CHECK(found.size() == (reference ? 10 : 20));
    CHECK(std::is_sorted(found.begin(), found.end()));
  }
}

TEST_CASE("committed is terminal, whatever is asked of the store") {
  Stage stage;
  auto const made = deposit(1, 1, 5, 1, 3);
  stage.write([&](auto& txn) {
    add_addresses(txn, 2);
    put(txn, {made});
  });
  auto worse = made;
  worse.state = DepositState::reverted;
  worse.committed_at.reset();
  auto txn = must(stage.database->begin());
  model::DepositChange const change{DepositState::committed, worse};
  auto const done = txn->put_deposits(std::span(&change, 1));
  REQUIRE_FALSE(done);
  CHECK(done.error().fault == Fault::corrupt);
}

TEST_CASE("a snapshot does not see what comes after it") {
  Stage stage;
  auto reader = stage.reader();
  auto before = must(reader->snapshot());
  stage.write([](auto& txn) { add_addresses(txn, 3); });
  CHECK(must(before->counts()).addresses == 0);
  before.reset();
  CHECK(must(must(reader->snapshot())->counts()).addresses == 3);
}

TEST_CASE("public outputs are found whether final, provisional or only a reverted deposit") {
  Stage stage;
  auto const final_one = payment(1, 1, 5), provisional = payment(2, 1, 6), lost = payment(1, 3, 7);
  Hash const before = bytes_of<Hash>(1);
  stage.write([&](auto& txn) {
    add_addresses(txn, 2);
    must(txn.start({Epoch(0), before}));
    auto const block = macro(Epoch(0), before, {{{}, {final_one}}});
    must(txn.append_macro(block, from_unix_ms(5)));
    model::PublicOutput output;
    output.payment = final_one;
    output.epoch = Epoch(0);
    must(txn.append_outputs(std::span(&output, 1)));
    must(txn.append_micro(micro(Epoch(1), 0, block.hash, {{{}, {provisional}}}), from_unix_ms(6)));
    put(txn, {deposit(1, 3, 7, 1, 0, DepositState::reverted)});
  });
  std::vector<Hash> const ids{lost.id, bytes_of<Hash>(9), final_one.id, provisional.id};
  auto reader = stage.reader();
  auto const found = must(must(reader->snapshot())->public_outputs(ids));
  REQUIRE(found.size() == 3);
  CHECK(found[0].amount == Amount(7));
  CHECK(found[1].serno == 1);
  CHECK(found[2].recipient == key_of(2));
  stage.write([&](auto& txn) {
    auto const unspent = must(txn.unspent(ids));
    REQUIRE(unspent.size() == 1);
    must(txn.mark_spent(unspent, Epoch(1)));
    CHECK(must(txn.unspent(ids)).empty());
  });
}

TEST_CASE("violations stay open until somebody clears them") {
  Stage stage;
  model::Violated const violated{model::ViolationKind::genesis, Epoch(0), bytes_of<Hash>(1),
                                 bytes_of<Hash>(2), "a"};
  stage.write([&](auto& txn) {
    CHECK(must(txn.add_violation(violated, from_unix_ms(9))).has_value());
    CHECK_FALSE(must(txn.add_violation(violated, from_unix_ms(10))).has_value());
  });
  auto const open = must(must(stage.reader()->snapshot())->violations());
  REQUIRE(open.size() == 1);
  CHECK(open[0].kind == model::ViolationKind::genesis);
  CHECK(open[0].shown == bytes_of<Hash>(2));
  stage.write([&](auto& txn) {
    CHECK(must(txn.has_violation()));
    CHECK(must(txn.clear_violations("alice", "known", from_unix_ms(11))) == 1);
    CHECK_FALSE(must(txn.has_violation()));
  });
  CHECK(must(must(stage.reader()->snapshot())->violations()).empty());
}

TEST_CASE("a row that says what cannot be is refused, and nothing ends") {
  TempDir dir;
  TestClock clock;
  auto const path = (dir.path() / "db").string();
  {
    auto const database = must(store::Database::open("sqlite:" + path, kIdentity, clock));
    auto const txn = must(database->begin());
    add_addresses(*txn, 2);
    put(*txn, {deposit(1, 1, 5, 1, 3)});
    model::Violated const violated{model::ViolationKind::genesis, Epoch(0), {}, {}, "a"};
    must(txn->add_violation(violated, from_unix_ms(9)));
    model::RelayedTransaction tx;
    must(txn->transactions().add(tx, Bytes(3)));
    must(txn->commit());
  }
  auto const wrong =
      GENERATE("deposit SET state = 3", "deposit SET state = -1", "deposit SET spend = 256",
               "violation SET kind = 2", "relayed_tx SET state = 7", "relayed_tx SET before = 4");
  change_by_hand(path, std::string("UPDATE ") + wrong);
  auto const reader = must(store::open_reader("sqlite:" + path));
  auto const snapshot = must(reader->snapshot());
  std::vector<Error> errors;
  if (auto const read = snapshot->deposits({}, {}, 9); !read) errors.push_back(read.error());
  if (auto const read = snapshot->violations(); !read) errors.push_back(read.error());
  if (auto const read = snapshot->transactions().transactions({}, {}, 9); !read)
    errors.push_back(read.error());
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].fault == Fault::corrupt);
  CHECK(errors[0].what.ends_with(" that is not one"));
}

TEST_CASE("answers are kept for a week, and forgotten a portion at a time") {
  Stage stage;
  constexpr auto day = std::chrono::hours(24);
  Time const first = from_unix_ms(1'700'000'000'000);
  store::KeptAnswer const answer{bytes_of<Hash>(1), 201, "{}", "/v1/bundles/1"};
  auto const rows = [&] {
    auto const text = must(store::fingerprint(stage.url));
    auto const at = text.find("idempotency ") + 12;
    return std::stoi(text.substr(at));
  };
  stage.write([&](store::WriteTxn& txn) {
    for (int i = 0; i < 2'500; ++i)
      must(txn.audit().keep("a", std::to_string(i), answer, first + std::chrono::milliseconds(i)));
  });
  auto const kept = [&](std::string const& key, Time now) {
    std::optional<store::KeptAnswer> found;
    stage.write([&](store::WriteTxn& txn) { found = must(txn.audit().kept("a", key, now)); });
    return found;
  };
  auto const found = kept("2499", first + 7 * day);
  REQUIRE(found);
  CHECK(found->location == "/v1/bundles/1");
  CHECK(rows() == 2'500);
  CHECK_FALSE(kept("2499", first + 8 * day));  // it is still there, and does not count
  CHECK(rows() == 1'500);
  stage.write([&](store::WriteTxn& txn) {
    must(txn.audit().keep("a", "2499", {bytes_of<Hash>(2), 200, "[]", {}}, first + 8 * day));
  });
  auto const anew = kept("2499", first + 8 * day);
  REQUIRE(anew);
  CHECK(anew->request == bytes_of<Hash>(2));
  CHECK(rows() == 500);
  CHECK_FALSE(kept("1", first + 8 * day));
  CHECK(rows() == 1);
}

TEST_CASE("a file that another program has locked is waited for, and not without end") {
  TempDir dir;
  TestClock clock;
  auto const path = (dir.path() / "db").string();
  store::OpenOptions options;
  options.busy_timeout = std::chrono::milliseconds(20);
  auto const database = must(store::Database::open("sqlite:" + path, kIdentity, clock, options));
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  auto const refused = database->begin();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::transient);
  sqlite3_close(other);
  CHECK(database->begin());
}
