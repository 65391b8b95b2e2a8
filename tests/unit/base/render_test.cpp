// The JSON that the feed and the API share, to the byte: an exchange may have stored it.

#include "proto/model/render.hpp"

#include <catch2/catch.hpp>

#include "proto/model/address.hpp"

using namespace hotside;

namespace {
Hash id(std::uint8_t n) {
  Hash hash;
  hash.bytes[0] = n;
  return hash;
}
}  // namespace

TEST_CASE("a deposit as JSON: every member is there, what is not known is null") {
  model::Deposit deposit;
  deposit.id = {id(1), Epoch(7)};
  deposit.amount = Amount(1'500'000);
  deposit.block_hash = id(2);
  deposit.block_time = from_unix_ms(1'575'221'093'459);
  deposit.first_seen = from_unix_ms(0);
  auto const json = [&](std::optional<std::string> const& reference) {
    JsonWriter writer;
    model::write_deposit(writer, deposit, reference, "dev");
    return writer.take();
  };
  auto const head = R"({"id":")" + id(1).hex() + R"(:7","utxo":")" + id(1).hex() +
                    R"(","address":")" + model::to_address("dev", PublicKey{}) + "\"";
  CHECK(json({}) ==
        head + R"(,"reference":null,"amount":1500000,"amount_stg":"1.500000","state":"prepared",)" +
            R"("spend":"unspent","epoch":7,"offset":null,"block_hash":")" + id(2).hex() +
            R"(","tx_hash":null,"block_time":"2019-12-01T17:24:53.459Z",)" +
            R"("first_seen":"1970-01-01T00:00:00.000Z","committed_at":null,"retired":false})");
  deposit.state = model::DepositState::committed;
  deposit.spend = model::SpendState::spent;
  deposit.offset = Offset(3);
  deposit.tx_hash = id(4);
  deposit.committed_at = from_unix_ms(1'000);
  deposit.retired = true;
  CHECK(
      json("user \"7\"") ==
      head + R"(,"reference":"user \"7\"","amount":1500000,"amount_stg":"1.500000",)" +
          R"("state":"committed","spend":"spent","epoch":7,"offset":3,"block_hash":")" +
          id(2).hex() + R"(","tx_hash":")" + id(4).hex() +
          R"(","block_time":"2019-12-01T17:24:53.459Z","first_seen":"1970-01-01T00:00:00.000Z",)" +
          R"("committed_at":"1970-01-01T00:00:01.000Z","retired":true})");
}

TEST_CASE("a violation and the head of an event as JSON") {
  JsonWriter violation;
  model::write_violation(violation, 5, from_unix_ms(1'000),
                         {model::ViolationKind::genesis, Epoch(0), id(1), id(2), "node-b"});
  CHECK(violation.text() == R"({"id":5,"at":"1970-01-01T00:00:01.000Z","kind":"genesis",)"
                            R"("epoch":0,"stored":")" +
                                id(1).hex() + R"(","shown":")" + id(2).hex() +
                                R"(","node":"node-b"})");
  JsonWriter event;
  model::begin_event(event, EventSeq(9), "f1", model::EventType::node_up, from_unix_ms(0), true);
  event.key("node").string("a").end_object();
  CHECK(event.text() == R"({"seq":9,"feed":"f1","type":"node.up",)"
                        R"("at":"1970-01-01T00:00:00.000Z","backfill":true,"node":"a"})");
}
