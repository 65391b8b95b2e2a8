#include <catch2/catch.hpp>

#include "explorer/app/client.hpp"
#include "explorer/app/commands/print.hpp"

using namespace hotside;
using namespace hotside::app;

namespace {

std::string words(std::string const& json) {
  simdjson::dom::parser parser;
  return in_words(parser.parse(json).value());
}

}  // namespace

TEST_CASE("events in plain words") {
  auto const deposit =
      R"("deposit":{"id":"ab:7","amount_stg":"4.000000","address":"dev1x","reference":"u","epoch":7,"offset":3}})";
  CHECK(words(R"({"seq":5,"at":"T","type":"deposit.committed",)" + std::string(deposit)) ==
        "T  #5  deposit.committed  final, credit now: 4.000000 STG to dev1x (u)  [ab:7]");
  CHECK(words(R"({"seq":4,"at":"T","type":"deposit.prepared",)" + std::string(deposit)) ==
        "T  #4  deposit.prepared   seen, not yet final: 4.000000 STG to dev1x (u), block 7/3  "
        "[ab:7]");
  CHECK(
      words(R"({"seq":1,"at":"T","type":"node.down","node":{"name":"a","state":"connecting"}})") ==
      "T  #1  node.down          node a is connecting");
}

TEST_CASE("a client takes a configuration or an address, not both") {
  auto const opens = [](Access const& access) { return Client::open(access).has_value(); };
  CHECK(opens({.url = "http://127.0.0.1:8080/"}));
  CHECK(Client::open({.url = "http://[::1]:80"})->address() == "[::1]:80");
  CHECK_FALSE(opens({}));
  CHECK_FALSE(opens({.config = "a", .url = "http://127.0.0.1:8080"}));
  for (auto const* url :
       {"https://a:1", "http://", "http://a:0", "http://a:x", "http://a/b", "a:1"})
    CHECK_FALSE(opens({.url = url}));
  CHECK(url_encode("a b/ü:1") == "a%20b%2F%C3%BC%3A1");
}
