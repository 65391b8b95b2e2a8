#include "tests/support/ingest_rig.hpp"

using namespace hotside;
using namespace hotside::test;
using model::DepositState;
using model::SpendState;
using News = std::vector<std::string>;

namespace {

// Epoch 0 final, address 1 registered.
struct Chain {
  TestClock clock;
  Rig rig{clock};
  Hash final_hash = bytes_of<Hash>(1000);
  Epoch epoch{0};
  std::vector<model::MicroBlock> list;

  Chain() {
    rig.add({1});
    rig.apply(model::Started{Epoch(0), final_hash});
    seal({});
  }
  model::MicroBlock connect(std::vector<Tx> const& txs) {
    return connect_at(static_cast<std::uint32_t>(list.size()), txs);
  }
  model::MicroBlock connect_at(std::uint32_t offset, std::vector<Tx> const& txs) {
    list.resize(offset);
    auto const block = micro(epoch, offset, list.empty() ? final_hash : list.back().hash, txs);
    list.push_back(block);
    clock.advance(1);
    rig.apply(model::Connected{block});
    return block;
  }
  model::MacroBlock seal(std::vector<Tx> const& txs) {
    auto const block = macro(epoch, final_hash, txs);
    clock.advance(1);
    rig.apply(model::Sealed{block});
    final_hash = block.hash;
    epoch = epoch.next();
    list.clear();
    return block;
  }
};

}  // namespace

TEST_CASE("a payment is prepared by its micro block and committed by the macro block") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  auto const block = chain.connect({{{}, {pay, payment(2, 1, 5)}}});
  CHECK(chain.rig.news() == News{"deposit.prepared 400"});
  auto const prepared = *chain.rig.deposit(pay.id, Epoch(1));
  CHECK(prepared.state == DepositState::prepared);
  CHECK(prepared.offset == Offset(0));
  CHECK(prepared.block_hash == block.hash);
  CHECK(prepared.tx_hash == block.transactions[1].hash);
  CHECK(prepared.block_time == block.time);
  CHECK_FALSE(prepared.committed_at);

  auto const sealed = chain.seal({{{}, {pay, payment(2, 1, 5)}}});
  CHECK(chain.rig.news() == News{"deposit.committed 400"});
  auto const committed = *chain.rig.deposit(pay.id, Epoch(1));
  CHECK(committed.state == DepositState::committed);
  CHECK(committed.offset == Offset(0));
  CHECK(committed.tx_hash == block.transactions[1].hash);
  CHECK(committed.block_hash == sealed.hash);
  CHECK(committed.block_time == block.time);
  CHECK(committed.first_seen == prepared.first_seen);
  CHECK(committed.committed_at == chain.clock.now());
  CHECK(chain.rig.counts().public_outputs == 2);
}

TEST_CASE("an output known only from a macro block has no place in it") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  auto const sealed = chain.seal({{{}, {pay}}});
  auto const deposit = *chain.rig.deposit(pay.id, Epoch(1));
  CHECK_FALSE(deposit.offset);
  CHECK_FALSE(deposit.tx_hash);
  CHECK(deposit.block_time == sealed.time);
  CHECK(chain.rig.news() == News{"deposit.committed 400"});
}

TEST_CASE("taking back and closing an epoch tells committed and nothing else") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  auto const first = chain.connect({{{}, {pay}}});
  chain.connect({});
  chain.rig.news();
  chain.rig.apply(model::Held{Offset(1)});
  CHECK(chain.rig.position()->block_hash == first.hash);
  chain.rig.apply(model::Held{Offset(0)});
  auto const position = *chain.rig.position();
  CHECK_FALSE(position.offset);
  CHECK(position.block_hash == chain.final_hash);
  CHECK(chain.rig.deposit(pay.id, Epoch(1))->state == DepositState::prepared);
  chain.seal({{{}, {pay}}});
  CHECK(chain.rig.news() == News{"deposit.committed 400"});
  CHECK(chain.rig.deposit(pay.id, Epoch(1))->offset == Offset(0));
}

