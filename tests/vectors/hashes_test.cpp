// Addresses, frames, outputs, transactions and genesis files against published and computed
// vectors.

#include <algorithm>
#include <catch2/catch.hpp>

#include "proto/base/units.hpp"
#include "proto/model/address.hpp"
#include "proto/model/network.hpp"
#include "proto/wire/frame.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"
#include "proto/wire/verify.hpp"
#include "tests/vectors/fixtures.hpp"

using namespace hotside;
using namespace hotside::wire;
namespace fx = hotside::fixtures;

TEST_CASE("addresses: valid ones decode to their key and print back") {
  auto const file = fx::json_file("vectors/bech32.json");
  for (auto const entry : file.root["valid"]) {
    auto const address = fx::text(entry, "address");
    auto const hrp = fx::text(entry, "hrp");
    INFO(address);
    auto const key = PublicKey::from_hex(fx::text(entry, "pubkey_hex"));
    REQUIRE(key);
    auto const canonical = fx::has(entry, "canonical") ? fx::text(entry, "canonical") : address;
    CHECK(model::to_address(hrp, *key) == canonical);
    auto const read = model::read_recipient(hrp, canonical);
    REQUIRE(read);
    CHECK(*read == *key);
    auto const strict = model::parse_address(hrp, address);
    CHECK(strict.has_value() == !key->is_zero());
    if (strict) CHECK(*strict == *key);
  }
}

TEST_CASE("addresses: invalid ones are refused, and foreign ones by name") {
  auto const file = fx::json_file("vectors/bech32.json");
  std::size_t count = 0;
  for (auto const entry : file.root["invalid"]) {
    auto const address = fx::text(entry, "address");
    auto const hrp = fx::has(entry, "wrong_for") ? fx::text(entry, "wrong_for") : "stt";
    INFO(address << ": " << fx::text(entry, "reason"));
    auto const strict = model::parse_address(hrp, address);
    REQUIRE_FALSE(strict);
    CHECK(strict.error().fault == Fault::rejected);
    INFO(strict.error().what);
    if (fx::has(entry, "wrong_for"))
      CHECK(strict.error().what.find("mainnet") != std::string::npos);
    // A recipient inside a block may be no point; everything else is wrong there too.
    auto const key = fx::has(entry, "pubkey_hex") && address.starts_with("stt1");
    auto const read = model::read_recipient(hrp, address);
    CHECK(read.has_value() == key);
    if (read) CHECK(read->hex() == fx::text(entry, "pubkey_hex"));
    ++count;
  }
  CHECK(count == 18);
}

namespace {

FrameCipher cipher_of(fx::dom::element const& entry, std::string_view key) {
  auto const token = Token::parse(fx::text(entry, key));
  REQUIRE(token);
  return FrameCipher(*token);
}

}  // namespace

TEST_CASE("frames: vectors open and seal, by the node's counter rule") {
  auto const file = fx::json_file("vectors/framing.json");
  for (auto const entry : file.root["cases"]) {
    INFO(fx::text(entry, "name"));
    auto const cipher = cipher_of(entry, "token_base64");
    auto const plain = fx::text(entry, "plaintext");
    bool const overflow = bool(entry["counter_overflow"]);
    auto frame = fx::text(entry, overflow ? "text_frame_node" : "text_frame");
    auto const is_object = plain.back() == '}';
    REQUIRE(is_object);
    auto const opened = cipher.open(frame);
    REQUIRE(opened);
    CHECK(opened->json() == plain);
    CHECK(opened->buffer.size() >= opened->begin + opened->size + PlainFrame::kPadding);
    auto const iv = fx::bytes(entry, "iv_hex");
    CHECK(cipher.seal_with_iv(plain, std::span<std::uint8_t const, 16>(iv)) == frame);
    while (frame.back() == '=') frame.pop_back();
    auto const unpadded = cipher.open(frame);
    REQUIRE(unpadded);
    CHECK(unpadded->json() == plain);
  }
}

