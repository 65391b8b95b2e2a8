// What is sent again, and in which order, whatever the node says.

#include "explorer/relay/transactions.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <set>

#include "proto/wire/protobuf.hpp"
#include "store/store.hpp"
#include "tests/support/blocks.hpp"
#include "tests/support/make_block.hpp"
#include "tests/support/must.hpp"
#include "tests/support/store_engine.hpp"
#include "tests/support/test_clock.hpp"

using namespace hotside;
using namespace hotside::test;

namespace {

constexpr std::size_t kTransactions = 7, kRound = 3;

struct NoOutputs final : model::OutputSource {
  Result<Bytes> blob(model::PublicPayment const&) const override {
    return fail(Fault::rejected, "none here");
  }
  void fetch(std::vector<Hash>, std::function<void(Result<model::Fetched>)> done) override {
    done(fail(Fault::transient, "none here"));
  }
};

// Open transactions in a store, and a node that answers at once.
struct World final : store::WriteDesk {
  TestClock clock;
  TempDir dir;
  std::string url = store_engines().front().url(dir);
  std::unique_ptr<store::Database> database =
      must(store::Database::open(url, {"dev", Hash{}}, clock));
  boost::asio::io_context net;
  store::ReaderPool readers{[this] { return store::open_reader(url); }, 16, 1};
  NoOutputs outputs;
  std::function<Result<wire::NodeMessage>()> answer;
  std::size_t asked = 0;
  relay::Transactions transactions{net,
                                   options(),
                                   {readers, *this, outputs,
                                    [this](auto&&, auto, auto done) {
                                      ++asked;
                                      done(answer());
                                    },
                                    clock}};

  static relay::TransactionOptions options() {
    relay::TransactionOptions options;
    options.hrp = "dev";
    options.resend_max = kRound;
    return options;
  }
  World() {
    fixtures::BlockMaker maker(1);
    auto txn = must(database->begin());
    for (std::size_t i = 0; i < kTransactions; ++i) {
      model::RelayedTransaction tx;
      tx.hash = bytes_of<Hash>(i);
      must(txn->transactions().add(tx, wire::encode_transaction(maker.transaction())));
    }
    must(txn->commit());
  }
  ~World() override { readers.stop(); }

  void write(std::function<Result<void>(store::WriteTxn&)> work,
             std::function<void(Result<void>)> done) override {
    auto txn = must(database->begin());
    must(work(*txn));
    must(txn->commit());
    done({});
  }
  std::set<std::uint64_t> attempts() {
    auto reader = must(store::open_reader(url));
    std::set<std::uint64_t> counts;
    for (auto const& row :
         must(must(reader->snapshot())->transactions().transactions({}, {}, kTransactions)))
      counts.insert(row.tx.attempts);
    return counts;
  }
  // One round: from the wish to the last answer.
  void round(std::size_t questions) {
    auto const before = asked;
    transactions.wake();
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (asked < before + questions && std::chrono::steady_clock::now() < end)
      net.run_one_for(std::chrono::milliseconds(20));
    net.poll();
    REQUIRE(asked == before + questions);
  }
};

wire::NodeMessage refusal() { return {1, wire::ErrorReply{"no room in the mempool", false}}; }

}  // namespace

TEST_CASE("transactions that no node takes do not keep younger ones from being sent") {
  World world;
  world.answer = [] { return refusal(); };
  world.round(3);
  CHECK(world.attempts() == std::set<std::uint64_t>{0, 1});
  world.round(3);
  world.round(1);
  CHECK(world.attempts() == std::set<std::uint64_t>{1});
  world.round(3);  // and from the beginning
  CHECK(world.attempts() == std::set<std::uint64_t>{1, 2});
}

TEST_CASE("a round that finds no node is the next one, too") {
  World world;
  world.answer = [] { return refusal(); };
  world.round(3);
  world.answer = [] { return fail(Fault::transient, "no node is connected", "no_node"); };
  world.round(3);
  CHECK(world.attempts() == std::set<std::uint64_t>{0, 1});
  world.answer = [] { return refusal(); };
  world.round(3);
  world.round(1);
  CHECK(world.attempts() == std::set<std::uint64_t>{1});
}
