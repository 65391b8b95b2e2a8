// Each route: what it gives, and what it refuses.

#include <catch2/catch.hpp>
#include <functional>

#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;
using namespace std::chrono_literals;

namespace {

// The text between `"key":"` and the next quote.
std::string text_of(std::string const& json, std::string const& key) {
  auto const at = json.find("\"" + key + "\":\"") + key.size() + 4;
  return json.substr(at, json.find('"', at) - at);
}
}  // namespace

TEST_CASE("status has the shape of the contract") {
  TestServer server;
  auto const empty = server.get("/v1/status");
  CHECK(contains(empty.body, R"("complete_through":null)"));
  CHECK(contains(empty.body, R"("tip":null)"));
  CHECK(contains(empty.body, R"("ready":false)"));
  fill(server);
  auto const full = server.get("/v1/status");
  CHECK(full.headers.at("cache-control") == "no-store");
  CHECK(full.body.starts_with(R"({"version":"0.1.0","network":"testnet","genesis":"2c2c)"));
  CHECK(contains(full.body, R"("head":3,"complete_through":{"final_epoch":1833,"epoch":1834)"));
  CHECK(contains(
      full.body,
      R"("nodes":[{"name":"a","generation":"1.2.2","state":"following","epoch":1834,"offset":43,"lag_seconds":5,"following":true}])"));
  CHECK(contains(full.body, R"("tip":{"epoch":1834,"offset":42,"block_hash":")"));
  CHECK(contains(full.body, R"("counts":{"addresses":1,"deposits":3,"public_outputs":100})"));
  CHECK(contains(full.body, R"("violations":[],"hold":null,"ready":true,"reasons":[]})"));
}

TEST_CASE("the offset is null when the last block is a macro block") {
  TestServer server;
  fill(server);
  server.store.update([](FakeState& state) {
    state.position->offset.reset();
    state.position->epoch = state.position->final_epoch;
  });
  CHECK(contains(server.get("/v1/deposits").body,
                 R"("complete_through":{"final_epoch":1833,"epoch":1833,"offset":null,)"));
}

TEST_CASE("deposits are listed newest first and paged by key") {
  TestServer server;
  fill(server);
  auto const all = server.get("/v1/deposits");
  CHECK(all.status == 200);
  CHECK(contains(all.body, R"("next":null,"complete_through":{"final_epoch":1833)"));
  CHECK(contains(all.body, R"("amount":9223372036854775807,"amount_stg":"9223372036854.775807")"));
  std::vector<std::string> ids;
  std::string after;
  for (int page = 0; page < 3; ++page) {
    auto const reply = server.get("/v1/deposits?limit=1" + after);
    REQUIRE(reply.status == 200);
    ids.push_back(text_of(reply.body, "id"));
    if (page < 2) after = "&after=" + text_of(reply.body, "next");
    CHECK(contains(reply.body, "\"next\":null") == (page == 2));
  }
  CHECK(ids == std::vector<std::string>{hash_of(3).hex() + ":1834", hash_of(2).hex() + ":1833",
                                        hash_of(1).hex() + ":1833"});
}

TEST_CASE("each deposit filter reaches the store") {
  TestServer server;
  fill(server);
  auto const count = [&](std::string const& query) {
    auto const body = server.get("/v1/deposits?" + query).body;
    std::size_t n = 0;
    for (std::size_t at = 0; (at = body.find("\"id\":", at)) != std::string::npos; ++at) ++n;
    return n;
  };
  CHECK(count("utxo=" + hash_of(2).hex()) == 1);
  CHECK(count("address=" + test_address(1)) == 3);
  CHECK(count("address=" + test_address(2)) == 0);
  CHECK(count("reference=user-17") == 3);
  CHECK(count("reference=user%2D18") == 0);
  CHECK(count("state=committed") == 2);
  CHECK(count("spend=spent") == 0);
  CHECK(count("epoch_from=1834") == 1);
  CHECK(count("epoch_to=1833") == 2);
  CHECK(count("min_amount=400000000") == 2);
  CHECK(count("min_amount=9223372036854775807&state=committed") == 1);
}

TEST_CASE("bad parameters are refused by name") {
  TestServer server;
  fill(server);
  auto const* const bad = GENERATE(
      "/v1/deposits?limit=0", "/v1/deposits?limit=1001", "/v1/deposits?limit=", "/v1/deposits?x=1",
      "/v1/deposits?limit=1&limit=1", "/v1/deposits?limit=1&li%6dit=2", "/v1/deposits?utxo=00",
      "/v1/deposits?state=final", "/v1/deposits?spend=", "/v1/deposits?epoch_from=-1",
      "/v1/deposits?epoch_to=18446744073709551616", "/v1/deposits?min_amount=1.5",
      "/v1/deposits?min_amount=9223372036854775808", "/v1/deposits?after=!!",
      "/v1/deposits?after=AAAA", "/v1/deposits?address=stg1abc",
      "/v1/deposits?reference=", "/v1/deposits?reference=%00", "/v1/deposits?reference=%ff",
      "/v1/deposits?limit=%2", "/v1/deposits/abc", "/v1/addresses?limit=x",
      "/v1/addresses?after=AA", "/v1/addresses/abc", "/v1/addresses?label=a", "/v1/events?after=-1",
      "/v1/events?wait=61", "/v1/events?wait=1.5", "/v1/events?limit=0",
      "/v1/events?types=", "/v1/events?types=deposit.prepared,", "/v1/status?a=b",
      "/healthz?verbose", "/?x");
  INFO(bad);
  auto const reply = server.get(bad);
  CHECK(reply.status == 400);
  CHECK(reply.headers.at("content-type") == "application/problem+json");
  CHECK(contains(reply.body, R"({"type":"/docs/errors#)"));
  CHECK(contains(reply.body, R"("status":400,)"));
}

TEST_CASE("a parameter given twice is an invalid parameter, not a malformed request") {
  TestServer server;
  for (std::string const target : {"/v1/deposits?limit=1&limit=1", "/healthz?a&a"})
    CHECK(contains(server.get(target).body, "/docs/errors#invalid-parameter"));
  CHECK(contains(server.get("/v1/deposits?limit=%2").body, "/docs/errors#malformed-request"));
}

TEST_CASE("one deposit, one address, and what does not exist") {
  TestServer server;
  fill(server);
  CHECK(server.get("/v1/deposits/" + hash_of(1).hex() + ":1833").status == 200);
  CHECK(server.get("/v1/deposits/" + hash_of(1).hex() + "%3A1833").status == 200);
  CHECK(server.get("/v1/deposits/" + hash_of(1).hex() + ":1834").status == 404);
  auto const address = server.get("/v1/addresses/" + test_address(1));
  CHECK(
      address.body ==
      R"({"address":")" + test_address(1) +
          R"(","reference":"user-17","label":"hot","retired":false,"created_at":"1970-01-01T00:00:00.001Z",)"
          R"("prepared":{"count":1,"amount":5,"amount_stg":"0.000005"},)"
          R"("committed":{"count":2,"amount":9223372037254775807,"amount_stg":"9223372037254.775807"},)"
          R"("unspent":{"count":2,"amount":9223372037254775807,"amount_stg":"9223372037254.775807"}})");
  CHECK(server.get("/v1/addresses/" + test_address(9)).status == 404);
  for (auto const* path :
       {"/v1", "/v1/", "/v1/deposits/", "/v1/deposits/a/b", "/nope", "/v1/status/"})
    CHECK(server.get(path).status == 404);
}

TEST_CASE("addresses are registered one by one, good ones in spite of bad ones") {
  TestServer server;
  fill(server);
  std::string upper = test_address(2);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  auto const reply = server.request(
      "POST", "/v1/addresses",
      R"({"addresses":[{"address":")" + test_address(1) + R"("},{"address":")" + upper +
          R"(","reference":"ü","label":null},{"address":"nonsense"},{"address":""},{"address":")" +
          test_address(3) + R"(","reference":""}]})");
  CHECK(reply.status == 200);
  CHECK(reply.body.starts_with(R"({"created":1,"existing":1,"errors":[{"index":2,"error":")"));
  CHECK(contains(reply.body, R"({"index":3,"error":")"));
  // Not a bad address but a bad request: whoever forgets the field forgets it in every row.
  auto const without = server.request("POST", "/v1/addresses", R"({"addresses":[{"label":"x"}]})");
  CHECK(without.status == 400);
  CHECK(contains(without.body, "addresses[0].address: missing"));
  CHECK(contains(reply.body, R"({"index":4,"error":"reference: 1 to 255 characters"})"));
  auto const listed = server.get("/v1/addresses?reference=%C3%BC");
  CHECK(contains(listed.body, R"("address":")" + test_address(2)));
  auto const first = server.get("/v1/addresses?limit=1");
  auto const second = server.get("/v1/addresses?limit=1&after=" + text_of(first.body, "next"));
  CHECK(text_of(first.body, "address") != text_of(second.body, "address"));
  CHECK(contains(second.body, R"("next":null)"));
}

TEST_CASE("retiring keeps the address; clearing a violation needs a reason") {
  TestServer server;
  fill(server);
  CHECK(server.request("DELETE", "/v1/addresses/" + test_address(1)).status == 204);
  CHECK(contains(server.get("/v1/addresses/" + test_address(1)).body, R"("retired":true)"));
  CHECK(server.request("DELETE", "/v1/addresses/" + test_address(5)).status == 404);
  server.store.update([](FakeState& state) {
    state.violations = {{7, from_unix_ms(0), model::ViolationKind::macro_block, Epoch(5),
                         hash_of(1), hash_of(2), "b"}};
  });
  CHECK(
      contains(server.get("/v1/violations").body,
               R"({"violations":[{"id":7,"at":"1970-01-01T00:00:00.000Z","kind":"macro_block",)"));
  CHECK(server.get("/readyz").status == 503);
  CHECK(server.request("DELETE", "/v1/violations", "{}").status == 400);
  CHECK(server.request("DELETE", "/v1/violations", R"({"reason":"node b was wiped"})").status ==
        204);
  CHECK(server.book.cleared == "local: node b was wiped");
  CHECK(server.get("/v1/violations").body == R"({"violations":[]})");
}

TEST_CASE("a body must be JSON and say so") {
  TestServer server;
  auto const post = [&](std::string const& headers) {
    return server.request("POST", "/v1/addresses", R"({"addresses":[]})", headers).status;
  };
  CHECK(post("") == 415);
  CHECK(post("Content-Type: text/plain\r\n") == 415);
  CHECK(post("Content-Type: application/jsonx\r\n") == 415);
  CHECK(post("Content-Type: Application/JSON ; charset=utf-8\r\n") == 200);
  CHECK(post("Content-Type: application/json\r\nContent-Encoding: gzip\r\n") == 415);
  CHECK(post("Content-Type: application/json\r\nContent-Encoding: identity\r\n") == 200);
}

TEST_CASE("events page by number, whatever the filter") {
  TestServer server;
  fill(server);
  auto const all = server.get("/v1/events");
  CHECK(all.body.starts_with(R"({"feed":")" + std::string(32, 'f') +
                             R"(","events":[{"seq":1,"feed":")"));
  CHECK(contains(all.body, R"("next":3,"head":3,"complete_through":{)"));
  auto const filtered = server.get("/v1/events?types=deposit.reverted,chain.stalled");
  CHECK(contains(filtered.body, R"("events":[],"next":3,"head":3)"));
  CHECK(contains(server.get("/v1/events?limit=2").body, R"("next":2,"head":3)"));
  CHECK(contains(server.get("/v1/events?after=3").body, R"("events":[],"next":3,"head":3)"));
  auto const beyond = server.get("/v1/events?after=4");
  CHECK(beyond.status == 409);
  CHECK(contains(beyond.body, "/docs/errors#cursor-beyond-head"));
  auto const changed = server.get("/v1/events?after=4&feed=0123");
  CHECK(changed.status == 409);
  CHECK(contains(changed.body, "/docs/errors#feed-changed"));
  CHECK(contains(server.get("/v1/events?types=deposit.lost").body,
                 "/docs/errors#unknown-event-type"));
}

namespace {
ApiOptions room_for_one_waiter() {
  ApiOptions options;
  options.limits.waiters = 1;
  return options;
}

// Whether the only place is taken shows in what the next one is told.
bool is_place_taken(TestServer& server) {
  auto const reply = server.get("/v1/events?after=3&wait=1");
  if (reply.status == 503) CHECK(reply.headers.contains("retry-after"));
  return reply.status == 503;
}

// A client that is known to wait. When the question came first and took the place, again.
std::unique_ptr<RawClient> waiting_client(TestServer& server, std::string const& wait) {
  std::unique_ptr<RawClient> client;
  REQUIRE(eventually([&] {
    client = std::make_unique<RawClient>(server.port());
    client->send("GET /v1/events?after=3&wait=" + wait + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return is_place_taken(server);
  }));
  return client;
}

void add_event_4(TestServer& server) {
  server.store.update([&](FakeState& state) {
    state.events.push_back(fake_event(4, model::EventType::node_down, server.clock.time));
  });
}
}  // namespace

TEST_CASE("a held request is answered by the doorbell, not by its deadline") {
  TestServer server(room_for_one_waiter());
  fill(server);
  auto const client = waiting_client(server, "60");
  auto const rung = std::chrono::steady_clock::now();
  add_event_4(server);
  server.server().wake(EventSeq(4));
  CHECK(contains(client->reply().body, R"("seq":4,)"));
  CHECK(std::chrono::steady_clock::now() - rung < 50s);
}

TEST_CASE("a deadline answers with nothing, and with where to go on") {
  TestServer server;
  fill(server);
  CHECK(contains(server.get("/v1/events?wait=1&types=spend.reverted").body,
                 R"("events":[],"next":3,"head":3)"));
}

TEST_CASE("a lost doorbell costs no more than the wait") {
  // The event has to be there before the wait is over. Where the machine is too slow for that, with
  // a longer one.
  std::string body;
  for (auto const* const wait : {"3", "20", "60"}) {
    TestServer server(room_for_one_waiter());
    fill(server);
    auto const client = waiting_client(server, wait);
    add_event_4(server);
    body = client->reply().body;
    if (contains(body, R"("seq":4,)")) break;
  }
  CHECK(contains(body, R"("seq":4,)"));
}

TEST_CASE("held requests are bounded, and one whose client left gives its place back") {
  TestServer server(room_for_one_waiter());
  fill(server);
  auto const client = waiting_client(server, "60");
  CHECK(is_place_taken(server));
  client->hang_up();
  CHECK(eventually([&] { return !is_place_taken(server); }));
}

TEST_CASE("a store that fails is said, and health goes on talking") {
  TestServer server;
  fill(server);
  server.store.update([](FakeState& state) {
    state.fault = Error{Fault::transient, "disk is gone", ""};
  });
  auto const failing = server.get("/v1/status");
  CHECK(failing.status == 503);
  CHECK(contains(failing.body, "/docs/errors#store-unavailable"));
  auto const ready = server.get("/readyz");
  CHECK(ready.status == 503);
  CHECK(
      contains(ready.body, R"({"code":"store","text":"the store cannot be read: disk is gone"})"));
  CHECK(server.get("/metrics").status == 200);
  server.store.update([](FakeState& state) { state.fault.reset(); });
  CHECK(server.get("/readyz").status == 200);
}

TEST_CASE("a store that hangs is said, and health goes on talking") {
  ApiOptions options;
  options.limits.reader_queue = 1;
  options.limits.read_answer_timeout = 200ms;
  options.limits.ready_timeout = 200ms;
  TestServer server(options);
  fill(server);
  server.store.close_gate();
  auto const hang = [&](std::size_t readers) {
    return eventually([&] { return server.store.at_gate() == readers; });
  };
  CHECK(contains(server.get("/v1/status").body, "/docs/errors#not-finished"));
  CHECK(hang(1));
  auto const hanging = server.get("/readyz");
  CHECK(hanging.status == 503);
  CHECK(contains(hanging.body, R"("code":"store")"));
  CHECK(hang(2));
  CHECK(server.get("/v1/status").status == 503);
  CHECK(hang(3));                                 // all readers
  CHECK(server.get("/v1/status").status == 503);  // fills the queue
  auto const full = server.get("/v1/status");
  CHECK(contains(full.body, "/docs/errors#overloaded"));
  CHECK(full.headers.at("retry-after") == "1");
  CHECK(server.get("/healthz").status == 200);
  server.store.open_gate();
}

TEST_CASE("pages that many wait for hold up neither health nor who keeps up with the feed") {
  ApiOptions options;
  options.limits.reader_queue = 1;
  options.limits.read_answer_timeout = 100ms;
  options.limits.ready_timeout = 100ms;
  TestServer server(options);
  fill(server);
  server.server().wake(EventSeq(1'000));
  server.store.close_gate();
  auto const hang = [&](std::size_t readers) {
    return eventually([&] { return server.store.at_gate() == readers; });
  };
  for (int i = 0; i < 3; ++i) server.get("/v1/deposits");
  CHECK(contains(server.get("/v1/events?after=0").body, "/docs/errors#overloaded"));
  CHECK(hang(2));  // the third reader takes no pages, and there is a place for what reads little
  CHECK(contains(server.get("/v1/events?after=990").body, "/docs/errors#not-finished"));
  CHECK(hang(3));
  CHECK(contains(server.get("/v1/status").body, "/docs/errors#not-finished"));
  server.store.open_gate();
}

TEST_CASE("the writer's refusal reaches the caller") {
  TestServer server;
  server.book.fault = Error{Fault::transient, "the writer is busy", ""};
  auto const reply = server.request("POST", "/v1/addresses",
                                    R"({"addresses":[{"address":")" + test_address(1) + "\"}]}");
  CHECK(reply.status == 503);
  CHECK(contains(reply.body, "the writer is busy"));
}

TEST_CASE("the metrics page holds every family of the contract from the start") {
  TestServer server;
  auto const early = server.get("/metrics").body;
  for (std::string const name : {"hotside_build_info",
                                 "hotside_chain_epoch",
                                 "hotside_chain_offset",
                                 "hotside_chain_final_epoch",
                                 "hotside_chain_lag_seconds",
                                 "hotside_ready",
                                 "hotside_violation",
                                 "hotside_blocks_total",
                                 "hotside_blocks_refused_total",
                                 "hotside_frames_refused_total",
                                 "hotside_reconcile_total",
                                 "hotside_deposits",
                                 "hotside_events_head",
                                 "hotside_commit_seconds",
                                 "hotside_block_to_event_seconds",
                                 "hotside_http_requests_total",
                                 "hotside_http_request_seconds",
                                 "hotside_store_wal_bytes",
                                 "hotside_store_memory_bytes",
                                 "hotside_limits_reached_total",
                                 "process_resident_memory_bytes",
                                 "process_heap_bytes",
                                 "process_open_fds",
                                 "hotside_node_up",
                                 "hotside_webhook_backlog",
                                 "hotside_webhook_oldest_undelivered_seconds"}) {
    INFO(name);
    CHECK(contains(early, "# TYPE " + name + " "));
  }
  fill(server);
  static_cast<void>(server.get("/v1/deposits/abc"));
  auto const page = server.get("/metrics").body;
  CHECK(contains(page, "hotside_ready 1\n"));
  CHECK(contains(page, "hotside_chain_lag_seconds 5\n"));
  CHECK(contains(page, "hotside_deposits{state=\"committed\"} 2\n"));
  CHECK(contains(page, "hotside_node_up{node=\"a\"} 1\n"));
  CHECK(
      contains(page, "hotside_http_requests_total{code=\"400\",route=\"/v1/deposits/{id}\"} 1\n") !=
      contains(page, "hotside_http_requests_total{route=\"/v1/deposits/{id}\",code=\"400\"} 1\n"));
}

TEST_CASE("the guides are served as they stand in docs/") {
  TestServer server;
  for (std::string const name : {"integration", "api", "bundle", "cold-wallet", "certificates"}) {
    auto const guide = server.get("/docs/" + name + ".md");
    CHECK(guide.status == 200);
    CHECK(guide.headers.at("content-type") == "text/plain; charset=utf-8");
    CHECK(guide.body.starts_with("# "));
  }
  CHECK(contains(server.get("/docs/integration.md").body, "Credit on `deposit.committed`"));
  for (std::string const name : {"nothing.md", "app.js", "integration", "..%2fREADME.md"})
    CHECK(server.get("/docs/" + name).status == 404);
  CHECK(server.get("/dashboard/api.md").status == 404);
}

TEST_CASE("dashboard and pages carry a policy, a type and a tag") {
  TestServer server;
  auto const page = server.get("/");
  CHECK(page.status == 200);
  CHECK(page.headers.at("content-type") == "text/html; charset=utf-8");
  CHECK(contains(page.headers.at("content-security-policy"), "script-src 'self'"));
  auto const tag = page.headers.at("etag");
  auto const again = server.get("/", "If-None-Match: " + tag + "\r\n");
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(server.get("/dashboard/app.js").headers.at("content-type") ==
        "text/javascript; charset=utf-8");
  CHECK(server.get("/dashboard/openapi.json").status == 404);
  CHECK(server.get("/dashboard/..%2Fapp.js").status == 404);
  CHECK(contains(server.get("/docs/errors").body, "<section id=\"feed-changed\">"));
}
