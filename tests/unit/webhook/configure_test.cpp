// Webhooks in a store: of the configuration, their progress, their deliveries.

#include "explorer/webhook/configure.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "proto/model/webhook.hpp"
#include "store/store.hpp"
#include "tests/support/must.hpp"
#include "tests/support/store_engine.hpp"
#include "tests/support/test_clock.hpp"

using namespace hotside;
using namespace hotside::test;
using store::WebhookOff;

namespace {

struct Stage {
  StoreEngine engine = GENERATE(from_range(store_engines()));
  TempDir dir;
  TestClock clock;
  std::string url = engine.url(dir);
  std::unique_ptr<store::Database> database;

  Stage() { database = must(store::Database::open(url, {"dev", Hash{}}, clock)); }
  void write(std::function<void(store::WriteTxn&)> const& work) {
    auto txn = must(database->begin());
    work(*txn);
    must(txn->commit());
  }
  void add_events(int count) {
    write([&](store::WriteTxn& txn) {
      for (int i = 0; i < count; ++i)
        must(txn.append_event({model::EventType::node_up, clock.now(), std::nullopt, "{}"}));
    });
  }
  void configure(std::vector<webhook::Configured> const& wanted) {
    write([&](store::WriteTxn& txn) { must(webhook::configure(txn, wanted, clock.now())); });
  }
  store::Webhook only() {
    auto reader = must(store::open_reader(url));
    auto rows = must(must(reader->snapshot())->webhooks().webhooks(std::nullopt, 10));
    REQUIRE(rows.size() == 1);
    return rows.front();
  }
  std::uint64_t revision() {
    auto reader = must(store::open_reader(url));
    return must(must(reader->snapshot())->webhooks().revision());
  }
};

webhook::Configured hook() {
  return {
      "https://a.example/", {model::WebhookSecret::make().text()}, model::kAllEventTypes, false};
}

store::WebhookProgress progress(std::string const& id, std::uint64_t cursor) {
  store::WebhookProgress made;
  made.id = id;
  made.cursor = EventSeq(cursor);
  return made;
}

}  // namespace

TEST_CASE("a configured webhook begins behind the head, and goes on where it was when it returns") {
  Stage stage;
  stage.add_events(3);
  auto wanted = hook();
  stage.configure({wanted});
  auto row = stage.only();
  CHECK(row.id == model::webhook_id(wanted.url));
  CHECK(row.cursor == EventSeq(3));
  CHECK(row.is_configured);
  CHECK_FALSE(row.disabled);
  auto const revision = stage.revision();
  stage.configure({wanted});
  CHECK(stage.revision() == revision);  // nothing was to be done

  stage.write([&](store::WriteTxn& txn) {
    must(txn.webhooks().note(progress(row.id, 4), stage.clock.now()));
  });
  CHECK(stage.revision() == revision);  // progress is not news to who made it
  stage.configure({});
  row = stage.only();
  CHECK(row.disabled == WebhookOff::removed);
  CHECK(row.secrets.empty());
  stage.add_events(5);
  wanted.events = model::bit(model::EventType::node_up);
  wanted.secrets.push_back(model::WebhookSecret::make().text());
  stage.configure({wanted});
  row = stage.only();
  CHECK_FALSE(row.disabled);
  CHECK(row.cursor == EventSeq(4));
  CHECK(row.secrets.size() == 2);
  CHECK(row.events == wanted.events);
}

TEST_CASE("gone stays off across a reload, unless it was changed since it was sent") {
  Stage stage;
  stage.configure({hook()});
  auto const row = stage.only();
  auto gone = progress(row.id, 0);
  gone.gone = row.revision + 1;
  stage.write([&](store::WriteTxn& txn) { must(txn.webhooks().note(gone, stage.clock.now())); });
  CHECK_FALSE(stage.only().disabled);
  gone.gone = row.revision;
  stage.write([&](store::WriteTxn& txn) { must(txn.webhooks().note(gone, stage.clock.now())); });
  CHECK(stage.only().disabled == WebhookOff::gone);
  stage.configure({hook()});
  CHECK(stage.only().disabled == WebhookOff::gone);
}

TEST_CASE("attempts are numbered, the newest are kept, and they go with their webhook") {
  Stage stage;
  stage.configure({hook()});
  auto const id = stage.only().id;
  auto some = progress(id, 0);
  for (std::uint64_t i = 0; i < store::kWebhookDeliveriesKept + 50; ++i) {
    store::Delivery delivery;
    delivery.seq = EventSeq(1 + i / 2);
    delivery.at = stage.clock.now();
    delivery.status = 500;
    delivery.response = std::string("a\0\xff", 3);
    some.deliveries.push_back(delivery);
  }
  stage.write([&](store::WriteTxn& txn) { must(txn.webhooks().note(some, stage.clock.now())); });
  auto reader = must(store::open_reader(stage.url));
  {
    auto snapshot = must(reader->snapshot());
    auto const rows = must(snapshot->webhooks().deliveries(id, std::nullopt, 100'000));
    CHECK(rows.size() == store::kWebhookDeliveriesKept);
    CHECK(rows[0].delivery.attempt == 2);
    CHECK(rows[1].delivery.attempt == 1);
    CHECK(rows[0].delivery.seq == EventSeq(1025));
    CHECK(rows[0].delivery.response == std::string("a\0\xff", 3));
    auto const more = must(snapshot->webhooks().deliveries(id, rows[9].n, 5));
    REQUIRE(more.size() == 5);
    CHECK(more[0].n == rows[10].n);
  }
  stage.clock.advance(31LL * 86'400'000);
  some.deliveries.resize(1);
  stage.write([&](store::WriteTxn& txn) {
    must(txn.webhooks().note(some, stage.clock.now()));
    CHECK(must(txn.webhooks().remove(id)));
    CHECK_FALSE(must(txn.webhooks().remove(id)));
    must(txn.webhooks().note(some, stage.clock.now()));  // of one that is no more
  });
  auto snapshot = must(reader->snapshot());
  CHECK(must(snapshot->webhooks().deliveries(id, std::nullopt, 10)).empty());
}

TEST_CASE("a redelivery has a number that is not used twice, and needs its event") {
  Stage stage;
  stage.configure({hook()});
  stage.add_events(2);
  auto const id = stage.only().id;
  auto const waiting = [&](std::int64_t after) {
    auto reader = must(store::open_reader(stage.url));
    return must(must(reader->snapshot())->webhooks().redeliveries(after, 10));
  };
  stage.write([&](store::WriteTxn& txn) {
    CHECK(must(txn.webhooks().add_redelivery(id, EventSeq(2))));
    CHECK_FALSE(must(txn.webhooks().add_redelivery(id, EventSeq(3))));
    CHECK(must(txn.webhooks().redeliveries(id)) == 1);
  });
  auto const first = waiting(0);
  REQUIRE(first.size() == 1);
  CHECK(first[0].seq == EventSeq(2));
  auto done = progress(id, 2);
  done.redelivered = {first[0].n};
  stage.write([&](store::WriteTxn& txn) {
    must(txn.webhooks().note(done, stage.clock.now()));
    CHECK(must(txn.webhooks().add_redelivery(id, EventSeq(1))));
  });
  REQUIRE(waiting(first[0].n).size() == 1);
  CHECK(waiting(0).size() == 1);
}

TEST_CASE("a new store is readable by its owner only: webhook secrets are in it") {
  Stage stage;
  stage.configure({hook()});
  for (std::string const end : {"", "-wal", "-shm"}) {
    struct stat facts {};
    REQUIRE(::stat((stage.dir.path() / ("db" + end)).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
  }
}
