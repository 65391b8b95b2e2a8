#pragma once
// The chain's own structures, field by field, bytes in their natural (protobuf) order: what JSON
// and protobuf both decode into, what the hashes are taken of, and what the simulated node builds.
// Nothing in here has been checked.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proto/base/bytes.hpp"

namespace hotside::wire {

using Point = FixedBytes<struct PointTag, 32>;                // compressed Ristretto
using Scalar = FixedBytes<struct ScalarTag, 32>;              // little-endian
using BlsKey = FixedBytes<struct BlsKeyTag, 96>;              // G2
using BlsSignature = FixedBytes<struct BlsSignatureTag, 48>;  // G1; also the VRF proof

struct RawPaymentOutput {
  PublicKey recipient;  // one-time cloaked key
  Point vcmt;
  Bytes proof;  // 672
  Point ag;
  Bytes payload;  // 1024
  bool operator==(RawPaymentOutput const&) const = default;
};
struct RawPublicOutput {
  PublicKey recipient;
  std::int64_t serno = 0;
  std::int64_t amount = 0;
  bool operator==(RawPublicOutput const&) const = default;
};
struct RawStakeOutput {
  PublicKey recipient;
  BlsKey validator;
  std::int64_t amount = 0;
  std::int64_t serno = 0;
  BlsSignature signature;
  bool operator==(RawStakeOutput const&) const = default;
};
using RawOutput = std::variant<RawPaymentOutput, RawPublicOutput, RawStakeOutput>;

struct RawVrf {
  Hash rand;
  BlsSignature proof;
  bool operator==(RawVrf const&) const = default;
};

struct RawViewChangeProof {
  std::string multimap;  // '0' and '1'
  BlsSignature multisig;
  bool operator==(RawViewChangeProof const&) const = default;
};

struct RawMicroHeader {
  std::uint64_t version = 1;
  Hash previous;
  std::uint64_t epoch = 0;
  std::uint32_t offset = 0, view_change = 0;
  std::optional<RawViewChangeProof> view_change_proof;
  BlsKey pkey;
  RawVrf random;
  Bytes solution;
  std::uint64_t timestamp_ns = 0;
  std::uint32_t transactions_len = 0;
  Hash transactions_root;
  std::uint32_t inputs_len = 0;
  Hash inputs_root;
  std::uint32_t outputs_len = 0;
  Hash outputs_root;
  Hash canaries_root;
  bool operator==(RawMicroHeader const&) const = default;
};

struct RawMacroHeader {
  std::uint64_t version = 1;
  Hash previous;
  std::uint64_t epoch = 0;
  std::uint32_t view_change = 0;
  BlsKey pkey;
  RawVrf random;
  std::uint64_t difficulty = 0;
  std::uint64_t timestamp_ns = 0;
  std::int64_t block_reward = 0;
  Scalar gamma;
  std::string activity_map;  // '0' and '1', true length once padded
  std::uint32_t validators_len = 0;
  Hash validators_root;
  std::uint32_t inputs_len = 0;
  Hash inputs_root;
  std::uint32_t outputs_len = 0;
  Hash outputs_root;
  Hash canaries_root;
  bool operator==(RawMacroHeader const&) const = default;
};

struct RawCoinbase {
  std::int64_t block_reward = 0, block_fee = 0;
  Scalar gamma;
  std::vector<RawOutput> outputs;
  bool operator==(RawCoinbase const&) const = default;
};
struct RawPayment {
  std::vector<Hash> inputs;
  std::vector<RawOutput> outputs;
  Scalar gamma;
  std::int64_t fee = 0;
  Scalar sig_u;
  Point sig_k;
  bool operator==(RawPayment const&) const = default;
};
struct RawRestake {
  std::vector<Hash> inputs;
  std::vector<RawOutput> outputs;
  BlsSignature signature;
  bool operator==(RawRestake const&) const = default;
};
struct RawSlashing {
  RawMicroHeader block1, block2;  // of the proof; their transactions are not part of the chain
  bool exact_times = false;       // false: v1.2.2 JSON, the hash cannot be recomputed
  std::vector<Hash> inputs;
  std::vector<RawOutput> outputs;
  bool operator==(RawSlashing const&) const = default;
};
using RawTransaction = std::variant<RawCoinbase, RawPayment, RawRestake, RawSlashing>;

struct RawValidator {
  BlsKey network_key;
  PublicKey account_key;
  std::int64_t slots = 0;
  bool operator==(RawValidator const&) const = default;
};

struct RawMicroBlock {
  RawMicroHeader header;
  BlsSignature sig;
  std::vector<RawTransaction> transactions;
};
struct RawMacroBlock {
  RawMacroHeader header;
  BlsSignature multisig;
  std::string multisigmap;
  std::vector<Hash> inputs;
  std::vector<RawOutput> outputs;
  std::vector<RawValidator> validators;  // of the next epoch; JSON only, empty from protobuf
};

}  // namespace hotside::wire
