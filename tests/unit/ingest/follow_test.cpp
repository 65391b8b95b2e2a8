// Relayed transactions through what a chain can do to them, and what the feed says of it.

#include "proto/model/relayed.hpp"
#include "tests/support/ingest_rig.hpp"

using namespace hotside;
using namespace hotside::test;
using model::RelayedState;
using News = std::vector<std::string>;

namespace {

// Epoch 0 final; one transaction of ours is open, and accepted.
struct World {
  TestClock clock;
  Rig rig{clock};
  Hash final_hash = bytes_of<Hash>(1000);
  Epoch epoch{0};
  std::vector<model::MicroBlock> list;
  Hash input = bytes_of<Hash>(77);
  Tx ours{{input}, {payment(5, 1, 100)}};
  Hash hash;

  World() {
    rig.apply(model::Started{Epoch(0), final_hash});
    seal({});
    hash = *micro(epoch, 0, final_hash, {ours}).transactions.at(1).hash;
    model::RelayedTransaction tx;
    tx.hash = hash;
    tx.state = RelayedState::accepted;
    tx.inputs = ours.inputs;
    tx.outputs = {{ours.payments[0].id, ours.payments[0].recipient, ours.payments[0].amount}};
    tx.fee = Amount(1000);
    auto txn = must(rig.database().begin());
    must(txn->transactions().add(tx, Bytes{1, 2, 3}));
    must(txn->commit());
    rig.news();
  }
  void connect_at(std::uint32_t offset, std::vector<Tx> const& txs) {
    list.resize(offset);
    list.push_back(micro(epoch, offset, list.empty() ? final_hash : list.back().hash, txs));
    rig.apply(model::Connected{list.back()});
  }
  void seal(std::vector<Tx> const& txs) {
    auto const block = macro(epoch, final_hash, txs);
    rig.apply(model::Sealed{block});
    final_hash = block.hash;
    epoch = epoch.next();
    list.clear();
  }
  model::RelayedTransaction tx() {
    auto reader = must(store::open_reader(rig.url()));
    return must(must(reader->snapshot())->transactions().transaction(hash)).value();
  }
  std::size_t waiting() {
    auto reader = must(store::open_reader(rig.url()));
    return must(must(reader->snapshot())->transactions().waiting(0, 10)).size();
  }
};

}  // namespace

TEST_CASE("a relayed transaction is prepared by its block and committed by the macro block") {
  World world;
  CHECK(world.waiting() == 1);
  world.connect_at(0, {world.ours});
  CHECK(world.tx().state == RelayedState::prepared);
  CHECK(world.tx().offset == Offset(0));
  CHECK(world.waiting() == 0);
  world.seal({world.ours});
  CHECK(world.tx().state == RelayedState::committed);
  CHECK(world.tx().epoch == Epoch(1));
  CHECK(world.rig.news() == News{"transaction.prepared 100", "transaction.committed 100"});
  world.seal({});
  CHECK(world.rig.news().empty());
}

TEST_CASE("a block that goes gives the state before it back") {
  World world;
  world.connect_at(0, {});
  world.connect_at(1, {world.ours});
  world.connect_at(0, {});
  CHECK(world.tx().state == RelayedState::accepted);
  CHECK_FALSE(world.tx().epoch);
  CHECK(world.waiting() == 1);
  world.connect_at(1, {world.ours});
  world.rig.apply(model::Held{Offset(1)});
  CHECK(world.tx().state == RelayedState::prepared);
  world.rig.apply(model::Undone{Offset(1)});
  CHECK(world.rig.news() == News{"transaction.prepared 100", "transaction.reverted 100",
                                 "transaction.prepared 100", "transaction.reverted 100"});
}

TEST_CASE("a transaction that its replacement contains again only moves") {
  World world;
  world.connect_at(0, {});
  world.connect_at(1, {world.ours});
  world.connect_at(0, {world.ours});
  CHECK(world.tx().state == RelayedState::prepared);
  CHECK(world.tx().offset == Offset(0));
  CHECK(world.rig.news() == News{"transaction.prepared 100"});
}

TEST_CASE("what the macro block says holds, whatever the micro blocks said") {
  World world;
  SECTION("it never was in a micro block that we saw") {
    world.seal({world.ours});
    CHECK(world.tx().state == RelayedState::committed);
    CHECK(world.rig.news() == News{"transaction.committed 100"});
  }
  SECTION("its input went into something else") {
    world.connect_at(0, {world.ours});
    world.seal({{{world.input}, {payment(6, 2, 50)}}});
    CHECK(world.tx().state == RelayedState::conflicted);
    CHECK(world.tx().error->find(world.input.hex()) != std::string::npos);
    CHECK(world.rig.news() == News{"transaction.prepared 100", "transaction.conflicted 100"});
    CHECK(world.waiting() == 0);
  }
  SECTION("it was in a micro block, and is not in the macro block") {
    world.connect_at(0, {world.ours});
    world.seal({});
    CHECK(world.tx().state == RelayedState::accepted);
    CHECK(world.waiting() == 1);
    world.seal({world.ours});
    CHECK(world.rig.news() == News{"transaction.prepared 100", "transaction.reverted 100",
                                   "transaction.committed 100"});
  }
}
