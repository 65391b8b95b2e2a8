// GET /v1/events/stream: the feed as it comes, resumed where it was left, never gathered for a
// client that does not read.

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;
using namespace std::chrono_literals;

namespace {

void append(TestServer& server, std::uint64_t from, std::uint64_t to) {
  server.store.update([&](FakeState& state) {
    for (std::uint64_t seq = from; seq <= to; ++seq)
      state.events.push_back(fake_event(seq, model::EventType::deposit_committed, server.clock.time,
                                        &state.deposits[2]));
  });
  server.server().wake(EventSeq(to));
}

std::string ask_stream(std::string const& target, std::string const& headers = {}) {
  return "GET /v1/events/stream" + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}

// The header of the answer, without its body.
std::string head(RawClient& client) {
  std::string text;
  for (std::string line; line != "\r\n"; text += line) {
    line = client.line();
    if (line.empty()) break;
  }
  return text;
}

// Chunks until one of `texts` is in them, or the stream ends.
std::string until(RawClient& client, std::vector<std::string> const& texts) {
  std::string seen;
  while (std::ranges::none_of(texts, [&](auto const& text) { return contains(seen, text); })) {
    auto const chunk = client.chunk();
    if (chunk.empty()) return seen + "(end)";
    seen += chunk;
  }
  return seen;
}
std::string until(RawClient& client, std::string const& text) {
  return until(client, std::vector{text});
}

}  // namespace

TEST_CASE("the stream begins after the cursor and goes on with what is published") {
  TestServer server;
  fill(server);
  RawClient client(server.port());
  client.send(ask_stream("?after=1"));
  auto const header = head(client);
  CHECK(contains(header, "200 OK"));
  CHECK(contains(header, "Content-Type: text/event-stream\r\n"));
  CHECK(contains(header, "Cache-Control: no-store\r\n"));
  auto const first = until(client, "id: 3");
  CHECK(first.starts_with(": feed ffff"));
  CHECK_FALSE(contains(first, "id: 1\n"));
  CHECK(contains(first, "id: 2\ndata: {\"seq\":2,"));
  append(server, 4, 250);
  auto const rest = until(client, "id: 250\n");
  for (std::uint64_t seq = 4; seq <= 250; ++seq) {
    auto const id = "id: " + std::to_string(seq) + "\ndata: {";
    auto const at = rest.find(id);
    CHECK(at != std::string::npos);
    CHECK(rest.find(id, at + 1) == std::string::npos);
  }
}

TEST_CASE("Last-Event-ID wins over after; wrong cursors, feeds and types are refused") {
  TestServer server;
  fill(server);
  RawClient client(server.port());
  client.send(ask_stream("?after=0", "Last-Event-ID: 2\r\n"));
  head(client);
  CHECK_FALSE(contains(until(client, "id: 3\n"), "id: 2\n"));
  CHECK(server.get("/v1/events/stream", "Last-Event-ID: 4\r\n").status == 409);
  CHECK(server.get("/v1/events/stream?after=4").status == 409);
  CHECK(contains(server.get("/v1/events/stream?feed=other").body, "feed-changed"));
  CHECK(server.get("/v1/events/stream", "Last-Event-ID: x\r\n").status == 400);
  CHECK(contains(server.get("/v1/events/stream?types=deposit.gone").body, "unknown-event-type"));
  CHECK(server.get("/v1/events/stream?wait=1").status == 400);
  CHECK(server.request("HEAD", "/v1/events/stream", {}, {}).status == 200);
}

TEST_CASE("types filter the stream, and a comment shows that it lives") {
  ApiOptions options;
  options.limits.stream_heartbeat = 50ms;
  TestServer server(options);
  fill(server);
  RawClient client(server.port());
  client.send(ask_stream("?types=node.up"));
  head(client);
  auto const seen = until(client, "\n\n:\n\n");
  CHECK(contains(seen, "id: 3\n"));
  CHECK_FALSE(contains(seen, "id: 1\n"));
}

TEST_CASE("streams are bounded, and one whose client left gives its place back") {
  ApiOptions options;
  options.limits.streams = 1;
  TestServer server(options);
  fill(server);
  auto first = std::make_unique<RawClient>(server.port());
  first->send(ask_stream(""));
  head(*first);
  until(*first, "id: 3\n");
  CHECK(server.get("/v1/events/stream").status == 503);
  first.reset();
  CHECK(eventually([&] {
    RawClient next(server.port());
    next.send(ask_stream(""));
    return contains(head(next), "200 OK");
  }));
}

