// GET /v1/audit over a real store.

#include <catch2/catch.hpp>

#include "explorer/api/handlers.hpp"
#include "store/database.hpp"
#include "tests/support/store_engine.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;

namespace {

// Made with the Python of /docs/audit.
constexpr std::string_view kFirst =
    "36c91c9f93d9ea791d9049f846c82b92be4db5b19a129af1b701f6c6091f85e4";
constexpr std::string_view kSecond =
    "fca9aea901f49821af71e469ea2cc292c630a21a69fce954a771b231aeab8397";

}  // namespace

TEST_CASE("the audit log is listed in order, page by page, with the hashes of its definition") {
  test::TempDir const dir;
  std::string const url = test::store_engines().front().url(dir);
  TestServer server;
  auto database = store::Database::open(url, {"stt", hash_of(1)}, server.clock);
  REQUIRE(database);
  auto txn = (*database)->begin();
  REQUIRE(txn);
  Time const at = from_unix_ms(1'767'225'600'010);
  model::AuditEntry entry{"d\u00e9sk",   "manage", "address.register",
                          "2 addresses", "done",   "try-1"};
  REQUIRE((*txn)->audit().append(entry, at));
  entry.outcome = "not-found";
  REQUIRE((*txn)->audit().append(entry, at));
  REQUIRE((*txn)->commit());

  ApiOptions const options;
  ApiPorts const ports{server.store.opener(), server.book,    server.book, server.book,
                       server.board,          server.metrics, server.clock};
  Context const context{options, ports};
  auto reader = store::open_reader(url);
  REQUIRE(reader);
  auto const ask = [&](std::map<std::string, std::string> query) {
    auto snapshot = (*reader)->snapshot();
    REQUIRE(snapshot);
    Call call;
    call.query = std::move(query);
    auto answer = get_audit(context, call, **snapshot);
    return answer ? answer->body : answer.error().detail;
  };
  auto const zeros = std::string(64, '0');
  auto const row = [](int n, std::string_view outcome, std::string_view previous,
                      std::string_view hash) {
    return "{\"n\":" + std::to_string(n) +
           ",\"at\":\"2026-01-01T00:00:00.010Z\",\"who\":\"d\u00e9sk\",\"role\":\"manage\","
           "\"action\":\"address.register\",\"target\":\"2 addresses\",\"outcome\":\"" +
           std::string(outcome) + "\",\"request_id\":\"try-1\",\"previous\":\"" +
           std::string(previous) + "\",\"hash\":\"" + std::string(hash) + "\"}";
  };
  auto const first = row(1, "done", zeros, kFirst);
  auto const second = row(2, "not-found", kFirst, kSecond);
  CHECK(ask({}) == "{\"entries\":[" + first + "," + second + "],\"next\":null}");
  CHECK(ask({{"limit", "1"}}) == "{\"entries\":[" + first + "],\"next\":1}");
  CHECK(ask({{"after", "1"}}) == "{\"entries\":[" + second + "],\"next\":null}");
  CHECK(ask({{"after", "2"}}) == "{\"entries\":[],\"next\":null}");
  CHECK(contains(ask({{"after", "x"}}), "after"));
}
