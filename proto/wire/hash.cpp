#include "proto/wire/hash.hpp"

#include <algorithm>

#include "proto/base/sha3.hpp"
#include "proto/wire/feed.hpp"
#include "proto/wire/merkle.hpp"

namespace hotside::wire {
namespace {

template <class Transaction>
void feed_inputs_and_outputs(Sha3& sha, Transaction const& tx) {
  sha.u64(tx.inputs.size());
  for (auto const& id : tx.inputs) sha.bytes(id.view());
  sha.u64(tx.outputs.size());
  for (auto const& output : tx.outputs) feed(sha, output);
}

void feed_kind(Sha3& sha, RawCoinbase const& tx) {
  sha.i64(tx.block_reward);
  sha.i64(tx.block_fee);
  feed_scalar(sha, tx.gamma);
  sha.u64(tx.outputs.size());
  for (auto const& output : tx.outputs) sha.bytes(output_id(output).view());
}

void feed_kind(Sha3& sha, RawPayment const& tx) {
  feed_inputs_and_outputs(sha, tx);
  feed_scalar(sha, tx.gamma);
  sha.i64(tx.fee);
}

void feed_kind(Sha3& sha, RawRestake const& tx) { feed_inputs_and_outputs(sha, tx); }

void feed_kind(Sha3& sha, RawSlashing const& tx) {
  feed_header(sha, tx.block1);
  feed_header(sha, tx.block2);
  feed_inputs_and_outputs(sha, tx);
}

void feed_signature(Sha3&, RawCoinbase const&) {}
void feed_signature(Sha3& sha, RawPayment const& tx) { feed_schnorr(sha, tx.sig_u, tx.sig_k); }
void feed_signature(Sha3& sha, RawRestake const& tx) { feed_bls(sha, tx.signature); }
void feed_signature(Sha3&, RawSlashing const&) {}

}  // namespace

Hash merkle_root(std::vector<Hash> const& leaf_contents_hashed) {
  MerkleTree tree;
  for (auto const& leaf : leaf_contents_hashed) tree.add_leaf(leaf);
  return tree.root();
}

Hash merkle_root_of_ids(std::span<Hash const> ids) {
  MerkleTree tree;
  for (auto const& id : ids) tree.add(id.view());
  return tree.root();
}

Hash output_id(RawOutput const& output) {
  Sha3 sha;
  feed(sha, output);
  return sha.finish();
}

Hash output_canary(RawOutput const& output) {
  Sha3 sha;
  if (auto const* payment = std::get_if<RawPaymentOutput>(&output)) {
    sha.text("Payment");
    feed_point(sha, payment->ag);
    ByteView const payload(payment->payload);
    sha.bytes(payload.first(std::min<std::size_t>(4, payload.size())));
    return sha.finish();
  }
  // Stake outputs carry the tag of public payments here.
  sha.text("PublicPayment");
  feed_account(sha, recipient_of(output));
  return sha.finish();
}

Hash tx_hash(RawTransaction const& tx) {
  Sha3 sha;
  std::visit([&](auto const& kind) { feed_kind(sha, kind); }, tx);
  return sha.finish();
}

Hash tx_full_hash(RawTransaction const& tx) {
  Sha3 sha;
  std::visit(
      [&](auto const& kind) {
        feed_kind(sha, kind);
        feed_signature(sha, kind);
      },
      tx);
  return sha.finish();
}

Hash micro_block_hash(RawMicroHeader const& header) {
  Sha3 sha;
  feed_header(sha, header);
  return sha.finish();
}

Hash macro_block_hash(RawMacroHeader const& header) {
  Sha3 sha;
  feed_header(sha, header);
  return sha.finish();
}

Hash validators_root(std::span<RawValidator const> validators) {
  MerkleTree tree;
  for (auto const& validator : validators) {
    Sha3 sha;
    sha.text("Leaf");
    feed_network_key(sha, validator.network_key);
    sha.i64(validator.slots);
    tree.add_leaf(sha.finish());
  }
  return tree.root();
}

}  // namespace hotside::wire