TEST_CASE("a stream whose client left without reading gives its place back at once") {
  ApiOptions options;
  options.limits.streams = 1;
  options.limits.stream_heartbeat = 600s;
  TestServer server(options);
  fill(server);
  {
    RawClient first(server.port());
    first.send(ask_stream(""));
    CHECK(eventually([&] { return first.pending() > 0; }));
  }
  CHECK(eventually([&] {
    RawClient next(server.port());
    next.send(ask_stream(""));
    return contains(head(next), "200 OK");
  }));
}

TEST_CASE("a client that reads too slowly is dropped with a last event, and can resume") {
  ApiOptions options;
  options.limits.stream_slow = 100ms;
  TestServer server(options);
  fill(server);
  constexpr std::uint64_t last_seq = 1503;
  server.store.update([](FakeState& state) {
    state.deposits[2].reference = std::string(20'000, 'r');  // what the kernel cannot hold
  });
  append(server, 4, last_seq);
  std::string seen;
  REQUIRE(eventually([&] {
    RawClient client(server.port());
    client.send(ask_stream(""));
    // The kernel's buffers fill, then the server waits; unless it was the server who had no time.
    for (std::size_t before = 0; before == 0 || before != client.pending();) {
      before = client.pending();
      std::this_thread::sleep_for(1s);
    }
    head(client);
    seen = until(client, {"event: end\n", "id: " + std::to_string(last_seq) + "\n"});
    return !contains(seen, "id: " + std::to_string(last_seq) + "\n") && client.chunk().empty();
  }));
  CHECK(contains(seen, "event: end\ndata: {\"type\":\"/docs/errors#slow-consumer\""));
  auto const last = seen.rfind("\nid: ");
  auto const seq = std::stoull(seen.substr(last + 5));
  CHECK(seq < last_seq);
  RawClient again(server.port());
  again.send(ask_stream("", "Last-Event-ID: " + std::to_string(seq) + "\r\n"));
  head(again);
  CHECK(contains(until(again, "data: "), "\n\nid: " + std::to_string(seq + 1) + "\n"));
}

TEST_CASE("a stream ends with an event when the service stops") {
  ApiOptions options;
  options.limits.stop_grace = kPatience;  // the machine may be slow
  auto server = std::make_unique<TestServer>(options);
  fill(*server);
  RawClient client(server->port());
  client.send(ask_stream(""));
  head(client);
  until(client, "id: 3\n");
  server.reset();
  auto const end = until(client, "event: end\n");
  CHECK(contains(end, "/docs/errors#stopping"));
  CHECK(client.chunk().empty());
  CHECK(client.read_some().empty());
}

TEST_CASE("a stream that is being read for when the service stops ends with the same event") {
  ApiOptions options;
  options.limits.stop_grace = kPatience;
  TestServer server(options);
  fill(server);
  RawClient client(server.port());
  client.send(ask_stream(""));
  head(client);
  until(client, "id: 3\n");
  REQUIRE(eventually([&] { return server.store.at_gate() == 0; }));
  server.store.close_gate();
  append(server, 4, 4);
  REQUIRE(eventually([&] { return server.store.at_gate() == 1; }));
  server.stop();
  auto const end = until(client, "event: end\n");
  CHECK(contains(end, "/docs/errors#stopping"));
  server.store.open_gate();
}

TEST_CASE("who waits for events is sent away when his token goes, others stay") {
  ApiOptions options;
  Token gone{"gone", Role::read, {}}, kept{"kept", Role::read, {}};
  // SHA-256 of the names.
  REQUIRE(
      from_hex("283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247", gone.sha256));
  REQUIRE(
      from_hex("79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96", kept.sha256));
  options.tokens = {gone, kept};
  TestServer server(options);
  fill(server);
  auto const as = [](std::string const& token) {
    return "Authorization: Bearer " + token + "\r\n";
  };
  RawClient first(server.port()), second(server.port()), poller(server.port());
  first.send(ask_stream("?after=3", as("gone")));
  second.send(ask_stream("?after=3", as("kept")));
  poller.send("GET /v1/events?after=3&wait=60 HTTP/1.1\r\nHost: localhost\r\n" + as("gone") +
              "\r\n");
  for (auto* const client : {&first, &second}) {
    CHECK(contains(head(*client), "200 OK"));
    until(*client, "retry");
  }
  REQUIRE(server.server().reload(std::vector<Token>{kept}, std::nullopt));
  auto const last = until(first, "(never)");
  CHECK(contains(last, "event: end"));
  CHECK(contains(last, "/docs/errors#unauthenticated"));
  CHECK(last.ends_with("(end)"));
  CHECK(poller.reply().status == 401);
  append(server, 4, 4);
  CHECK(contains(until(second, "id: 4"), "id: 4"));
}
