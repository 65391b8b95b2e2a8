// Answers made while they are sent, and bodies taken while they come.

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "explorer/api/routes.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;
using namespace std::chrono_literals;

namespace {

std::atomic<int> pieces_made{0};
std::atomic<int> uploads_alive{0};

// "n": so many pieces of kPieceBytes; "fail": the piece that fails.
Asked<Download> get_pieces(Context const&, Call const& call) {
  auto const number = [&](char const* name, int otherwise) {
    auto const found = call.query.find(name);
    return found == call.query.end() ? otherwise : std::stoi(found->second);
  };
  if (call.query.contains("refuse")) return refuse(Problem::invalid_parameter, "refuse");
  auto next = [made = 0, n = number("n", 0),
               bad = number("fail", -1)](store::Snapshot& snapshot) mutable -> Asked<std::string> {
    if (!snapshot.feed()) return refuse(Problem::store_unavailable, "the fake store reads always");
    if (made == bad) return refuse(Problem::store_unavailable, "the disk is gone");
    if (made == n) return std::string();
    ++pieces_made;
    return std::string(kPieceBytes, static_cast<char>('a' + made++ % 26));
  };
  return Download{Response{200, "text/csv", {}, {}}, std::move(next)};
}

// Counts bytes; refuses a piece with a '!' in it. "slow": takes from another thread.
class Counting final : public Upload {
 public:
  explicit Counting(std::string type) : type_(std::move(type)) { ++uploads_alive; }
  ~Counting() override { --uploads_alive; }
  void take(std::string piece, std::function<void(Asked<void>)> more) override {
    biggest_ = std::max(biggest_, piece.size());
    bytes_ += piece.size();
    if (piece.find('!') != std::string::npos)
      return more(refuse(Problem::invalid_body, "no '!' please"));
    std::thread([more = std::move(more)] { more({}); }).detach();
  }
  void finish(std::function<void(Answer)> done) override {
    done(Response{200,
                  "text/plain",
                  type_ + " " + std::to_string(bytes_) + " " + std::to_string(biggest_),
                  {}});
  }

 private:
  std::string type_;
  std::size_t bytes_ = 0, biggest_ = 0;
};

Asked<std::shared_ptr<Upload>> post_count(Context const&, Call const& call) {
  if (call.query.contains("refuse")) return refuse(Problem::invalid_parameter, "refuse");
  return std::make_shared<Counting>(call.content_type);
}

Answer get_plain(Context const&, Call const& call) {
  return json_response("\"" + call.path_parameter + "\"");
}

std::array<Route, 6> const kRows{{
    {"GET", "/pieces", Role::none, &get_pieces, kNoBody, "n fail refuse"},
    {"POST", "/things/count", Role::none, &post_count, "text/csv application/x-ndjson", "refuse"},
    {"GET", "/things/{id}", Role::none, &get_plain},
    {"PATCH", "/things/{id}", Role::none, &get_plain, kJson},
    {"GET", "/healthz", Role::none, &get_plain},
    {"POST", "/guarded", Role::manage, &post_count, "text/csv"},
}};
RouteTable const kTable{kRows};

}  // namespace

TEST_CASE("a long answer comes in chunks, and the connection goes on") {
  TestServer server({}, &kTable);
  RawClient client(server.port());
  client.send(
      "GET /pieces?n=3 HTTP/1.1\r\nHost: a\r\n\r\n"
      "HEAD /pieces?n=3 HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n");
  auto const whole = client.reply();
  CHECK(whole.status == 200);
  CHECK(whole.headers.at("transfer-encoding") == "chunked");
  CHECK(whole.headers.at("content-type") == "text/csv");
  CHECK_FALSE(whole.headers.contains("content-length"));
  CHECK(whole.is_whole);
  CHECK(whole.body == std::string(kPieceBytes, 'a') + std::string(kPieceBytes, 'b') +
                          std::string(kPieceBytes, 'c'));
  CHECK(client.reply(true).headers.at("transfer-encoding") == "chunked");
  auto const empty = client.reply();
  CHECK(empty.status == 200);
  CHECK(empty.headers.at("content-length") == "0");
}

