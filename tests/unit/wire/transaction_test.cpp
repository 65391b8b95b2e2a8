// Transactions from their bytes: the kinds that no customer sends, and the limits of those that
// one does.

#include <catch2/catch.hpp>

#include "proto/schema/stegos.pb.h"
#include "proto/wire/hash.hpp"
#include "proto/wire/payment_check.hpp"
#include "proto/wire/protobuf.hpp"
#include "tests/support/make_block.hpp"

using namespace hotside;
using namespace hotside::wire;

namespace {

template <class Fixed>
std::string data(Fixed const& value) {
  return {value.bytes.begin(), value.bytes.end()};
}

// Field by field: a slashing transaction has no encoder of ours.
void write(RawMicroHeader const& from, stegos::MicroBlockHeader& to) {
  to.set_version(from.version);
  to.mutable_previous()->set_data(data(from.previous));
  to.set_epoch(from.epoch);
  to.set_offset(from.offset);
  to.set_view_change(from.view_change);
  if (from.view_change_proof) {
    for (char const bit : from.view_change_proof->multimap)
      to.mutable_view_change_proof()->add_multimap(bit == '1');
    to.mutable_view_change_proof()->mutable_multisig()->mutable_point()->set_data(
        data(from.view_change_proof->multisig));
  }
  to.mutable_pkey()->mutable_point()->set_data(data(from.pkey));
  to.mutable_random()->mutable_rand()->set_data(data(from.random.rand));
  to.mutable_random()->mutable_proof()->set_data(data(from.random.proof));
  to.set_solution(std::string(from.solution.begin(), from.solution.end()));
  to.set_timestamp(from.timestamp_ns);
  to.set_transactions_len(from.transactions_len);
  to.mutable_transactions_range_hash()->set_data(data(from.transactions_root));
  to.set_inputs_len(from.inputs_len);
  to.mutable_inputs_range_hash()->set_data(data(from.inputs_root));
  to.set_outputs_len(from.outputs_len);
  to.mutable_outputs_range_hash()->set_data(data(from.outputs_root));
  to.mutable_canaries_range_hash()->set_data(data(from.canaries_root));
}

Bytes bytes_of(stegos::Transaction const& transaction) {
  auto const text = transaction.SerializeAsString();
  return {text.begin(), text.end()};
}

Bytes bytes_of(RawSlashing const& from) {
  stegos::Transaction transaction;
  auto& to = *transaction.mutable_slashing_transaction();
  write(from.block1, *to.mutable_proof()->mutable_block1()->mutable_header());
  write(from.block2, *to.mutable_proof()->mutable_block2()->mutable_header());
  for (auto const& input : from.inputs) to.add_txins()->set_data(data(input));
  for (auto const& output : from.outputs) {
    auto const blob = encode_output(output);
    REQUIRE(to.add_txouts()->ParseFromArray(blob.data(), static_cast<int>(blob.size())));
  }
  return bytes_of(transaction);
}

RawPublicOutput pays(fixtures::BlockMaker& maker, std::int64_t amount) {
  auto output = std::get<RawPublicOutput>(maker.public_payment());
  output.amount = amount;
  return output;
}

std::string reason(RawPayment const& tx, PaymentLimits const& limits = {}) {
  auto const read = read_payment(encode_transaction(RawTransaction(tx)), limits);
  return read ? "" : read.error().reason;
}

}  // namespace

TEST_CASE("protobuf: a slashing transaction is read, both headers of its proof among it") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    fixtures::BlockMaker maker(seed);
    auto made = maker.slashing(true);
    for (auto* header : {&made.block1, &made.block2}) {  // nothing of it as it is when missing
      header->transactions_len = 5;
      header->inputs_len = 6;
      header->outputs_len = 7;
      for (auto* root : {&header->transactions_root, &header->inputs_root, &header->outputs_root,
                         &header->canaries_root})
        *root = maker.bytes<Hash>();
    }
    auto const read = decode_transaction(bytes_of(made));
    REQUIRE(read);
    CHECK(*read == RawTransaction(made));
    auto const payment = read_payment(bytes_of(made), {});
    REQUIRE_FALSE(payment);
    CHECK(payment.error().reason == "transaction");
    made.block2.canaries_root = maker.bytes<Hash>();
    CHECK_FALSE(*read == RawTransaction(made));
    CHECK(tx_full_hash(*read) != tx_full_hash(RawTransaction(made)));
  }
}

TEST_CASE("protobuf: a restake comes back, a service award is no transaction of ours") {
  fixtures::BlockMaker maker(9);
  RawRestake const made{
      {maker.bytes<Hash>()}, {maker.stake(), maker.stake()}, maker.bytes<BlsSignature>()};
  auto const read = decode_transaction(encode_transaction(RawTransaction(made)));
  REQUIRE(read);
  CHECK(*read == RawTransaction(made));
  stegos::Transaction award;
  award.mutable_service_award_transaction();
  CHECK_FALSE(decode_transaction(bytes_of(award)));
  CHECK(read_payment(bytes_of(award), {}).error().reason == "transaction");
  CHECK(read_payment(bytes_of(stegos::Transaction()), {}).error().reason == "undecodable");
}

TEST_CASE("payments: what no node mines is refused before anybody is asked") {
  fixtures::BlockMaker maker(10);
  auto tx = maker.transaction();
  tx.inputs = {maker.bytes<Hash>(), maker.bytes<Hash>()};
  tx.outputs = {pays(maker, 5), maker.payment(), maker.stake()};
  tx.fee = 2'000;  // a stake is free
  CHECK(reason(tx).empty());
  tx.fee = 1'999;
  CHECK(reason(tx) == "fee_too_low");
  tx.fee = -1;
  CHECK(reason(tx, {.fee_per_output = 0}) == "fee_too_low");
  tx.fee = 10'000'000;
  CHECK(reason(tx).empty());
  tx.fee = 10'000'001;
  CHECK(reason(tx) == "fee_too_high");
  tx.fee = 10'000;
  CHECK(reason(tx, {.inputs_max = 2, .outputs_max = 3}).empty());
  CHECK(reason(tx, {.inputs_max = 1}) == "transaction");
  CHECK(reason(tx, {.outputs_max = 2}) == "transaction");
  auto const good = tx;
  for (std::int64_t const amount : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) {
    tx.outputs = {pays(maker, amount)};
    CHECK(reason(tx) == "transaction");
  }
  tx = good;
  tx.outputs.push_back(tx.outputs.front());
  CHECK(reason(tx) == "transaction");
  tx = good;
  tx.inputs.push_back(tx.inputs.front());
  CHECK(reason(tx) == "transaction");
  tx.inputs.clear();
  CHECK(reason(tx) == "transaction");
}