TEST_CASE("frames: what no node sends is refused with its reason") {
  auto const file = fx::json_file("vectors/framing.json");
  std::vector<std::string> const reasons{"short", "short", "braces", "base64", "braces", "braces"};
  std::size_t at = 0;
  for (auto const entry : file.root["rejected"]) {
    INFO(fx::text(entry, "why"));
    auto const cipher = fx::has(entry, "token_base64")
                            ? cipher_of(entry, "token_base64")
                            : FrameCipher(Token(std::array<std::uint8_t, 16>{}));
    auto const opened = cipher.open(fx::text(entry, "text"));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().fault == Fault::peer);
    REQUIRE(at < reasons.size());
    CHECK(opened.error().reason == reasons[at++]);
  }
  CHECK(at == reasons.size());
}

TEST_CASE("tokens: white space is trimmed, other lengths are refused") {
  auto const file = fx::json_file("vectors/framing.json");
  for (auto const entry : file.root["token_files"]) {
    auto const content = fx::bytes(entry, "bytes_hex");
    std::string const text(content.begin(), content.end());
    INFO(fx::text(entry, "note"));
    auto const token = Token::parse(text);
    CHECK(token.has_value() == entry["token_hex"].is_string());
    if (token) {
      CHECK(to_hex(token->key()) == fx::text(entry, "token_hex"));
      CHECK(text.starts_with(token->base64()));
    }
  }
}

TEST_CASE("frames: every recorded one opens to its text") {
  for (auto const* name : {"recorded/v1.2.2/wire_frames.jsonl", "recorded/dev/wire_frames.jsonl"}) {
    std::size_t count = 0;
    for (auto const& line : fx::read_lines(name)) {
      fx::Json const entry(line);
      auto const cipher = cipher_of(entry.root, "token");
      auto const opened = cipher.open(fx::text(entry.root, "text_frame"));
      REQUIRE(opened);
      CHECK(opened->json() == fx::text(entry.root, "plain"));
      auto const again = cipher.open(cipher.seal(opened->json()));
      REQUIRE(again);
      CHECK(again->json() == opened->json());
      ++count;
    }
    WARN(name << ": " << count << " frames opened");
  }
}

TEST_CASE("Merkle roots") {
  auto const file = fx::json_file("vectors/merkle_hash_leaves.json");
  for (auto const entry : file.root["cases"]) {
    std::vector<Hash> leaves;
    for (auto const leaf : entry["leaves"])
      leaves.push_back(*Hash::from_hex(std::string_view(leaf)));
    CHECK(merkle_root_of_ids(leaves) == fx::hash(entry, "root"));
  }
}

TEST_CASE("output blobs: id, canary and canonical form") {
  auto const file = fx::json_file("vectors/outputs.json");
  std::size_t count = 0;
  for (auto const entry : file.root) {
    INFO(fx::text(entry, "name"));
    auto const blob = fx::bytes(entry, "blob_hex");
    auto const output = decode_output(blob);
    REQUIRE(output);
    CHECK(output_id(*output) == fx::hash(entry, "output_hash"));
    CHECK(output_canary(*output) == fx::hash(entry, "canary_hash"));
    CHECK(encode_output(*output) == blob);
    if (auto const* payment = std::get_if<RawPublicOutput>(&*output)) {
      CHECK(std::to_string(payment->serno) == fx::text(entry, "serno_str"));
      CHECK(payment->amount == std::int64_t(entry["amount"]));
      CHECK(public_payment_blob(*payment) == blob);
      CHECK(model::to_address(fx::text(entry, "hrp"), payment->recipient) ==
            fx::text(entry, "recipient"));
    }
    ++count;
  }
  WARN(count << " output blobs");
}