TEST_CASE("an old client gets a long answer until the connection ends") {
  TestServer server({}, &kTable);
  RawClient client(server.port());
  client.send("GET /pieces?n=2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto const all = client.read_all();
  CHECK(contains(all, "Connection: close\r\n"));
  CHECK_FALSE(contains(all, "chunked"));
  CHECK(all.ends_with("\r\n\r\n" + std::string(kPieceBytes, 'a') + std::string(kPieceBytes, 'b')));
}

TEST_CASE("a long answer that fails is a refusal at first, and broken off later") {
  TestServer server({}, &kTable);
  CHECK(server.get("/pieces?n=3&fail=0").status == 503);
  CHECK(server.get("/pieces?refuse=1").status == 400);
  auto const broken = server.get("/pieces?n=3&fail=2");
  CHECK(broken.status == 200);
  CHECK_FALSE(broken.is_whole);
  CHECK(broken.body.size() == 2 * kPieceBytes);
}

TEST_CASE("nothing is made for a client that does not read") {
  ApiOptions options;
  options.limits.write_timeout = 300ms;
  TestServer server(options, &kTable);
  pieces_made = 0;
  RawClient client(server.port());
  client.send("GET /pieces?n=100000 HTTP/1.1\r\nHost: a\r\n\r\n");
  // It is cut, so the number stops to rise: what the kernel takes, and no more.
  int last = -1;
  CHECK(eventually([&] {
    std::this_thread::sleep_for(1s);
    return std::exchange(last, pieces_made.load()) == pieces_made && pieces_made > 0;
  }));
  CHECK(pieces_made < 1000);
  CHECK(server.get("/healthz").status == 200);
}

TEST_CASE("a body of any length is taken in pieces") {
  ApiOptions options;
  options.limits.body_bytes = 1000;
  TestServer server(options, &kTable);
  std::string const csv = "Content-Type: Text/CSV; charset=utf-8\r\n";
  auto const reply = server.request("POST", "/things/count", std::string(20 << 20, 'x'), csv);
  CHECK(reply.status == 200);
  CHECK(reply.body == "text/csv 20971520 65536");

  RawClient chunked(server.port());
  chunked.send(
      "POST /things/count HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"
      "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  CHECK(chunked.reply().status == 100);
  std::string const chunk = "10001\r\n" + std::string(0x10001, 'y') + "\r\n";
  for (int i = 0; i < 10; ++i) chunked.send(chunk);
  chunked.send("0\r\n\r\nGET /things/a HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(chunked.reply().body == "application/x-ndjson 655370 65536");
  CHECK(chunked.reply().body == "\"a\"");
  CHECK(server.request("POST", "/things/count", {}, csv).body == "text/csv 0 0");
  CHECK(eventually([] { return uploads_alive == 0; }));
}

TEST_CASE("an upload can be refused before its body, and while it comes") {
  TestServer server({}, &kTable);
  std::string const csv = "Content-Type: text/csv\r\n";
  CHECK(server.request("POST", "/things/count?refuse=1", "x", csv).status == 400);
  CHECK(server.request("POST", "/things/count", "x").status == 415);
  std::string body(1 << 20, 'x');
  body[200'000] = '!';
  auto const refused = server.request("POST", "/things/count", body, csv);
  CHECK(refused.status == 400);
  CHECK(contains(refused.body, "no '!' please"));
  CHECK(refused.headers.at("connection") == "close");
  CHECK(eventually([] { return uploads_alive == 0; }));
}

TEST_CASE("an upload ends with its token") {
  Token token{"importer", Role::manage, {}};
  REQUIRE(
      from_hex("79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96", token.sha256));
  ApiOptions options;
  options.tokens = std::vector<Token>{token};
  TestServer server(options, &kTable);
  std::string const head =
      "POST /guarded HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"
      "Authorization: Bearer kept\r\nExpect: 100-continue\r\n";
  RawClient client(server.port());
  client.send(head + "Content-Length: 200000\r\n\r\n");
  REQUIRE(client.reply().status == 100);
  client.send(std::string(100'000, 'x'));
  REQUIRE(server.server().reload(std::vector<Token>{token}, std::nullopt));  // still known
  client.send(std::string(50'000, 'x'));
  token.role = Role::read;
  REQUIRE(server.server().reload(std::vector<Token>{token}, std::nullopt));
  client.send(std::string(50'000, 'x'));
  auto const refused = client.reply();
  CHECK(refused.status == 401);
  CHECK(contains(refused.body, "what was taken in before stays"));
  CHECK(contains(refused.headers.at("www-authenticate"), "invalid_token"));
  CHECK(server.get("/things/9").status == 200);
  CHECK(eventually([] { return uploads_alive == 0; }));
}

TEST_CASE("an upload whose client trickles or goes away ends") {
  ApiOptions options;
  options.limits.body_timeout = 200ms;
  TestServer server(options, &kTable);
  std::string const head =
      "POST /things/count HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"
      "Content-Length: 100000000\r\n\r\n";
  RawClient gone(server.port()), slow(server.port());
  gone.send(head + "x");
  gone.hang_up();
  slow.send(head);
  std::atomic<bool> is_cut{false};
  std::thread trickle([&] {
    while (!is_cut) {
      slow.send("x");
      std::this_thread::sleep_for(20ms);
    }
  });
  CHECK(slow.read_all().empty());
  is_cut = true;
  trickle.join();
  CHECK(eventually([] { return uploads_alive == 0; }));
}

TEST_CASE("a path that is spelled out is not the parameter of another") {
  TestServer server({}, &kTable);
  CHECK(server.get("/things/9").body == "\"9\"");
  CHECK(server.request("PATCH", "/things/9", "{}").body == "\"9\"");
  auto const refused = server.get("/things/count");
  CHECK(refused.status == 405);
  CHECK(refused.headers.at("allow") == "POST, OPTIONS");
  CHECK(server.get("/things").status == 404);
  CHECK(server.request("OPTIONS", "/things/9", {}, {}).headers.at("allow") ==
        "GET, HEAD, PATCH, OPTIONS");
  CHECK(server.request("OPTIONS", "*", {}, {}).headers.at("allow") ==
        "GET, HEAD, POST, PATCH, OPTIONS");
}

TEST_CASE("at the end an answer under way is given, and what hangs is cut") {
  ApiOptions options;
  options.limits.stop_grace = 300ms;
  auto server = std::make_unique<TestServer>(options, &kTable);
  RawClient idle(server->port()), stuck(server->port());
  stuck.send("GET /pieces?n=100000 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(contains(stuck.line(), "200 OK"));
  server.reset();  // or this test hangs
  CHECK(idle.read_all().empty());
}
