#include <catch2/catch.hpp>
#include <list>

#include "proto/wire/json_cursor.hpp"
#include "proto/wire/json_fields.hpp"

using namespace hotside;
using namespace hotside::wire;

namespace {

// Fields are views: the text lives on.
JsonFields fields_of(std::string text) {
  static std::list<std::string> texts;
  texts.push_back(std::move(text));
  INFO(texts.back());
  auto fields = JsonFields::read(texts.back());
  REQUIRE(fields);
  return *fields;
}

}  // namespace

TEST_CASE("an object's members, in any layout") {
  auto fields = fields_of(
      " { \"a\" : 1 ,\n\"b\":{\"c\":[1,{\"d\":\"}]\\\"{\"}]}, \"e\":[], \"f\":\"\\\\\" "
      ",\"g\":null} ");
  CHECK(fields.raw("a") == "1");
  CHECK(fields.raw("b") == "{\"c\":[1,{\"d\":\"}]\\\"{\"}]}");
  CHECK(fields.raw("e") == "[]");
  CHECK(fields.text("f") == "\\");
  CHECK(fields.has("a"));
  CHECK_FALSE(fields.has("g"));
  CHECK_FALSE(fields.has("z"));
  CHECK(fields.is_good());
  CHECK(fields_of("{}").is_good());
}

