// Idempotency-Key: as a header, and while the first request of a key is still under way.

#include <array>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "explorer/api/perform.hpp"
#include "explorer/api/routes.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;
using namespace std::chrono_literals;

namespace {

std::mutex held_mutex;
std::vector<std::function<void(Answer)>> held;  // of requests that wait to be answered

void post_slow(Context const&, Call const& call, std::function<void(Answer)> done) {
  if (call.body.find("now") != std::string::npos) return done(json_response("1"));
  std::lock_guard const lock(held_mutex);
  held.push_back(std::move(done));
}

std::array<Route, 1> const kRows{{{"POST", "/slow", Role::manage, &post_slow, kJson}}};
RouteTable const kTable{kRows};

std::string post(std::string const& body, std::string const& fields) {
  return "POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::size_t waiting() {
  std::lock_guard const lock(held_mutex);
  return held.size();
}

}  // namespace

TEST_CASE("a key whose request is under way is refused, and free again with its answer") {
  held.clear();
  TestServer server({}, &kTable);
  RawClient first(server.port()), second(server.port());
  first.send(post("{}", "Idempotency-Key: k\r\n"));
  REQUIRE(eventually([] { return waiting() == 1; }));
  for (std::string const body : {"{}", "[]", "now"}) {
    second.send(post(body, "Idempotency-Key: k\r\n"));
    auto const refused = second.reply();
    CHECK(refused.status == 409);
    CHECK(contains(refused.body, "/docs/errors#idempotency-key-in-use"));
  }
  second.send(post("now", "Idempotency-Key: other\r\n"));
  CHECK(second.reply().status == 200);
  second.send(post("now", ""));
  CHECK(second.reply().status == 200);
  held.front()(json_response("2"));
  CHECK(first.reply().body == "2");
  for (int i = 0; i < 3; ++i) {
    first.send(post("now", "Idempotency-Key: k\r\n"));
    CHECK(first.reply().status == 200);
  }
}

TEST_CASE("a write that the writer does not get to is not finished, as far as we know") {
  held.clear();
  ApiOptions options;
  options.limits.write_answer_timeout = 50ms;
  TestServer server(options, &kTable);
  RawClient client(server.port());
  client.send(post("{}", ""));
  auto const reply = client.reply();
  CHECK(reply.status == 503);
  CHECK(contains(reply.body, "/docs/errors#not-finished"));
  for (int i = 0; i < 1000 && waiting() == 0; ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(waiting() == 1);
  held.front()(json_response("2"));  // late, and to nobody
  client.send(post("now", ""));
  CHECK(client.reply().status == 200);
}

TEST_CASE("a key that is lost without an answer does not stay in use") {
  KeysInUse keys;
  auto place = keys.take("a", "k");
  REQUIRE(place);
  CHECK_FALSE(keys.take("a", "k"));
  CHECK(keys.take("b", "k"));
  place.reset();
  place = keys.take("a", "k");
  REQUIRE(place);
  place->free();
  CHECK(keys.take("a", "k"));
}

TEST_CASE("an Idempotency-Key is one, of 1 to 255 visible characters") {
  TestServer server;
  fill(server);
  auto const status = [&](std::string const& fields) {
    return server
        .request("POST", "/v1/addresses", R"({"addresses":[]})",
                 "Content-Type: application/json\r\n" + fields)
        .status;
  };
  CHECK(status("Idempotency-Key:\r\n") == 400);
  CHECK(status("Idempotency-Key: \r\n") == 400);
  CHECK(status("Idempotency-Key: a b\r\n") == 400);
  CHECK(status("Idempotency-Key: a\r\nIdempotency-Key: b\r\n") == 400);
  CHECK(status("Idempotency-Key: " + std::string(256, 'x') + "\r\n") == 400);
  CHECK(status("Idempotency-Key: " + std::string(255, 'x') + "\r\n") == 200);
}
