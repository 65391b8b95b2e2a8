#include <array>
#include <catch2/catch.hpp>
#include <set>

#include "explorer/cold/bundle_maker.hpp"
#include "explorer/cold/paper.hpp"
#include "explorer/cold/verify.hpp"
#include "proto/model/address.hpp"
#include "proto/wire/hash.hpp"
#include "store/database.hpp"
#include "tests/support/blocks.hpp"
#include "tests/support/must.hpp"
#include "tests/support/store_engine.hpp"
#include "tests/support/test_clock.hpp"

using namespace hotside;
using namespace hotside::test;
using model::BundleState;

namespace {

constexpr std::array kAddresses{"dev1fn7rjmgnltc7j237ntlawpghpvcq8azacf9lcsyv7n5t008w2v3smmf7t6",
                                "dev1vcg9hh88255z4ex7lcgegwjs3z8g03r5f52mxcpekzsqhpnc9sysxpslkm",
                                "dev1ncdynjg5xraugjnlqusxyyn6evplw5jg7t6wexeg3mztcc0rvv7szqpuu7"};
PublicKey address(std::size_t number) {
  return must(model::parse_address("dev", kAddresses[number]));
}

struct Stage {
  StoreEngine engine = GENERATE(from_range(store_engines()));
  TempDir dir;
  TestClock clock;
  model::Network network = *model::network_by_name("dev");
  cold::BundleMaker maker{network, 1'000'000};
  std::unique_ptr<store::Database> database =
      must(store::Database::open(engine.url(dir), store::Identity{"dev", *network.genesis}, clock));
  std::int64_t sernos = 0;

  Stage() {
    write([](store::WriteTxn& txn) {
      must(txn.add_addresses(
          std::vector<model::NewAddress>{{address(0), "user-a", {}}, {address(1), "user-b", {}}},
          from_unix_ms(7)));
    });
  }
  void write(std::function<void(store::WriteTxn&)> const& work) {
    auto txn = must(database->begin());
    work(*txn);
    must(txn->commit());
  }
  // Committed, unspent coins.
  std::vector<Hash> fund(std::size_t to, std::vector<std::int64_t> const& amounts) {
    std::vector<Hash> ids;
    std::vector<model::DepositChange> changes;
    for (auto const amount : amounts) {
      model::Deposit made;
      made.recipient = address(to);
      made.serno = ++sernos;
      made.amount = Amount(amount);
      made.id = {wire::output_id(wire::RawPublicOutput{made.recipient, made.serno, amount}),
                 Epoch(1)};
      made.state = model::DepositState::committed;
      made.committed_at = from_unix_ms(3);
      ids.push_back(made.id.utxo);
      changes.push_back({std::nullopt, made});
    }
    write([&](store::WriteTxn& txn) { must(txn.put_deposits(changes)); });
    return ids;
  }
  store::BundleOrder order(std::int64_t amount, std::string id = "a1") {
    store::BundleOrder made;
    made.id = std::move(id);
    made.outputs = {{address(2), Amount(amount)}};
    made.expires_in = std::chrono::seconds(60);
    return made;
  }
  Result<std::variant<store::BundleRow, store::Shortage>> make(store::BundleOrder const& wanted) {
    auto txn = must(database->begin());
    auto made = maker.make(*txn, wanted, clock.now());
    if (made) must(txn->commit());
    return made;
  }
  store::BundleRow made(store::BundleOrder const& wanted) {
    return std::get<store::BundleRow>(must(make(wanted)));
  }
  std::string text(store::BundleRow const& row) {
    return cold::render_answer(row.id, row.state, row.document);
  }
  std::size_t free_coins() {
    auto txn = must(database->begin());
    return must(txn->bundles().coins(std::nullopt, 1000, clock.now())).size();
  }
  BundleState state(std::string const& id) {
    auto txn = must(database->begin());
    return must(txn->bundles().bundle(id, clock.now()))->state;
  }
};

struct Shape {
  std::vector<Hash> inputs;
  std::vector<model::Payee> outputs;
};
Shape shape_of(Stage& stage, store::BundleRow const& row) {
  auto const request = cold::verify_bundle(stage.text(row)).document.requests.front();
  Shape shape;
  for (auto const& coin : request.inputs) shape.inputs.push_back(coin.id.utxo);
  shape.outputs = request.outputs;
  return shape;
}

}  // namespace

