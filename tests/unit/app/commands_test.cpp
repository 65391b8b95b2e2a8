#include <catch2/catch.hpp>

#include "explorer/app/client.hpp"
#include "explorer/app/commands/print.hpp"
#include "explorer/app/feed_log.hpp"

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

TEST_CASE("what becomes of a transaction, in plain words") {
  auto const event = [](std::string const& type, std::string const& more) {
    return R"({"seq":1,"at":"T","type":"transaction.)" + type +
           R"(","transaction":{"hash":"ab","outputs":[{"recipient":"dev1x","amount":1500000},)"
           R"({"recipient":null,"amount":null},{"recipient":"dev1y","amount":1},)"
           R"({"recipient":"dev1z","amount":1}])" +
           more + "}}";
  };
  std::string const what = "1.500000 STG to dev1x, 0.000001 STG to dev1y and 2 other outputs  [ab]";
  CHECK(words(event("accepted", "")) == "T  #1  transaction.accepted  taken by the node: " + what);
  CHECK(words(event("rejected", R"(,"error":"full")")) ==
        "T  #1  transaction.rejected  refused by the node (full): " + what);
  CHECK(words(event("prepared", R"(,"epoch":4,"offset":2)")) ==
        "T  #1  transaction.prepared  in block 4/2, not yet final: " + what);
  CHECK(words(event("committed", R"(,"epoch":4)")) ==
        "T  #1  transaction.committed  final in epoch 4: " + what);
}

TEST_CASE("the log names what an event is about") {
  CHECK(log_line(R"({"seq":3,"type":"deposit.committed","backfill":true,"deposit":{"id":"ab:7",)"
                 R"("amount":5,"reference":null,"state":"committed"}})") ==
        "deposit committed seq=3 id=ab:7 amount=5 state=committed backfill");
  CHECK(log_line(R"({"seq":4,"type":"transaction.rejected","transaction":{"hash":"cd",)"
                 R"("state":"rejected","error":"full","bundle":"ef"}})") ==
        "transaction rejected seq=4 hash=cd state=rejected bundle=ef error=full");
}

TEST_CASE("a client takes a configuration or an address, not both") {
  auto const opens = [](Access const& access) { return Client::open(access).has_value(); };
  CHECK(opens({.url = "http://127.0.0.1:8080/"}));
  CHECK(Client::open({.url = "http://[::1]:80"})->address() == "[::1]:80");
  CHECK(Client::open({.url = "https://127.0.0.1"})->address() == "127.0.0.1:443");
  CHECK_FALSE(opens({}));
  CHECK_FALSE(opens({.config = "a", .url = "http://127.0.0.1:8080"}));
  for (auto const* url :
       {"ftp://a:1", "https://", "http://a:0", "https://a:x", "http://a/b", "http://u@a", "a:1"})
    CHECK_FALSE(opens({.url = url}));
  CHECK(url_encode("a b/ü:1") == "a%20b%2F%C3%BC%3A1");
}