TEST_CASE("broken JSON is refused") {
  for (std::string const text : {"",
                                 "{",
                                 "}",
                                 "[]",
                                 "x",
                                 "{}x",
                                 "{}{}",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{\"a\":1",
                                 "{\"a\":1,}",
                                 "{,}",
                                 "{\"a\":1 2}",
                                 "{a:1}",
                                 "{\"a\":1,,\"b\":2}",
                                 "{\"a\":[1}",
                                 "{\"a\":{\"b\":1]}",
                                 "{\"a\":\"x}",
                                 "{\"a\":\"x\\\"}",
                                 "{\"a\" 1}",
                                 "{\"a\":1;\"b\":2}",
                                 "{\"a\"::1}",
                                 "{\"a\":1,\"a\":2}",
                                 "{1:2}",
                                 "{\"a\":]}"}) {
    INFO(text);
    auto const fields = JsonFields::read(text);
    REQUIRE_FALSE(fields);
    CHECK(fields.error().reason == "json");
  }
}

TEST_CASE("nesting and the number of keys are bounded") {
  auto const nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CHECK(JsonFields::read(nested(kJsonDepthMax)).has_value());
  CHECK_FALSE(JsonFields::read(nested(kJsonDepthMax + 1)));
  CHECK_FALSE(JsonFields::read(nested(1'000'000)));
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  many.back() = '}';
  CHECK_FALSE(JsonFields::read(many));
}

TEST_CASE("brackets inside an array must match") {
  JsonElements good("[1, \"a]\", [2,[3]] , {\"x\":[{}]} ]");
  std::vector<std::string> seen;
  while (good.next()) seen.emplace_back(good.value());
  CHECK_FALSE(good.is_broken());
  CHECK(seen == std::vector<std::string>{"1", "\"a]\"", "[2,[3]]", "{\"x\":[{}]}"});
  for (auto const* text : {"[1,2", "[1 2]", "[,]", "[1,]", "[[}]", "[{]]", "[1]]", "1"}) {
    JsonElements broken(text);
    while (broken.next()) {
    }
    INFO(text);
    CHECK(broken.is_broken());
  }
}

TEST_CASE("integers use all 64 bits and nothing else is one") {
  auto fields = fields_of(
      "{\"a\":-9223372036854775808,\"b\":9223372036854775807,\"c\":18446744073709551615,"
      "\"d\":4294967295}");
  CHECK(fields.i64("a") == INT64_MIN);
  CHECK(fields.i64("b") == INT64_MAX);
  CHECK(fields.u64("c") == UINT64_MAX);
  CHECK(fields.u32("d") == UINT32_MAX);
  CHECK(fields.is_good());
  for (std::string const number : {"1.0", "1e3", "\"1\"", "true", "null", "-", "+1", "1x", "0x1",
                                   "18446744073709551616", "[]", "{}"}) {
    INFO(number);
    auto one = fields_of("{\"a\":" + number + "}");
    one.u64("a");
    CHECK_FALSE(one.is_good());
    auto two = fields_of("{\"a\":" + number + "}");
    two.i64("a");
    CHECK_FALSE(two.is_good());
  }
  auto large = fields_of("{\"a\":4294967296,\"b\":9223372036854775808,\"c\":-1}");
  large.u32("a");
  CHECK_FALSE(large.is_good());
  large.forgive();
  large.i64("b");
  CHECK_FALSE(large.is_good());
  large.forgive();
  large.u64("c");
  CHECK_FALSE(large.is_good());
}

TEST_CASE("texts: escapes") {
  CHECK(unescape("a\\n\\t\\\"\\\\\\/\\b\\f\\r") == "a\n\t\"\\/\b\f\r");
  CHECK(unescape("\\u0041\\u00e9\\u20AC\\ud83d\\ude00") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(unescape("\\ud83d") == "\xef\xbf\xbd");
  CHECK(unescape("\\ude00x") == "\xef\xbf\xbdx");
  CHECK(unescape("\\ud83d\\u0041") ==
        "\xef\xbf\xbd"
        "A");
  for (auto const* text : {"\\", "\\x", "\\u12", "\\u12g4", "\\ud83d\\u12"})
    CHECK_FALSE(unescape(text));
}

TEST_CASE("timestamps with none to nine digits") {
  auto const time = [](std::string const& text) {
    auto fields = fields_of("{\"t\":\"" + text + "\"}");
    auto const value = fields.time("t");
    return fields.is_good() ? std::optional(value) : std::nullopt;
  };
  CHECK(time("2019-12-01T17:24:53.459Z")->ns == 1575221093459000000);
  CHECK(time("2019-12-01T17:24:53.459Z")->digits == 3);
  CHECK_FALSE(time("2019-12-01T17:24:53.459Z")->is_exact());
  CHECK(time("2019-12-01T17:24:53.459977497Z")->ns == 1575221093459977497);
  CHECK(time("2019-12-01T17:24:53.459977497Z")->is_exact());
  CHECK(time("2019-12-01T17:24:53Z")->ns == 1575221093000000000);
  CHECK(time("2020-02-29T00:00:00.5Z")->ns == 1582934400500000000);
  CHECK(time("1970-01-01T00:00:00.000Z")->ns == 0);
  for (auto const* text :
       {"", "2019-12-01", "2019-12-01T17:24:53", "2019-12-01T17:24:53.Z", "2019-13-01T00:00:00Z",
        "2019-02-29T00:00:00Z", "2019-12-01T24:00:00Z", "2019-12-01T00:60:00Z",
        "2019-12-01T00:00:60Z", "2019-12-01T00:00:00.1234567890Z", "2019-12-01T00:00:00+00:00",
        "2019-12-01 00:00:00Z", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z",
        "x019-12-01T00:00Z"}) {
    INFO(text);
    CHECK_FALSE(time(text));
  }
}

TEST_CASE("hex, reversed hex, bit maps and payloads") {
  std::string const hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
  auto fields = fields_of("{\"h\":\"" + hex + "\",\"m\":\"1101\",\"n\":[0, 7 ,255],\"e\":[]}");
  CHECK(fields.fixed<Hash>("h").hex() == hex);
  CHECK(fields.reversed<Hash>("h").hex() ==
        "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100");
  CHECK(fields.bits("m") == "1101");
  Bytes bytes;
  fields.byte_array("n", bytes);
  CHECK(bytes == Bytes{0, 7, 255});
  fields.byte_array("e", bytes);
  CHECK(bytes.empty());
  fields.byte_array("h", bytes);
  CHECK(bytes.size() == 32);
  CHECK(fields.is_good());
  for (std::string const list :
       {"[256]", "[-1]", "[1,]", "[,1]", "[1 2]", "[1.0]", "[\"1\"]", "[1111]", "[1,22,256,4,5]",
        "[1,22,1000,4,5]", "[1,22,3x,4,5]", "[1,22,,4,5,6,7]", "[1,22,3,4,5,]", "[1,22,-3,4,5,6]",
        "[[1]]", "7", "\"0\""}) {
    INFO(list);
    auto one = fields_of("{\"n\":" + list + "}");
    one.byte_array("n", bytes);
    CHECK_FALSE(one.is_good());
  }
}

TEST_CASE("payloads: every byte, written with and without space") {
  for (std::string const between : {",", " , ", ",  \n"}) {
    std::string list = "[";
    Bytes expected;
    for (int i = 0; i < 1024; ++i) {
      if (i != 0) list += between;
      list += std::to_string((i * 37) % 256);
      expected.push_back(static_cast<std::uint8_t>(i * 37));
    }
    auto fields = fields_of("{\"n\":" + list + "]}");
    Bytes bytes;
    fields.byte_array("n", bytes);
    CHECK(fields.is_good());
    CHECK(bytes == expected);
  }
}

TEST_CASE("marks are found at every distance, and not inside strings") {
  for (std::size_t before = 0; before < 40; ++before) {
    std::string const digits(before, '7');
    for (std::string const end : {"]", "[]]", "{}]", "\"]\"]", "\"\\\"]\"]", ",[[\"[\"]]]"}) {
      std::string const whole = "[[" + digits + end + ",8]";
      JsonElements list(whole);
      INFO(whole);
      REQUIRE(list.next());
      CHECK(list.value() == "[" + digits + end);
      REQUIRE(list.next());
      CHECK(list.value() == "8");
      CHECK_FALSE(list.next());
      CHECK_FALSE(list.is_broken());
    }
  }
}

TEST_CASE("the first problem is told, with the name of its field") {
  auto fields = fields_of("{\"a\":\"x\"}");
  fields.u64("a");
  fields.u64("b");
  auto const done = fields.done("thing");
  REQUIRE_FALSE(done);
  CHECK(done.error().what == "thing: field a is no unsigned 64-bit integer");
  CHECK(done.error().reason == "field");
}
