#include "explorer/cold/select.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "tests/support/blocks.hpp"

using namespace hotside;
using namespace hotside::test;
using cold::Source;
using cold::Wish;
using model::BundleRequest;
using model::Payee;

namespace {

Source source(std::uint64_t number, std::vector<std::int64_t> amounts) {
  std::ranges::sort(amounts, std::ranges::greater());
  Source made{key_of(number), {}};
  for (std::size_t i = 0; i < amounts.size(); ++i)
    made.coins.push_back(
        {{bytes_of<Hash>(number, i), Epoch(1)}, key_of(number), 1, Amount(amounts[i])});
  return made;
}

Wish wish(std::vector<std::int64_t> const& amounts) {
  Wish made;
  for (std::size_t i = 0; i < amounts.size(); ++i)
    made.payouts.push_back({key_of(100 + i), Amount(amounts[i])});
  return made;
}

// What must be true of every selection, whatever was asked.
void check(Wish const& asked, std::vector<BundleRequest> const& requests) {
  std::set<Hash> spent;
  std::map<PublicKey, Sum> paid, wanted;
  for (auto const& payout : asked.payouts) wanted[payout.recipient] += payout.amount.value;
  for (auto const& request : requests) {
    Sum in = 0, out = 0;
    CHECK((!request.inputs.empty() && request.inputs.size() <= 100));
    CHECK((!request.outputs.empty() && request.outputs.size() <= 100));
    for (auto const& coin : request.inputs) {
      CHECK(coin.recipient == request.source);
      CHECK(spent.insert(coin.id.utxo).second);
      in += coin.amount.value;
    }
    for (std::size_t i = 0; i < request.outputs.size(); ++i) {
      auto const& output = request.outputs[i];
      CHECK(output.amount.value > 0);
      out += output.amount.value;
      bool const is_change = request.change && i + 1 == request.outputs.size();
      if (is_change)
        CHECK(output == *request.change);
      else
        paid[output.recipient] += output.amount.value;
    }
    CHECK(in == out + request.fee.value);
    if (asked.fee) CHECK(request.fee == *asked.fee);
    if (!asked.fee) {
      auto const least = cold::minimum_fee(request.outputs.size());
      CHECK((request.fee.value >= least && request.fee.value <= least + 1000));
    }
  }
  CHECK(paid == wanted);
}

}  // namespace

TEST_CASE("the largest coins are taken, and change goes back to their source") {
  auto const asked = wish({5'000'000});
  auto const made = cold::select(asked, {source(1, {1'000'000, 4'000'000, 3'000'000})});
  REQUIRE(made);
  check(asked, *made);
  REQUIRE(made->size() == 1);
  CHECK(made->front().inputs.size() == 2);
  CHECK(made->front().change == Payee{key_of(1), Amount(1'998'000)});
  CHECK(made->front().fee.value == 2000);
}

TEST_CASE("a set without change is preferred to the largest coins") {
  auto const asked = wish({600});
  auto const made = cold::select(asked, {source(1, {90'000, 1'000, 350, 250, 20})});
  REQUIRE(made);
  check(asked, *made);
  CHECK(made->front().inputs.size() >= 2);
  CHECK_FALSE(made->front().change);
  CHECK(made->front().outputs.size() == 1);
}

TEST_CASE("what change would cost goes to the fee instead") {
  auto const asked = wish({5'000});
  auto const made = cold::select(asked, {source(1, {6'900})});
  REQUIRE(made);
  check(asked, *made);
  CHECK(made->front().fee.value == 1'900);
  CHECK_FALSE(made->front().change);
}

TEST_CASE("a given fee is kept to the letter, and change goes where it was said") {
  auto asked = wish({5'000});
  asked.fee = Amount(7'000);
  asked.change = key_of(77);
  auto const made = cold::select(asked, {source(1, {12'500})});
  REQUIRE(made);
  check(asked, *made);
  CHECK(made->front().change == Payee{key_of(77), Amount(500)});
}

TEST_CASE("a payout is whole unless it may be split") {
  auto asked = wish({10'000});
  std::vector<Source> const sources{source(1, {7'000}), source(2, {8'000})};
  CHECK_FALSE(cold::select(asked, sources));
  asked.split = true;
  auto const made = cold::select(asked, sources);
  REQUIRE(made);
  check(asked, *made);
  CHECK(made->size() == 2);
  asked = wish({15'000});
  asked.split = true;
  CHECK_FALSE(cold::select(asked, sources));
}

TEST_CASE("payouts are dealt to the sources that can make them") {
  // Filling the largest source first would leave the last payout without one.
  auto const asked = wish({60'000, 50'000, 50'000});
  auto const made = cold::select(asked, {source(1, {102'000}), source(2, {61'000})});
  REQUIRE(made);
  check(asked, *made);
  CHECK(made->size() == 2);
}

TEST_CASE("more than a node takes in one transaction becomes several") {
  auto const outputs = wish(std::vector<std::int64_t>(250, 10));
  auto const made = cold::select(outputs, {source(1, std::vector<std::int64_t>(300, 100'000))});
  REQUIRE(made);
  check(outputs, *made);
  CHECK(made->size() == 3);
  // 101 coins of one key would be needed for one payout.
  auto asked = wish({1'000'001});
  auto const coins = source(1, std::vector<std::int64_t>(150, 10'010));
  CHECK_FALSE(cold::select(asked, {coins}));
  asked.split = true;
  auto const split = cold::select(asked, {coins});
  REQUIRE(split);
  check(asked, *split);
  CHECK(split->size() == 2);
}

TEST_CASE("whatever is asked of whatever there is, what comes out is balanced, or nothing does") {
  std::mt19937_64 dice(20260101);
  auto const up_to = [&](std::int64_t most) {
    return static_cast<std::int64_t>(dice() % static_cast<std::uint64_t>(most)) + 1;
  };
  int made_count = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Source> sources;
    Sum all = 0;
    for (std::int64_t i = up_to(6); i > 0; --i) {
      std::vector<std::int64_t> amounts;
      for (std::int64_t n = up_to(40); n > 0; --n) amounts.push_back(up_to(50'000));
      for (auto const amount : amounts) all += amount;
      sources.push_back(source(static_cast<std::uint64_t>(i), amounts));
    }
    std::vector<std::int64_t> payouts;
    for (std::int64_t n = up_to(12); n > 0; --n) payouts.push_back(up_to(60'000));
    auto asked = wish(payouts);
    asked.split = dice() % 2 == 0;
    if (dice() % 3 == 0) asked.fee = Amount(up_to(30'000));
    auto const made = cold::select(asked, sources);
    if (!made) continue;
    ++made_count;
    check(asked, *made);
  }
  CHECK(made_count > 150);
}

TEST_CASE("the search for an exact set ends") {
  // All even, an odd sum wanted: no set fits, and there are 2^200 of them.
  std::vector<std::int64_t> amounts;
  for (std::int64_t i = 0; i < 200; ++i) amounts.push_back(20'000 + 2 * i);
  auto asked = wish({1'000'001});
  asked.fee = Amount(2'000);
  auto const made = cold::select(asked, {source(1, amounts)});
  REQUIRE(made);
  check(asked, *made);
  CHECK(made->front().change);
}
