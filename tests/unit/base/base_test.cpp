#include <catch2/catch.hpp>

#include "proto/base/bytes.hpp"
#include "proto/base/json_writer.hpp"
#include "proto/base/metrics.hpp"
#include "proto/base/units.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/network.hpp"

using namespace hotside;

TEST_CASE("amounts print exactly, at any size") {
  CHECK(to_stg(0) == "0.000000");
  CHECK(to_stg(1) == "0.000001");
  CHECK(to_stg(-1'500'000) == "-1.500000");
  CHECK(to_stg(Sum{INT64_MAX} * 1000) == "9223372036854775.807000");
  CHECK(to_decimal(Sum{INT64_MAX} * 10) == "92233720368547758070");
  CHECK(to_decimal(Sum{INT64_MIN}) == "-9223372036854775808");
  CHECK(to_stg(Sum{INT64_MIN}) == "-9223372036854.775808");
}

TEST_CASE("times print as RFC 3339 with milliseconds") {
  CHECK(to_rfc3339(from_unix_ms(1575221093459)) == "2019-12-01T17:24:53.459Z");
  CHECK(to_rfc3339(from_unix_ms(0)) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("hex refuses odd lengths and foreign letters") {
  CHECK(to_hex(*from_hex("00ffAB")) == "00ffab");
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
  CHECK_FALSE(Hash::from_hex("00"));
}

TEST_CASE("JSON text is escaped and well-formed") {
  JsonWriter w;
  w.begin_object()
      .key("a")
      .string("x\"\\\n\x01\xff\xc3\xa9")
      .key("b")
      .begin_array()
      .integer(-1)
      .unsigned_integer(UINT64_MAX)
      .end_array()
      .key("c")
      .null()
      .key("d")
      .begin_object()
      .end_object()
      .end_object();
  CHECK(w.text() ==
        "{\"a\":\"x\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\",\"b\":[-1,18446744073709551615],"
        "\"c\":null,\"d\":{}}");
}

TEST_CASE("a deposit id has one spelling") {
  std::string const hex(64, 'a');
  CHECK(model::DepositId::parse(hex + ":12")->text() == hex + ":12");
  CHECK_FALSE(model::DepositId::parse(hex + ":012"));
  CHECK_FALSE(model::DepositId::parse(hex + ":"));
  CHECK_FALSE(model::DepositId::parse(hex + ":-1"));
  CHECK_FALSE(model::DepositId::parse(std::string(64, 'A') + ":1"));
}

TEST_CASE("networks are known by name and by prefix") {
  CHECK(model::network_by_name("testnet")->hrp == "stt");
  CHECK(model::network_by_hrp("stg")->name == "mainnet");
  CHECK_FALSE(model::network_by_name("devnet")->genesis);
  CHECK_FALSE(model::network_by_name("stt"));
}

TEST_CASE("the metrics of the contract exist before anything happens") {
  Metrics metrics("0.1.0");
  auto const text = metrics.text();
  CHECK(text.find("hotside_build_info{version=\"0.1.0\"} 1") != std::string::npos);
  CHECK(text.find("hotside_chain_lag_seconds") != std::string::npos);
}
