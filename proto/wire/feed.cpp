#include "proto/wire/feed.hpp"

namespace hotside::wire {
namespace {

void feed_kind(Sha3& sha, RawPaymentOutput const& output) {
  sha.text("Payment");
  feed_account(sha, output.recipient);
  sha.text("BulletProof");
  feed_point(sha, output.vcmt);
  sha.bytes(output.proof);
  feed_point(sha, output.ag);
  sha.bytes(output.payload);
}

void feed_kind(Sha3& sha, RawPublicOutput const& output) {
  sha.text("PublicPayment");
  feed_account(sha, output.recipient);
  sha.i64(output.serno);
  sha.i64(output.amount);
}

void feed_kind(Sha3& sha, RawStakeOutput const& output) {
  sha.text("Stake");
  feed_account(sha, output.recipient);
  feed_network_key(sha, output.validator);
  sha.i64(output.amount);
  sha.i64(output.serno);
}

void feed_vrf(Sha3& sha, RawVrf const& vrf) {
  sha.bytes(vrf.rand.view());
  sha.text("G1");
  sha.bytes(vrf.proof.view());
}

void feed_list(Sha3& sha, std::uint32_t length, Hash const& root) {
  sha.u32(length);
  sha.bytes(root.view());
}

}  // namespace

PublicKey const& recipient_of(RawOutput const& output) {
  return std::visit([](auto const& kind) -> PublicKey const& { return kind.recipient; }, output);
}

void feed_point(Sha3& sha, Point const& point) {
  sha.text("PtPoint");
  sha.bytes(point.view());
}

void feed_scalar(Sha3& sha, Scalar const& scalar) {
  sha.text("Fr");
  sha.bytes(scalar.view());
}

void feed_account(Sha3& sha, PublicKey const& key) {
  sha.text("PublicKeyPtPoint");
  sha.bytes(key.view());
}

void feed_network_key(Sha3& sha, BlsKey const& key) {
  sha.text("PublicKey");
  sha.bytes(key.view());
}

void feed_bls(Sha3& sha, BlsSignature const& signature) {
  sha.text("Signature");
  sha.bytes(signature.view());
}

void feed_schnorr(Sha3& sha, Scalar const& u, Point const& k) {
  sha.text("SchnorrSig");
  feed_scalar(sha, u);
  feed_point(sha, k);
}

void feed(Sha3& sha, RawOutput const& output) {
  std::visit([&](auto const& kind) { feed_kind(sha, kind); }, output);
}

void feed_before_time(Sha3& sha, RawMicroHeader const& header) {
  sha.text("Micro");
  sha.u64(header.version);
  sha.bytes(header.previous.view());
  sha.u64(header.epoch);
  sha.u32(header.offset);
  sha.u32(header.view_change);
  // The bit map of the proof is not hashed.
  if (header.view_change_proof) feed_bls(sha, header.view_change_proof->multisig);
  feed_network_key(sha, header.pkey);
  feed_vrf(sha, header.random);
  sha.bytes(header.solution);
}

void feed_from_time(Sha3& sha, RawMicroHeader const& header) {
  sha.u64(header.timestamp_ns);
  feed_list(sha, header.transactions_len, header.transactions_root);
  feed_list(sha, header.inputs_len, header.inputs_root);
  feed_list(sha, header.outputs_len, header.outputs_root);
  sha.bytes(header.canaries_root.view());
}

void feed_before_time(Sha3& sha, RawMacroHeader const& header) {
  sha.text("Macro");
  sha.u64(header.version);
  sha.bytes(header.previous.view());
  sha.u64(header.epoch);
  sha.u32(header.view_change);
  feed_network_key(sha, header.pkey);
  feed_vrf(sha, header.random);
  sha.u64(header.difficulty);
}

void feed_from_time(Sha3& sha, RawMacroHeader const& header) {
  sha.u64(header.timestamp_ns);
  sha.i64(header.block_reward);
  feed_scalar(sha, header.gamma);
  sha.u32(static_cast<std::uint32_t>(header.activity_map.size()));
  for (char const bit : header.activity_map) sha.u8(bit == '1' ? 1 : 0);
  feed_list(sha, header.validators_len, header.validators_root);
  feed_list(sha, header.inputs_len, header.inputs_root);
  feed_list(sha, header.outputs_len, header.outputs_root);
  sha.bytes(header.canaries_root.view());
}

}  // namespace hotside::wire