TEST_CASE("held blocks that come back move the position alone") {
  Chain chain;
  chain.connect({{{}, {payment(1, 1, 400)}}});
  auto const second = chain.connect({});
  chain.rig.news();
  chain.rig.apply(model::Held{Offset(0)});
  chain.rig.apply(model::Returned{Offset(1)});
  CHECK(chain.rig.position()->offset == Offset(0));
  chain.rig.apply(model::Returned{Offset(2)});
  CHECK(chain.rig.position()->block_hash == second.hash);
  CHECK(chain.rig.news().empty());
}

TEST_CASE("a block on top of held ones shows that they are back") {
  Chain chain;
  chain.connect({});
  chain.rig.apply(model::Held{Offset(0)});
  auto const second = chain.connect({});
  CHECK(chain.rig.position()->block_hash == second.hash);
}

TEST_CASE("the replacing block reverts what it lacks and keeps what it has") {
  Chain chain;
  auto const keeps = payment(1, 1, 100), loses = payment(1, 2, 200);
  auto const before = chain.connect({{{}, {loses}}, {{}, {keeps}}});
  chain.rig.news();
  auto const after = chain.connect_at(0, {{{}, {keeps, payment(1, 3, 300)}}});
  CHECK(chain.rig.news() == News{"deposit.reverted 200", "deposit.prepared 300"});
  auto const kept = *chain.rig.deposit(keeps.id, Epoch(1));
  CHECK(kept.block_hash == after.hash);
  CHECK(kept.tx_hash == after.transactions[1].hash);
  CHECK(kept.block_time == before.time);  // of the block in which it was first contained
  auto const lost = *chain.rig.deposit(loses.id, Epoch(1));
  CHECK(lost.state == DepositState::reverted);
  CHECK(lost.block_hash == after.hash);

  chain.connect({{{}, {loses}}});
  CHECK(chain.rig.news() == News{"deposit.prepared 200"});
  CHECK(chain.rig.deposit(loses.id, Epoch(1))->offset == Offset(1));
}

TEST_CASE("undone blocks revert, and the same payment may come again") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  chain.connect({{{}, {pay}}});
  chain.rig.apply(model::Held{Offset(0)});
  chain.rig.news();
  chain.rig.apply(model::Undone{Offset(0)});
  CHECK(chain.rig.news() == News{"deposit.reverted 400"});
  chain.list.clear();
  SECTION("in the macro block") {
    chain.seal({{{}, {pay}}});
    CHECK(chain.rig.news() == News{"deposit.committed 400"});
    CHECK(chain.rig.counts().reverted == 0);
  }
  SECTION("in a later epoch: a new deposit, and the old one stays") {
    chain.seal({});
    CHECK(chain.rig.news().empty());
    chain.connect({{{}, {pay}}});
    CHECK(chain.rig.news() == News{"deposit.prepared 400", "chain.output_recreated 400"});
    CHECK(chain.rig.deposit(pay.id, Epoch(1))->state == DepositState::reverted);
    CHECK(chain.rig.deposit(pay.id, Epoch(2))->state == DepositState::prepared);
    chain.seal({{{}, {pay}}});
    CHECK(chain.rig.news() == News{"deposit.committed 400"});
  }
}

TEST_CASE("what the macro block lacks is reverted") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  chain.connect({{{}, {pay}}});
  chain.rig.news();
  auto const sealed = chain.seal({});
  CHECK(chain.rig.news() == News{"deposit.reverted 400"});
  CHECK(chain.rig.deposit(pay.id, Epoch(1))->block_hash == sealed.hash);
  CHECK(chain.rig.counts().reverted == 1);
}

TEST_CASE("a spend is prepared, taken back, and final with the macro block") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  chain.seal({{{}, {pay}}});
  chain.rig.news();
  chain.connect({});
  chain.connect({{{pay.id}, {}}});
  CHECK(chain.rig.news() == News{"spend.prepared 400"});
  SECTION("sealed") {
    chain.seal({{{pay.id}, {}}});
    CHECK(chain.rig.news() == News{"spend.committed 400"});
    auto const spent = *chain.rig.deposit(pay.id, Epoch(1));
    CHECK(spent.spend == SpendState::spent);
    CHECK(spent.state == DepositState::committed);
  }
  SECTION("replaced without it") {
    chain.connect_at(1, {});
    CHECK(chain.rig.news() == News{"spend.reverted 400"});
  }
  SECTION("replaced with it, deeper") {
    chain.connect_at(0, {{{pay.id}, {}}});
    CHECK(chain.rig.news().empty());
  }
  SECTION("sealed without it") {
    chain.seal({});
    CHECK(chain.rig.news() == News{"spend.reverted 400"});
    CHECK(chain.rig.deposit(pay.id, Epoch(1))->spend == SpendState::unspent);
  }
}

