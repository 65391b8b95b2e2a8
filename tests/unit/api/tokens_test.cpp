#include "explorer/api/tokens.hpp"

#include <catch2/catch.hpp>

#include "explorer/api/rate_limit.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;

namespace {
// SHA-256 of "reader", "manager", "boss".
std::string const kFile = R"([[token]]
name = "backend"
role = "read"
sha256 = "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30"
[[token]]
name = "desk"
role = "manage"
sha256 = "6ee4a469cd4e91053847f5d3fcb61dbcc91e8f0ef10be7748da4c4a1ba382d17"
[[token]]
name = "ops"
role = "admin"
sha256 = "a5e7c002443743c5836758c7d1cd8ddefd9fcf2061daa0efaac683fb99966057"
)";
}  // namespace

TEST_CASE("a role does what it needs to and no more") {
  CHECK(allows(Role::none, Role::none));
  CHECK_FALSE(allows(Role::none, Role::read));
  for (auto const role : {Role::read, Role::manage, Role::relay, Role::admin})
    CHECK(allows(role, Role::read));
  CHECK_FALSE(allows(Role::read, Role::manage));
  CHECK_FALSE(allows(Role::relay, Role::manage));
  CHECK_FALSE(allows(Role::manage, Role::relay));
  CHECK_FALSE(allows(Role::manage, Role::admin));
  CHECK(allows(Role::admin, Role::relay));
}

TEST_CASE("a tokens file is read whole or refused with its line") {
  auto const tokens = parse_tokens(kFile, "tokens.toml");
  if (!tokens) FAIL(tokens.error().what);
  REQUIRE(tokens->size() == 3);
  CHECK(tokens->at(1).role == Role::manage);
  auto const refused = [](std::string const& text) {
    auto const result = parse_tokens(text, "tokens.toml");
    REQUIRE_FALSE(result.has_value());
    return result.error().what;
  };
  CHECK(contains(refused("[[token]]\nname = 'a'\nrole = 'root'\nsha256 = 'aa'\n"), "role"));
  CHECK(contains(refused("[[token]]\nname = 'a'\nrole = 'read'\nsha256 = 'aa'\n"), "sha256"));
  CHECK(contains(refused("x = 1\n"), "tokens.toml:1: unknown key 'x'"));
  CHECK(contains(refused(kFile + kFile), "given twice"));
  CHECK(contains(refused("[[token]\n"), "tokens.toml:1"));
  CHECK_FALSE(read_tokens("/nonexistent/tokens.toml").has_value());
}

TEST_CASE("tokens decide who may do what") {
  ApiOptions options;
  options.tokens = *parse_tokens(kFile, "tokens.toml");
  TestServer server(options);
  fill(server);
  auto const with = [](std::string const& token) {
    return "Authorization: Bearer " + token + "\r\n";
  };
  auto const none = server.get("/v1/status");
  CHECK(none.status == 401);
  CHECK(none.headers.at("www-authenticate") == "Bearer realm=\"hotside\"");
  auto const wrong = server.get("/v1/status", with("guess"));
  CHECK(wrong.status == 401);
  CHECK(contains(wrong.headers.at("www-authenticate"), "invalid_token"));
  CHECK(server.get("/v1/status", "Authorization: Basic reader\r\n").status == 401);
  CHECK(server.get("/v1/status", with("reader")).status == 200);
  CHECK(server.get("/v1/status", "authorization: bearer reader\r\n").status == 200);
  auto const json = [&](std::string const& token) {
    return with(token) + "Content-Type: application/json\r\n";
  };
  CHECK(server.request("POST", "/v1/addresses", R"({"addresses":[]})", json("reader")).status ==
        403);
  CHECK(server.request("POST", "/v1/addresses", R"({"addresses":[]})", json("manager")).status ==
        200);
  CHECK(server.request("DELETE", "/v1/violations", R"({"reason":"x"})", json("manager")).status ==
        403);
  CHECK(server.request("DELETE", "/v1/violations", R"({"reason":"x"})", json("boss")).status ==
        204);
  CHECK(server.book.cleared == "ops: x");
  for (auto const* open : {"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/errors", "/",
                           "/dashboard/app.js"})
    CHECK(server.get(open).status == 200);
  // A refused upload is not read first.
  CHECK(server.request("POST", "/v1/addresses", std::string(1 << 20, ' '), json("guess")).status ==
        401);

  CHECK(server.get("/v1/audit").status == 401);
  CHECK_FALSE(server.server().reload(std::nullopt, TlsFiles{"a.pem", "b.pem"}));
  CHECK(server.get("/v1/status", with("reader")).status == 200);
  REQUIRE(server.server().reload(std::vector<Token>{}, std::nullopt));
  auto const locked = [&] { return server.get("/v1/status", with("reader")).status == 401; };
  CHECK((locked() || locked()));
}

TEST_CASE("a caller has one second's worth of requests, and gets it back with time") {
  using namespace std::chrono_literals;
  RateLimit limit(2);
  RateLimit::Time const start{};
  CHECK_FALSE(limit.take("a", start));
  CHECK_FALSE(limit.take("a", start));
  CHECK(limit.take("a", start) == 1s);
  CHECK_FALSE(limit.take("b", start));
  CHECK(limit.take("a", start + 400ms) == 1s);
  CHECK_FALSE(limit.take("a", start + 600ms));
  CHECK(limit.take("a", start + 700ms) == 1s);
  CHECK_FALSE(limit.take("a", start + 1h));
  CHECK_FALSE(limit.take("a", start + 1h));
  CHECK(limit.take("a", start + 1h) == 1s);  // not an hour's worth
  RateLimit none(0);
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(none.take("a", start));
}

TEST_CASE("too many requests of one token are answered 429, other tokens go on") {
  ApiOptions options;
  options.tokens = *parse_tokens(kFile, "tokens.toml");
  options.limits.requests_per_second = 1;
  TestServer server(options);
  fill(server);
  RawClient client(server.port());
  std::string const request =
      "GET /v1/status HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer reader\r\n\r\n";
  std::string many;
  for (int i = 0; i < 100; ++i) many += request;
  client.send(many);
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    auto const reply = client.reply();
    if (reply.status != 429) continue;
    ++refused;
    CHECK(reply.headers.at("retry-after") == "1");
    CHECK(contains(reply.body, "/docs/errors#too-many-requests"));
  }
  CHECK(refused > 0);
  CHECK(server.get("/v1/status", "Authorization: Bearer boss\r\n").status == 200);
  CHECK(server.get("/healthz").status == 200);
}