TEST_CASE("a bundle verifies, and one flipped bit anywhere is refused") {
  Stage stage;
  stage.fund(0, {5'000'000, 3'000'000});
  auto const text = stage.text(stage.made(stage.order(7'000'000)));
  auto const good = cold::verify_bundle(text);
  CHECK(good.problems == std::vector<std::string>{});
  CHECK(cold::verify_bundle(text + "\n").problems.empty());
  CHECK(text.find("\"manifest\":\"" + good.manifest.hex()) != std::string::npos);
  int accepted = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = text;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      if (cold::verify_bundle(flipped).problems.empty()) ++accepted;
    }
  }
  CHECK(accepted == 0);
  for (std::size_t length = 0; length < text.size(); length += 97)
    CHECK_FALSE(cold::verify_bundle(std::string_view(text).substr(0, length)).problems.empty());
}

TEST_CASE("a bundle that was made anew around one change says what is wrong") {
  Stage stage;
  stage.fund(0, {5'000'000, 3'000'000});
  auto const document =
      cold::verify_bundle(stage.text(stage.made(stage.order(7'000'000)))).document;
  auto const problems = [](cold::Document const& changed) {
    auto const members = must(cold::render_members(changed));
    std::string all;
    for (auto const& each :
         cold::verify_bundle(cold::render_answer(changed.id, BundleState::open, members)).problems)
      all += each + "; ";
    return all;
  };
  CHECK(problems(document).empty());
  auto other = document;
  other.requests[0].outputs[0].amount.value += 1;
  CHECK(problems(other).find("not balanced") != std::string::npos);
  other = document;
  other.requests[0].fee.value -= 1;
  CHECK(problems(other).find("below the minimum") != std::string::npos);
  other = document;
  other.requests[0].source = address(1);
  CHECK(problems(other).find("does not belong to the source") != std::string::npos);
  other = document;
  other.requests[0].inputs.push_back(other.requests[0].inputs[0]);
  CHECK(problems(other).find("spent twice") != std::string::npos);
  other = document;
  other.requests[0].change->amount.value -= 1;
  CHECK(problems(other).find("not the last of txouts") != std::string::npos);
  other = document;
  other.network.genesis = Hash{};
  CHECK(problems(other).find("genesis") != std::string::npos);
  other = document;
  other.requests.clear();
  CHECK(problems(other).find("requests") != std::string::npos);

  auto const text =
      cold::render_answer(document.id, BundleState::open, must(cold::render_members(document)));
  CHECK_FALSE(cold::verify_bundle(text, {"mainnet", {}}).problems.empty());
  CHECK_FALSE(cold::verify_bundle(text, {{}, Hash{}}).problems.empty());
  CHECK(cold::verify_bundle(text, {"dev", must(cold::manifest_of(document))}).problems.empty());
}

TEST_CASE("the page to print shows manifest and amounts") {
  Stage stage;
  stage.fund(0, {5'000'000});
  auto const document =
      cold::verify_bundle(stage.text(stage.made(stage.order(1'000'000)))).document;
  auto const page = must(cold::paper(document));
  CHECK(page.find(must(cold::manifest_of(document)).hex()) != std::string::npos);
  CHECK(page.find("<svg") != std::string::npos);
  CHECK(page.find("1.000000") != std::string::npos);
  CHECK(page.find(kAddresses[2]) != std::string::npos);
}