TEST_CASE("deposit.* comes before spend.* of the same deposit, for reverts too") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  chain.connect({{{}, {pay}}});
  chain.connect({{{pay.id}, {}}});
  CHECK(chain.rig.news() == News{"deposit.prepared 400", "spend.prepared 400"});
  SECTION("sealed") {
    chain.seal({{{pay.id}, {pay}}});
    CHECK(chain.rig.news() == News{"deposit.committed 400", "spend.committed 400"});
  }
  SECTION("undone") {
    chain.rig.apply(model::Undone{Offset(0)});
    CHECK(chain.rig.news() == News{"deposit.reverted 400", "spend.reverted 400"});
    CHECK(chain.rig.deposit(pay.id, Epoch(1))->spend == SpendState::unspent);
  }
  SECTION("only the spend undone") {
    chain.rig.apply(model::Undone{Offset(1)});
    CHECK(chain.rig.news() == News{"spend.reverted 400"});
  }
}

TEST_CASE("an id in both lists of a macro block") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  SECTION("unspent before: the old one is spent, a new one is unspent") {
    chain.seal({{{}, {pay}}});
    chain.rig.news();
    chain.seal({{{pay.id}, {pay}}});
    CHECK(chain.rig.news() ==
          News{"spend.committed 400", "deposit.committed 400", "chain.output_recreated 400"});
    CHECK(chain.rig.deposit(pay.id, Epoch(1))->spend == SpendState::spent);
    CHECK(chain.rig.deposit(pay.id, Epoch(2))->spend == SpendState::unspent);
    chain.seal({{{pay.id}, {}}});
    CHECK(chain.rig.news() == News{"spend.committed 400"});
    CHECK(chain.rig.deposit(pay.id, Epoch(2))->spend == SpendState::spent);
  }
  SECTION("not there before: created and spent within the epoch") {
    chain.seal({{{pay.id}, {pay}}});
    CHECK(chain.rig.deposit(pay.id, Epoch(1))->spend == SpendState::spent);
  }
}

TEST_CASE("created, spent and created again within one epoch stays one deposit") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  chain.connect({{{}, {pay}}});
  chain.connect({{{pay.id}, {}}});
  chain.rig.news();
  auto const third = chain.connect({{{}, {pay}}});
  CHECK(chain.rig.news() == News{"spend.reverted 400"});
  auto const deposit = *chain.rig.deposit(pay.id, Epoch(1));
  CHECK(deposit.state == DepositState::prepared);
  CHECK(deposit.spend == SpendState::unspent);
  CHECK(deposit.offset == Offset(2));
  CHECK(deposit.block_hash == third.hash);
  CHECK(chain.rig.deposits().size() == 1);
}

TEST_CASE("what was created twice in an epoch keeps its first place when the second is gone") {
  Chain chain;
  auto const pay = payment(1, 1, 9);
  auto const first = chain.connect({{{}, {pay}}});
  chain.connect({{{pay.id}, {}}});
  chain.connect({{{}, {pay}}});
  CHECK(chain.rig.deposit(pay.id, Epoch(1))->offset == Offset(2));
  chain.connect_at(2, {});
  CHECK(chain.rig.deposit(pay.id, Epoch(1))->offset == Offset(0));
  chain.seal({{{}, {pay}}, {{pay.id}, {}}});
  auto const committed = *chain.rig.deposit(pay.id, Epoch(1));
  CHECK(committed.state == DepositState::committed);
  CHECK(committed.offset == Offset(0));
  CHECK(committed.tx_hash == first.transactions[1].hash);
}

TEST_CASE("spent and created again in micro blocks, while the old one is not finally spent") {
  Chain chain;
  auto const pay = payment(1, 1, 400);
  chain.seal({{{}, {pay}}});
  chain.rig.news();
  chain.connect({{{pay.id}, {}}});
  chain.connect({{{}, {pay}}});
  CHECK(chain.rig.news() ==
        News{"spend.prepared 400", "deposit.prepared 400", "chain.output_recreated 400"});
  chain.rig.apply(model::Undone{Offset(0)});
  CHECK(chain.rig.news() == News{"spend.reverted 400", "deposit.reverted 400"});
}

