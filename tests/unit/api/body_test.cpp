#include "explorer/api/body.hpp"

#include <catch2/catch.hpp>

#include "explorer/api/parameters.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;

TEST_CASE("bodies are read strictly") {
  auto const* const bad = GENERATE(
      "", "[]", "null", "{", "{}", "{\"addresses\":{}}", "{\"addresses\":[],\"addresses\":[]}",
      "{\"addresses\":[],\"x\":1}", "{\"addresses\":[]} {}", "{\"addresses\":[]}x",
      "{\"addresses\":[1]}", "{\"addresses\":[{\"address\":1}]}",
      "{\"addresses\":[{\"address\":\"a\",\"address\":\"a\"}]}",
      "{\"addresses\":[{\"address\":\"a\",\"note\":\"a\"}]}",
      "{\"addresses\":[{\"address\":\"a\",\"label\":5}]}", "{\"addresses\":[{\"address\":null}]}",
      "{\"addresses\":[{\"address\":\"a\",}]}", "{\"addresses\":[{\"address\":\"\xff\"}]}",
      "{\"addresses\":[{\"address\":\"a\"}", "{addresses:[]}", "{\"addresses\":[,]}",
      "{\"addresses\":[{\"label\":nul}]}");
  INFO(bad);
  CHECK_FALSE(read_addresses(bad, "stt").has_value());
}

TEST_CASE("escaped keys are the keys they name") {
  auto const twice = read_addresses("{\"addresses\":[],\"\\u0061ddresses\":[]}", "stt");
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().what == "addresses: given twice");
}

TEST_CASE("errors are of the item, with its index") {
  auto const items = read_addresses(R"({"addresses":[{"address":")" + test_address(1) +
                                        R"(","reference":"a\u0007"},{"address":")" +
                                        model::to_address("stg", test_key(1)) +
                                        R"("},{"address":")" + test_address(2) + R"("}]})",
                                    "stt");
  REQUIRE(items.has_value());
  REQUIRE(items->addresses.size() == 1);
  CHECK(items->addresses[0].key == test_key(2));
  REQUIRE(items->errors.size() == 2);
  CHECK(items->errors[0].error == "reference: no control characters");
  CHECK(items->errors[1].index == 1);
  CHECK(contains(items->errors[1].error, "mainnet"));
}

TEST_CASE("texts are measured in characters") {
  std::string umlauts;
  for (int i = 0; i < 255; ++i) umlauts += "ü";
  CHECK(check_text("label", umlauts).has_value());
  CHECK_FALSE(check_text("label", umlauts + "x").has_value());
  CHECK_FALSE(check_text("label", "").has_value());
  CHECK_FALSE(check_text("label", "a\nb").has_value());
  CHECK_FALSE(check_text("label", "\xc2\x85").has_value());      // a C1 control
  CHECK_FALSE(check_text("label", "\xc0\xaf").has_value());      // overlong
  CHECK_FALSE(check_text("label", "\xed\xa0\x80").has_value());  // surrogate
  CHECK(check_text("label", "\xf0\x9f\x94\xa5").has_value());
}

TEST_CASE("cursors come back as they went, and belong to one list") {
  store::DepositKey const key{Epoch(UINT64_MAX), Offset(59), hash_of(0xfe)};
  auto const back = deposit_cursor(cursor_of(key));
  REQUIRE(back);
  CHECK(back->epoch == key.epoch);
  CHECK(back->offset == key.offset);
  CHECK(back->utxo == key.utxo);
  auto const macro = deposit_cursor(cursor_of(store::DepositKey{Epoch(0), {}, hash_of(0)}));
  REQUIRE(macro);
  CHECK_FALSE(macro->offset);
  CHECK(address_cursor(cursor_of(test_key(1))) == test_key(1));
  CHECK_FALSE(address_cursor(cursor_of(key)));
  CHECK_FALSE(deposit_cursor(cursor_of(test_key(1))));
  CHECK_FALSE(deposit_cursor(cursor_of(key) + "A"));
  CHECK_FALSE(deposit_cursor(""));
}
