#include "proto/wire/hash.hpp"

#include <catch2/catch.hpp>

#include "proto/base/invariant.hpp"
#include "proto/wire/merkle.hpp"
#include "proto/wire/protobuf.hpp"
#include "tests/support/make_block.hpp"

using namespace hotside;
using namespace hotside::wire;

namespace {

// Level by level, as the definition reads.
Hash naive_root(std::vector<Hash> level) {
  if (level.empty()) return {};
  for (auto& hash : level) hash = merkle_leaf(hash.view());
  while (level.size() > 1) {
    if (level.size() % 2 != 0) level.push_back(level.back());
    std::vector<Hash> above;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      Bytes text{'I', 'n', 'n', 'e', 'r'};
      text.insert(text.end(), level[i].bytes.begin(), level[i].bytes.end());
      text.insert(text.end(), level[i + 1].bytes.begin(), level[i + 1].bytes.end());
      above.push_back(sha3_256(text));
    }
    level = std::move(above);
  }
  return level[0];
}

}  // namespace

TEST_CASE("SHA3-256 of nothing") {
  CHECK(sha3_256({}).hex() == "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
}

TEST_CASE("a Merkle root made leaf by leaf is that of the definition, for every length") {
  fixtures::BlockMaker maker(1);
  std::vector<Hash> ids;
  for (std::size_t size = 0; size < 130; ++size) {
    CHECK(merkle_root_of_ids(ids) == naive_root(ids));
    ids.push_back(maker.bytes<Hash>());
  }
}

TEST_CASE("outputs and transactions come back from their protobuf form") {
  fixtures::BlockMaker maker(2);
  for (int i = 0; i < 50; ++i) {
    auto const output = maker.any_output();
    auto const blob = encode_output(output);
    auto const decoded = decode_output(blob);
    REQUIRE(decoded);
    CHECK(*decoded == output);
    RawTransaction const tx = maker.transaction();
    auto const again = decode_transaction(encode_transaction(tx));
    REQUIRE(again);
    CHECK(*again == tx);
    CHECK(tx_hash(*again) == tx_hash(tx));
  }
}

TEST_CASE("protobuf: what is cut, empty or of a wrong length is refused") {
  fixtures::BlockMaker maker(3);
  CHECK_FALSE(decode_output({}));
  CHECK_FALSE(decode_transaction({}));
  CHECK_FALSE(decode_genesis({}));
  for (auto const& output : {maker.payment(), maker.public_payment(), maker.stake()}) {
    auto const blob = encode_output(output);
    // Some cuts end on a border between fields, where a zero scalar may be missing lawfully.
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < blob.size(); ++size)
      accepted += decode_output(ByteView(blob).first(size)).has_value() ? 1U : 0U;
    CHECK(accepted == 0);
  }
  RawPaymentOutput short_proof = std::get<RawPaymentOutput>(maker.payment());
  short_proof.proof.pop_back();
  short_proof.payload.push_back(0);
  CHECK_FALSE(decode_output(encode_output(short_proof)));
}

TEST_CASE("protobuf: missing scalars are zero, unknown fields are passed over") {
  auto const blob = *from_hex(
      "12240a220a20"
      "908b184691aba82a1c757760f6a1ffba2d43fd537cd358cec1eb596f733e4139");
  // The outer length is that of the recipient alone.
  auto const output = decode_output(blob);
  REQUIRE_FALSE(output);
  auto const right = *from_hex(
      "12260a240a220a20"
      "908b184691aba82a1c757760f6a1ffba2d43fd537cd358cec1eb596f733e4139");
  auto const zero = decode_output(right);
  REQUIRE(zero);
  CHECK(std::get<RawPublicOutput>(*zero).amount == 0);
  CHECK(encode_output(*zero) == right);
  auto const with_lock_time = *from_hex(
      "12280a240a220a20"
      "908b184691aba82a1c757760f6a1ffba2d43fd537cd358cec1eb596f733e4139"
      "2005");
  auto const known = decode_output(with_lock_time);
  REQUIRE(known);
  CHECK(*known == *zero);
}
