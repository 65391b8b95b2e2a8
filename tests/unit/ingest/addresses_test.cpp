// What is kept of addresses and checkpoints, in the cases that a random history does not reach.

#include <limits>

#include "tests/support/ingest_rig.hpp"

using namespace hotside;
using namespace hotside::test;

namespace {

struct Chain {
  TestClock clock;
  Rig rig{clock};
  Hash last = bytes_of<Hash>(1);
  std::uint64_t epoch = 0;

  Chain() { rig.apply(model::Started{Epoch(0), last}); }
  void seal(std::vector<model::PublicPayment> paid, std::vector<Hash> spent = {}) {
    auto const block = macro(Epoch(epoch++), last, {{std::move(spent), std::move(paid)}});
    last = block.hash;
    rig.apply(model::Sealed{block});
  }
  template <class Read>
  auto read(Read&& read) {
    auto reader = must(store::open_reader(rig.url()));
    auto snapshot = must(reader->snapshot());
    return must(read(*snapshot));
  }
  std::optional<store::Totals> totals(std::string const& reference) {
    return read([&](auto& snapshot) { return snapshot.books().totals_of(reference); });
  }
  store::Checkpoint checkpoint(std::uint64_t seq) {
    return read([&](auto& snapshot) { return snapshot.books().checkpoint(EventSeq(seq)); });
  }
  std::optional<store::AddressRow> change(std::uint64_t key, store::AddressChange const& change) {
    auto txn = must(rig.database().begin());
    auto row = must(txn->addresses().change(key_of(key), change));
    must(txn->commit());
    return row;
  }
};

using Text = std::optional<std::string>;

}  // namespace

TEST_CASE("sums of a reference and of a checkpoint go beyond 64 bits") {
  Chain chain;
  auto const most = std::numeric_limits<std::int64_t>::max();
  chain.rig.add({{key_of(1), "user", std::nullopt}, {key_of(2), "user", std::nullopt}});
  chain.seal({payment(1, 1, most), payment(1, 2, most), payment(2, 1, most), payment(3, 1, most)});
  chain.seal({}, {payment(1, 2, most).id});
  auto const totals = *chain.totals("user");
  CHECK(totals.committed.count == 3);
  CHECK(to_decimal(totals.committed.amount) == "27670116110564327421");
  CHECK(totals.unspent.count == 2);
  CHECK(to_decimal(totals.unspent.amount) == "18446744073709551614");
  CHECK(totals.prepared == store::Total{});
  CHECK_FALSE(chain.totals("nobody"));
  auto const last = chain.checkpoint(3);
  CHECK(last.count == 3);
  CHECK(to_decimal(last.amount) == "27670116110564327421");
  // Events that commit nothing leave it as it is, and before the first there is nothing.
  CHECK(chain.checkpoint(4) == last);
  CHECK(chain.checkpoint(0) == store::Checkpoint{});
}

TEST_CASE("negative amounts are summed exactly, too") {
  Chain chain;
  chain.rig.add({{key_of(1), "user", std::nullopt}});
  chain.seal({payment(1, 1, -1), payment(1, 2, std::numeric_limits<std::int64_t>::min())});
  CHECK(to_decimal(chain.totals("user")->committed.amount) == "-9223372036854775809");
  CHECK(to_decimal(chain.checkpoint(2).amount) == "-9223372036854775809");
}

TEST_CASE("a change touches what it names; deposits move to the new reference with their address") {
  Chain chain;
  chain.rig.add({{key_of(1), "old", "first"}});
  chain.seal({payment(1, 1, 5)});
  auto row = chain.change(1, {Text("new"), std::nullopt});
  REQUIRE(row);
  CHECK(row->address.reference == "new");
  CHECK(row->address.label == "first");
  CHECK(row->totals.committed.amount == 5);
  CHECK_FALSE(chain.totals("old"));
  CHECK(chain.totals("new")->committed.count == 1);
  store::DepositFilter filter;
  filter.reference = "new";
  CHECK(chain.read([&](auto& s) { return s.deposits(filter, std::nullopt, 10); }).size() == 1);
  row = chain.change(1, {Text(std::nullopt), Text(std::nullopt)});
  CHECK_FALSE(row->address.reference);
  CHECK_FALSE(row->address.label);
  CHECK_FALSE(chain.totals("new"));
  CHECK_FALSE(chain.change(2, {Text("x"), std::nullopt}));
}

TEST_CASE("a page of a reference is the newest of all its addresses, wherever they are") {
  Chain chain;
  std::vector<model::NewAddress> addresses;
  for (std::uint64_t key = 0; key < 6; ++key)
    addresses.push_back({key_of(key), key % 2 == 0 ? Text("even") : Text("odd"), std::nullopt});
  chain.rig.add(addresses);
  for (std::int64_t i = 0; i < 12; ++i) {
    std::vector<model::PublicPayment> paid;
    for (std::uint64_t key = 0; key < 6; ++key)
      if ((static_cast<std::uint64_t>(i) * 7 + key) % 3 != 0) paid.push_back(payment(key, i, i));
    chain.seal(paid);
  }
  store::DepositFilter filter;
  auto const listed = [&](std::size_t page) {
    std::vector<model::DepositId> found;
    std::optional<store::DepositKey> after;
    while (true) {
      auto const rows = chain.read([&](auto& s) { return s.deposits(filter, after, page); });
      for (auto const& row : rows) found.push_back(row.deposit.id);
      if (rows.size() < page) return found;
      auto const& last = rows.back().deposit;
      after = store::DepositKey{last.id.epoch, last.offset, last.id.utxo};
    }
  };
  std::vector<model::DepositId> expected;
  for (auto const& deposit : chain.rig.deposits())
    for (std::uint64_t key = 0; key < 6; key += 2)
      if (deposit.recipient == key_of(key)) expected.push_back(deposit.id);
  filter.reference = "even";
  REQUIRE(expected.size() > 20);
  for (std::size_t const page : {1UL, 3UL, 7UL, 100UL}) CHECK(listed(page) == expected);
}