TEST_CASE("payment transactions: both hashes and canonical form") {
  auto const file = fx::json_file("vectors/payment_transactions.json");
  for (auto const entry : file.root) {
    auto const data = fx::bytes(entry, "data");
    auto const tx = decode_transaction(data);
    REQUIRE(tx);
    CHECK(tx_hash(*tx) == fx::hash(entry, "tx_hash"));
    CHECK(tx_full_hash(*tx) == fx::hash(entry, "tx_full_hash"));
    CHECK(encode_transaction(*tx) == data);
    auto const& payment = std::get<RawPayment>(*tx);
    CHECK(payment.gamma.hex() == fx::text(entry, "gamma_hex"));
    CHECK(payment.fee == std::int64_t(entry["fee"]));
  }
}

TEST_CASE("genesis files verify to the hash of their network") {
  for (std::string const name : {"mainnet", "testnet", "dev"}) {
    INFO(name);
    auto const content = fx::read_file("genesis/" + name + ".genesis.bin");
    auto const raw = decode_genesis(as_bytes(content));
    REQUIRE(raw);
    auto const network = model::network_by_name(name);
    REQUIRE((network && network->genesis));
    CHECK(macro_block_hash(raw->header) == *network->genesis);
    auto const block = verify(*raw, *network->genesis, true, raw->header.validators_len);
    REQUIRE(block);
    CHECK(block->previous == model::before_genesis());
    auto const expected = fx::json_file("genesis/" + name + ".expected.json");
    CHECK(block->hash == fx::hash(expected.root, "block_hash"));
    std::size_t at = 0;
    for (auto const output : expected.root["outputs"]) {
      REQUIRE(at < block->outputs.size());
      CHECK(block->outputs[at] == fx::hash(output, "output_hash"));
      CHECK(output_canary(raw->outputs[at]) == fx::hash(output, "canary_hash"));
      ++at;
    }
    CHECK(at == block->outputs.size());
    CHECK(search_timestamp(raw->header, block->hash) == raw->header.timestamp_ns);
  }
}

TEST_CASE("macro block headers of a v1.2.2 chain, with the nanoseconds its JSON lacks") {
  auto const file = fx::json_file("vectors/bls.json");
  std::size_t count = 0;
  for (auto const entry : file.root["macro_header"]) {
    INFO(fx::text(entry, "name"));
    auto const u32 = [&](std::string_view key) {
      return static_cast<std::uint32_t>(std::uint64_t(entry[key]));
    };
    RawMacroHeader header;
    header.version = entry["version"];
    header.previous = fx::hash(entry, "previous");
    header.epoch = entry["epoch"];
    header.view_change = u32("view_change");
    header.pkey = *BlsKey::from_hex(fx::text(entry, "pkey"));
    header.random = {fx::hash(entry, "rand"), *BlsSignature::from_hex(fx::text(entry, "proof"))};
    header.difficulty = entry["difficulty"];
    header.timestamp_ns = *parse_u64(fx::text(entry, "timestamp_ns_str"));
    header.block_reward = entry["block_reward"];
    header.gamma = *Scalar::from_hex(fx::text(entry, "gamma"));
    header.activity_map = fx::text(entry, "activity_map");
    header.validators_len = u32("validators_len");
    header.validators_root = fx::hash(entry, "validators_range_hash");
    header.inputs_len = u32("inputs_len");
    header.inputs_root = fx::hash(entry, "inputs_range_hash");
    header.outputs_len = u32("outputs_len");
    header.outputs_root = fx::hash(entry, "outputs_range_hash");
    header.canaries_root = fx::hash(entry, "canaries_range_hash");
    CHECK(macro_block_hash(header) == fx::hash(entry, "block_hash"));
    std::vector<RawValidator> validators;
    for (auto const pair : entry["next_validators"])
      validators.push_back({*BlsKey::from_hex(std::string_view(pair.at(0))), {}, pair.at(1)});
    CHECK(validators_root(validators) == header.validators_root);
    ++count;
  }
  WARN(count << " macro block headers");
  CHECK(count > 0);
}
