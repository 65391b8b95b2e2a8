// What becomes of a relayed transaction, one step after another.

#include "proto/model/relayed.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "proto/model/address.hpp"

using namespace hotside;
using model::EventType;
using model::RelayedState;

namespace {

Hash id(std::uint8_t n) {
  Hash hash;
  hash.bytes[0] = n;
  return hash;
}

model::RelayedTransaction transaction() {
  model::RelayedTransaction tx;
  tx.hash = id(1);
  tx.inputs = {id(2), id(3)};
  tx.outputs = {{id(4), {}, {}}, {id(5), {}, {}}};
  return tx;
}

std::string json(model::RelayedTransaction const& tx) {
  JsonWriter writer;
  model::write_transaction(writer, tx, "dev");
  return writer.take();
}

std::string hex(std::uint8_t n) { return id(n).hex(); }

}  // namespace

TEST_CASE("what a node says counts only until the chain has said more") {
  model::RelayedTransaction tx;
  using Outcome = model::SendOutcome;
  CHECK(model::answered(tx, Outcome::unanswered, "x") == EventType::transaction_unknown);
  CHECK_FALSE(model::answered(tx, Outcome::unanswered, "y"));
  CHECK(model::answered(tx, Outcome::rejected, "no") == EventType::transaction_rejected);
  CHECK_FALSE(model::answered(tx, Outcome::unanswered, "z"));
  CHECK(tx.error == "no");
  CHECK(model::answered(tx, Outcome::accepted, "") == EventType::transaction_accepted);
  CHECK_FALSE(tx.error);
  CHECK(model::included(tx, Epoch(1), Offset(2)) == EventType::transaction_prepared);
  CHECK_FALSE(model::answered(tx, Outcome::rejected, "missing input"));
  CHECK(tx.state == RelayedState::prepared);
  CHECK(model::taken_back(tx) == EventType::transaction_reverted);
  CHECK(tx.state == RelayedState::accepted);
}

TEST_CASE("a macro block settles what it spends or makes, and takes back what it lacks") {
  auto tx = transaction();
  REQUIRE(model::included(tx, Epoch(7), Offset(1)) == EventType::transaction_prepared);
  SECTION("all inputs spent, all outputs made") {
    tx.error = "no answer";
    CHECK(model::sealed(tx, Epoch(7), tx.inputs, {id(4), id(5), id(6)}) ==
          EventType::transaction_committed);
    CHECK(tx.state == RelayedState::committed);
    CHECK_FALSE(tx.error);
    CHECK(tx.epoch == Epoch(7));
  }
  SECTION("all inputs spent, another output made") {
    CHECK(model::sealed(tx, Epoch(7), tx.inputs, {id(4)}) == EventType::transaction_conflicted);
    CHECK(tx.error == "input " + hex(2) + " was spent by another transaction");
    CHECK_FALSE(tx.offset);
  }
  SECTION("one input spent") {
    CHECK(model::sealed(tx, Epoch(8), {id(3)}, {id(4), id(5)}) ==
          EventType::transaction_conflicted);
    CHECK(tx.error == "input " + hex(3) + " was spent by another transaction");
    CHECK(tx.epoch == Epoch(8));
  }
  SECTION("nothing of it") {
    CHECK(model::sealed(tx, Epoch(7), {id(9)}, {id(4), id(5)}) == EventType::transaction_reverted);
    CHECK(tx.state == RelayedState::created);
    CHECK_FALSE(tx.epoch);
    CHECK_FALSE(model::taken_back(tx));
    CHECK_FALSE(model::sealed(tx, Epoch(8), {}, {}));
    return;
  }
  CHECK(model::is_final(tx.state));
  CHECK_FALSE(tx.before);
  auto const was = tx;
  CHECK_FALSE(model::answered(tx, model::SendOutcome::accepted, ""));
  CHECK_FALSE(model::included(tx, Epoch(9), Offset(9)));
  CHECK_FALSE(model::taken_back(tx));
  CHECK_FALSE(model::sealed(tx, Epoch(9), {}, {}));
  CHECK(tx == was);
}

TEST_CASE("another micro block is another place, and no news") {
  auto tx = transaction();
  REQUIRE(model::included(tx, Epoch(7), Offset(1)));
  CHECK_FALSE(model::included(tx, Epoch(7), Offset(2)));
  CHECK(tx.offset == Offset(2));
  CHECK(model::taken_back(tx) == EventType::transaction_reverted);
  CHECK(tx.state == RelayedState::created);
}

TEST_CASE("the states of a relayed transaction have one name each") {
  for (std::size_t i = 0; i < model::kRelayedStates; ++i) {
    auto const state = static_cast<RelayedState>(i);
    CHECK(model::relayed_state(model::to_string(state)) == state);
  }
  CHECK(model::to_string(RelayedState::created) == "created");
  CHECK(model::to_string(RelayedState::conflicted) == "conflicted");
  CHECK_FALSE(model::relayed_state("sent"));
}

TEST_CASE("a relayed transaction as JSON: what is not known is left out, what is private is null") {
  auto tx = transaction();
  CHECK(json(tx) == R"({"hash":")" + hex(1) + R"(","state":"created","inputs":[")" + hex(2) +
                        R"(",")" + hex(3) + R"("],"outputs":[{"utxo":")" + hex(4) +
                        R"(","recipient":null,"amount":null},{"utxo":")" + hex(5) +
                        R"(","recipient":null,"amount":null}],"fee":0,"attempts":0})");
  tx.state = RelayedState::prepared;
  tx.error = "e";
  tx.warning = "w";
  tx.inputs.clear();
  tx.outputs = {{id(4), PublicKey{}, Amount(7)}};
  tx.fee = Amount(1000);
  tx.epoch = Epoch(8);
  tx.offset = Offset(9);
  tx.attempts = 2;
  tx.bundle = "b";
  CHECK(json(tx) ==
        R"({"hash":")" + hex(1) + R"(","state":"prepared","error":"e","warning":"w","inputs":[],)" +
            R"("outputs":[{"utxo":")" + hex(4) + R"(","recipient":")" +
            model::to_address("dev", PublicKey{}) +
            R"(","amount":7}],"fee":1000,"epoch":8,"offset":9,"attempts":2,)" + R"("bundle":"b"})");
}