TEST_CASE("a payment to a retired address is recorded and says so") {
  Chain chain;
  chain.connect({{{}, {payment(1, 1, 100)}}});
  auto txn = must(chain.rig.database().begin());
  CHECK(must(txn->retire_address(key_of(1))));
  CHECK_FALSE(must(txn->retire_address(key_of(2))));
  must(txn->commit());
  txn.reset();
  chain.rig.open();
  chain.connect({{{}, {payment(1, 2, 200)}}});
  chain.seal({{{}, {payment(1, 1, 100), payment(1, 2, 200)}}});
  CHECK_FALSE(chain.rig.deposit(payment(1, 1, 100).id, Epoch(1))->retired);
  CHECK(chain.rig.deposit(payment(1, 2, 200).id, Epoch(1))->retired);
}

TEST_CASE("an event that does not continue the chain changes nothing") {
  Chain chain;
  auto const block = chain.connect({});
  auto const refuse = [&](model::ChainEvent const& event) {
    auto const done = chain.rig.try_apply(event);
    REQUIRE_FALSE(done);
    CHECK(done.error().fault == Fault::corrupt);
    CHECK(chain.rig.position()->block_hash == block.hash);
  };
  refuse(model::Connected{micro(Epoch(1), 2, block.hash, {})});
  refuse(model::Connected{micro(Epoch(1), 1, bytes_of<Hash>(5), {})});
  refuse(model::Connected{micro(Epoch(2), 1, block.hash, {})});
  refuse(model::Connected{micro(Epoch(1), 0, block.hash, {})});
  refuse(model::Sealed{macro(Epoch(1), bytes_of<Hash>(5), {})});
  refuse(model::Sealed{macro(Epoch(2), chain.final_hash, {})});
  refuse(model::Started{Epoch(0), bytes_of<Hash>(5)});
}

TEST_CASE("an empty store knows no position, and starts where it is told") {
  TestClock clock;
  Rig rig{clock};
  CHECK_FALSE(rig.try_apply(model::Sealed{macro(Epoch(0), Hash{}, {})}));
  rig.apply(model::Started{Epoch(7), bytes_of<Hash>(5)});
  CHECK_FALSE(rig.position());
  rig.apply(model::Connected{micro(Epoch(7), 0, bytes_of<Hash>(5), {})});
  CHECK(rig.position()->final_epoch == Epoch(6));
  CHECK(rig.position()->final_hash == bytes_of<Hash>(5));
  rig.apply(model::Sealed{macro(Epoch(7), bytes_of<Hash>(5), {})});
  CHECK(rig.position()->final_epoch == Epoch(7));
  CHECK_FALSE(rig.position()->offset);
}

TEST_CASE("the rendered event is the deposit as of that event") {
  Chain chain;
  auto const pay = payment(1, 1, 400'000'000);
  auto const block = chain.connect({{{}, {pay}}});
  auto const event = chain.rig.events().back();
  CHECK(field(event.json, "seq") == "1");
  CHECK(field(event.json, "type") == "deposit.prepared");
  CHECK(field(event.json, "backfill") == "false");
  CHECK(field(event.json, "at") == to_rfc3339(chain.clock.now()));
  CHECK(field(event.json, "id") == pay.id.hex() + ":1");
  CHECK(field(event.json, "reference") == "user-1");
  CHECK(field(event.json, "amount_stg") == "400.000000");
  CHECK(field(event.json, "offset") == "0");
  CHECK(field(event.json, "block_hash") == block.hash.hex());
  CHECK(field(event.json, "committed_at") == "null");
  CHECK(field(event.json, "retired") == "false");
}

TEST_CASE("a violation is stored and told once") {
  Chain chain;
  model::Violated const violated{model::ViolationKind::macro_block, Epoch(0), bytes_of<Hash>(1),
                                 bytes_of<Hash>(2), "a"};
  chain.rig.apply(violated);
  chain.rig.apply(violated);
  CHECK(chain.rig.news() == News{"chain.finality_violation"});
  CHECK(must(chain.rig.database().chain()).violated);
}