TEST_CASE("reserved inputs are nobody else's until the bundle expires or is released") {
  Stage stage;
  stage.fund(0, {5'000'000, 4'000'000});
  auto const first = stage.made(stage.order(4'500'000, "a1"));
  auto const second = stage.made(stage.order(3'500'000, "a2"));
  CHECK(stage.free_coins() == 0);
  auto const none = must(stage.make(stage.order(1'000, "a3")));
  CHECK(std::get<store::Shortage>(none).available.count == 0);

  stage.write([&](store::WriteTxn& txn) { must(txn.bundles().release("a2")); });
  CHECK(stage.state("a2") == BundleState::released);
  CHECK(stage.free_coins() == 1);

  // Not a millisecond longer than it was promised, and seen before anybody writes.
  stage.clock.advance(59'999);
  CHECK(stage.free_coins() == 1);
  stage.clock.advance(1);
  CHECK(stage.free_coins() == 2);
  CHECK(stage.state("a1") == BundleState::expired);
  CHECK(stage.made(stage.order(8'000'000, "a4")).state == BundleState::open);
}

TEST_CASE("what has expired stays expired when an input is spent, whoever looked in between") {
  Stage stage;
  auto const coins = stage.fund(0, {5'000'000});
  stage.made(stage.order(1'000'000));
  stage.clock.advance(60'000);
  bool const was_seen = GENERATE(false, true);
  if (was_seen) CHECK(stage.state("a1") == BundleState::expired);
  stage.write([&](store::WriteTxn& txn) { must(txn.bundles().settle(coins, stage.clock.now())); });
  CHECK(stage.state("a1") == BundleState::expired);
}

TEST_CASE("the constraint of the store holds where a maker would err") {
  Stage stage;
  stage.fund(0, {5'000'000});
  auto const row = stage.made(stage.order(1'000'000));
  store::NewBundle same;
  same.id = "b";
  same.created_at = stage.clock.now();
  same.expires_at = stage.clock.now() + std::chrono::hours(1);
  same.requests = cold::verify_bundle(stage.text(row)).document.requests;
  same.requests[0].inputs[0].id.epoch = Epoch(1);
  auto txn = must(stage.database->begin());
  auto const added = txn->bundles().add(same);
  REQUIRE_FALSE(added);
  CHECK(added.error().reason == "reserved");
}

TEST_CASE("a relayed bundle keeps its inputs beyond its time, until the final chain spends one") {
  Stage stage;
  stage.fund(0, {5'000'000, 4'000'000});
  auto const row = stage.made(stage.order(8'000'000));
  auto const shape = shape_of(stage, row);
  auto const tx = bytes_of<Hash>(1);
  stage.write([&](store::WriteTxn& txn) {
    auto const match =
        must(txn.bundles().match(shape.inputs, shape.outputs, false, stage.clock.now()));
    CHECK(match.own == model::RequestId{"a1", 0});
    CHECK(match.others.empty());
    must(txn.bundles().mark_relayed(match.own, tx, shape.inputs));
  });
  CHECK(stage.state("a1") == BundleState::relayed);
  stage.clock.advance(1'000'000);
  CHECK(stage.state("a1") == BundleState::relayed);
  CHECK(stage.free_coins() == 0);
  stage.write([&](store::WriteTxn& txn) {
    must(txn.bundles().settle(std::vector<Hash>{bytes_of<Hash>(9)}, stage.clock.now()));
  });
  CHECK(stage.free_coins() == 0);
  // Spent by itself or by something else: nothing of it can happen any more.
  stage.write([&](store::WriteTxn& txn) {
    must(txn.bundles().settle(std::vector<Hash>{shape.inputs[0]}, stage.clock.now()));
  });
  CHECK(stage.state("a1") == BundleState::spent);
  CHECK(stage.free_coins() == 2);  // no deposit was told to be spent in this test
  stage.write([&](store::WriteTxn& txn) {
    auto const late = txn.bundles().mark_relayed(model::RequestId{"a1", 0}, tx, shape.inputs);
    REQUIRE_FALSE(late);
    CHECK(late.error().reason == "spent");
  });
}

TEST_CASE("a transaction is told from what it is not") {
  Stage stage;
  stage.fund(0, {5'000'000, 4'000'000});
  auto const row = stage.made(stage.order(8'000'000));
  auto shape = shape_of(stage, row);
  stage.write([&](store::WriteTxn& txn) {
    auto& bundles = txn.bundles();
    auto const now = stage.clock.now();
    std::ranges::reverse(shape.inputs);
    CHECK(must(bundles.match(shape.inputs, shape.outputs, false, now)).own);
    auto const beside = must(bundles.match(shape.inputs, shape.outputs, true, now));
    CHECK_FALSE(beside.own);
    CHECK(beside.others.size() == 2);
    auto outputs = shape.outputs;
    outputs[0].amount.value += 1;
    CHECK_FALSE(must(bundles.match(shape.inputs, outputs, false, now)).own);
    auto const part =
        must(bundles.match(std::span(shape.inputs).first(1), shape.outputs, false, now));
    CHECK_FALSE(part.own);
    REQUIRE(part.others.size() == 1);
    CHECK(part.others[0].bundle == "a1");
    CHECK(must(bundles.match(std::vector<Hash>{bytes_of<Hash>(5)}, {}, false, now)).others.empty());
  });
  // Signed in time, brought back late: still its bundle's, as long as nobody else has the inputs.
  stage.clock.advance(60'000);
  stage.write([&](store::WriteTxn& txn) {
    auto const late =
        must(txn.bundles().match(shape.inputs, shape.outputs, false, stage.clock.now()));
    CHECK(late.own);
    CHECK(late.others.empty());
  });
  auto const next = stage.made(stage.order(8'000'001, "a2"));
  stage.write([&](store::WriteTxn& txn) {
    auto const lost =
        must(txn.bundles().match(shape.inputs, shape.outputs, false, stage.clock.now()));
    CHECK(lost.others.size() == 2);
  });
}

TEST_CASE("inputs of a transaction of no bundle are not chosen either") {
  Stage stage;
  auto const ids = stage.fund(0, {5'000'000, 4'000'000});
  stage.write([&](store::WriteTxn& txn) {
    must(txn.bundles().mark_relayed({}, bytes_of<Hash>(1), std::span(ids).first(1)));
  });
  CHECK(stage.free_coins() == 1);
  stage.write([&](store::WriteTxn& txn) {
    must(txn.bundles().settle(std::span(ids).first(1), stage.clock.now()));
  });
  CHECK(stage.free_coins() == 2);
}

TEST_CASE("fees, sources and sums are looked at before anything is reserved") {
  Stage stage;
  stage.fund(0, {5'000'000});
  stage.fund(1, {9'000'000});
  auto order = stage.order(1'000'000);
  auto const reason = [&] {
    auto const made = stage.make(order);
    REQUIRE_FALSE(made);
    return made.error().reason;
  };
  order.fee = Amount(999);
  CHECK(reason() == "fee_too_low");
  order.fee = Amount(1'000);  // but there is change
  CHECK(reason() == "fee_too_low");
  order.fee = Amount(1'000'001);
  CHECK(reason() == "fee_too_high");
  order.fee = std::nullopt;
  order.from = {{address(2), "x"}};
  CHECK(reason() == "unknown_source");
  order.from = {{std::nullopt, "nobody"}};
  CHECK(reason() == "unknown_source");
  order = stage.order(6'000'000);
  order.from = {{std::nullopt, "user-a"}};
  auto const short_of = std::get<store::Shortage>(must(stage.make(order)));
  CHECK(short_of.available.amount == 5'000'000);
  CHECK(short_of.wanted == 6'001'000);
  CHECK(stage.free_coins() == 2);
  order.from = {{std::nullopt, "user-b"}};
  auto const row = stage.made(order);
  CHECK(cold::verify_bundle(stage.text(row)).document.requests[0].source == address(1));
}

TEST_CASE("a coin of the very sum is found among very many") {
  Stage stage;
  std::vector<std::int64_t> amounts(3'000, 50'000);
  amounts.push_back(7'777 + 1'000);
  stage.fund(0, amounts);
  auto const row = stage.made(stage.order(7'777));
  auto const request = cold::verify_bundle(stage.text(row)).document.requests[0];
  CHECK(request.inputs.size() == 1);
  CHECK_FALSE(request.change);
}
