// Blocks made at random come back from JSON and from raw form, and nothing in them can be changed
// without being refused for the right reason.

#include <catch2/catch.hpp>
#include <set>

#include "proto/schema/evidence.pb.h"
#include "proto/wire/hash.hpp"
#include "proto/wire/message.hpp"
#include "tests/support/make_block.hpp"
#include "tests/vectors/plain.hpp"

using namespace hotside;
using namespace hotside::wire;
using fixtures::block_json;
using fixtures::BlockMaker;

namespace {

constexpr std::string_view kHrp = "stt";

NodeMessage parse(std::string const& json, Generation generation, std::uint32_t activity = 0) {
  auto message = parse_message(fixtures::plain_frame(json), {kHrp, generation, activity});
  if (!message) FAIL(message.error().what);
  return std::move(*message);
}

// "" when the block is accepted, else why not.
std::string refusal(std::string const& json, Generation generation, std::uint32_t activity = 0) {
  auto const message = parse(json, generation, activity);
  auto const* bad = std::get_if<BadBlock>(&message.body);
  return bad == nullptr ? "" : bad->error.reason;
}

// Changes the value behind the n-th `"key":` by one digit, hex or decimal.
std::string with_changed(std::string json, std::string const& key, std::size_t nth = 0) {
  std::string const quoted = "\"" + key + "\":";
  std::size_t at = 0;
  for (std::size_t i = 0; i <= nth; ++i) {
    at = json.find(quoted, at);
    REQUIRE(at != std::string::npos);
    at += quoted.size();
  }
  while (json[at] == '"' || json[at] == '-' || json[at] == '[') ++at;
  if (key == "timestamp") at += std::string_view("2019-11-18T17:00:13.13").size();
  json[at] = json[at] != '1' ? '1' : key == "multimap" ? '0' : '2';
  return json;
}

std::string replaced(std::string json, std::string const& from, std::string const& to) {
  auto const at = json.find(from);
  REQUIRE(at != std::string::npos);
  return json.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("micro blocks come back from JSON as from their raw form, whoever writes it") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    INFO("HOTSIDE_SEED=" << seed);
    auto const raw = BlockMaker(seed).micro(7, 3, seed % 4);
    auto const hash = micro_block_hash(raw.header);
    auto const expected = verify(raw, hash, true);
    REQUIRE(expected);
    CHECK(expected->outputs.size() == raw.header.outputs_len);
    for (auto generation : {Generation::dev, Generation::v1_2_2}) {
      auto const message = parse(block_json(raw, hash, generation, kHrp), generation);
      auto const* micro = std::get_if<MicroBlockMessage>(&message.body);
      if (micro == nullptr) FAIL(std::get<BadBlock>(message.body).error.what);
      CHECK(micro->block == *expected);
    }
  }
}

TEST_CASE("macro blocks come back, with an activity map that lost its zeros") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    INFO("HOTSIDE_SEED=" << seed);
    auto const raw = BlockMaker(seed).macro(7, seed % 5, 1 + seed * 3 % 11, 4);
    auto const hash = macro_block_hash(raw.header);
    auto const expected = verify(raw, hash, true, 6);
    REQUIRE(expected);
    CHECK(refusal(block_json(raw, hash, Generation::dev, kHrp), Generation::dev, 7) ==
          "block_hash");
    for (std::uint32_t const activity : {0U, 6U}) {
      auto const message =
          parse(block_json(raw, hash, Generation::dev, kHrp), Generation::dev, activity);
      auto const* macro = std::get_if<MacroBlockMessage>(&message.body);
      if (macro == nullptr) FAIL(std::get<BadBlock>(message.body).error.what);
      CHECK(macro->block == *expected);
    }
    auto const message =
        parse(block_json(raw, hash, Generation::v1_2_2, kHrp), Generation::v1_2_2, 6);
    auto block = std::get<MacroBlockMessage>(message.body).block;
    CHECK(block.evidence != expected->evidence);  // its time is cut
    block.evidence = expected->evidence;
    CHECK(block == *expected);
  }
}

TEST_CASE("the evidence of a macro block holds what a later check needs") {
  auto const raw = BlockMaker(5).macro(9, 2, 4, 3);
  auto const hash = macro_block_hash(raw.header);
  auto const message = parse(block_json(raw, hash, Generation::dev, kHrp), Generation::dev);
  auto const& bytes = std::get<MacroBlockMessage>(message.body).block.evidence;
  hotside::MacroEvidence evidence;
  REQUIRE(evidence.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  CHECK(evidence.exact_time());
  CHECK(evidence.block().header().activity_map_size() == 6);
  CHECK(evidence.block().header().timestamp() == raw.header.timestamp_ns);
  CHECK(evidence.block().multisigmap_size() == 4);
  CHECK(evidence.block().outputs_size() == 0);
  CHECK(to_hex(as_bytes(evidence.block().multisig().point().data())) == raw.multisig.hex());
  REQUIRE(evidence.validators_size() == 3);
  CHECK(to_hex(as_bytes(evidence.validators(2).network_key().point().data())) ==
        raw.validators[2].network_key.hex());
  CHECK(to_hex(as_bytes(evidence.block_hash().data())) == hash.hex());
}

TEST_CASE("no field of a micro block can be changed") {
  auto raw = BlockMaker(11).micro(7, 3, 1);
  raw.header.view_change_proof = RawViewChangeProof{"11", BlockMaker(1).bytes<BlsSignature>()};
  auto& payment = std::get<RawPayment>(raw.transactions[1]);
  BlockMaker maker(4);
  payment.outputs = {maker.payment(), maker.public_payment(), maker.stake()};
  fixtures::seal(raw);
  auto const hash = micro_block_hash(raw.header);
  struct Row {
    std::string key;
    std::size_t nth;
    std::string dev, classic;  // reasons
  };
  // v1.2.2 carries neither transaction hashes nor the full time: its header is held by links alone.
  std::vector<Row> const rows{
      {"block_hash", 0, "block_hash", ""},
      {"version", 0, "block_hash", ""},
      {"previous", 0, "block_hash", ""},
      {"epoch", 0, "block_hash", ""},
      {"offset", 0, "block_hash", ""},
      {"view_change", 0, "block_hash", ""},
      {"multimap", 0, "", ""},  // not hashed
      {"multisig", 0, "block_hash", ""},
      {"pkey", 0, "block_hash", ""},
      {"rand", 0, "block_hash", ""},
      {"proof", 0, "block_hash", ""},
      {"solution", 0, "block_hash", ""},
      {"timestamp", 0, "block_hash", ""},
      {"transactions_len", 0, "length", "length"},
      {"transactions_range_hash", 0, "transactions_root", "transactions_root"},
      {"inputs_len", 0, "length", "length"},
      {"inputs_range_hash", 0, "inputs_root", "inputs_root"},
      {"outputs_len", 0, "length", "length"},
      {"outputs_range_hash", 0, "outputs_root", "outputs_root"},
      {"canaries_range_hash", 0, "canaries_root", "canaries_root"},
      {"sig", 0, "", ""},  // of the leader: not verified
      {"tx_hash", 0, "tx_hash", "-"},
      {"output_hash", 0, "output_id", "output_id"},
      {"vcmt", 0, "output_id", "output_id"},
      {"ag", 0, "output_id", "output_id"},
      {"payload", 0, "output_id", "output_id"},
      {"serno", 0, "output_id", "output_id"},
      {"amount", 0, "output_id", "output_id"},
      {"validator", 0, "output_id", "output_id"},
      {"txins", 0, "tx_hash", "inputs_root"},
      {"block_reward", 0, "tx_hash", "transactions_root"},
      {"block_fee", 0, "tx_hash", "transactions_root"},
      {"gamma", 0, "tx_hash", "transactions_root"},
      {"gamma", 1, "tx_hash", "transactions_root"},
      {"fee", 0, "tx_hash", "transactions_root"},
      {"u", 0, "transactions_root", "transactions_root"},
      {"K", 0, "transactions_root", "transactions_root"},
  };
  for (auto generation : {Generation::dev, Generation::v1_2_2}) {
    bool const classic = generation == Generation::v1_2_2;
    auto const json = block_json(raw, hash, generation, kHrp);
    REQUIRE(refusal(json, generation).empty());
    for (auto const& row : rows) {
      auto const& expected = classic ? row.classic : row.dev;
      if (expected == "-") continue;
      INFO(to_string(generation) << " " << row.key << " " << row.nth);
      CHECK(refusal(with_changed(json, row.key, row.nth), generation) == expected);
    }
    // The signature of a stake is part of neither its id nor its transaction's hash.
    CHECK(refusal(with_changed(json, "signature"), generation).empty());
  }
}

TEST_CASE("no field of a macro block can be changed") {
  auto raw = BlockMaker(12).macro(7, 3, 6, 4);
  raw.outputs.push_back(BlockMaker(3).stake());
  fixtures::seal(raw);
  auto const hash = macro_block_hash(raw.header);
  struct Row {
    std::string key, dev, classic;
  };
  std::vector<Row> const rows{
      {"block_hash", "block_hash", ""},
      {"version", "block_hash", ""},
      {"previous", "block_hash", ""},
      {"epoch", "block_hash", ""},
      {"view_change", "block_hash", ""},
      {"pkey", "block_hash", ""},
      {"rand", "block_hash", ""},
      {"proof", "block_hash", ""},
      {"difficulty", "block_hash", ""},
      {"timestamp", "block_hash", ""},
      {"block_reward", "block_hash", ""},
      {"gamma", "block_hash", ""},
      {"validators_len", "length", "length"},
      {"validators_range_hash", "validators_root", "validators_root"},
      {"inputs_len", "length", "length"},
      {"inputs_range_hash", "inputs_root", "inputs_root"},
      {"outputs_len", "length", "length"},
      {"outputs_range_hash", "outputs_root", "outputs_root"},
      {"canaries_range_hash", "canaries_root", "canaries_root"},
      {"multisig", "", ""},  // for a later check
      {"output_hash", "output_id", "output_id"},
      {"network_pkey", "validators_root", "validators_root"},
      {"slots", "validators_root", "validators_root"},
  };
  for (auto generation : {Generation::dev, Generation::v1_2_2}) {
    auto const json = block_json(raw, hash, generation, kHrp);
    REQUIRE(refusal(json, generation, 6).empty());
    for (auto const& row : rows) {
      INFO(to_string(generation) << " " << row.key);
      CHECK(refusal(with_changed(json, row.key), generation, 6) ==
            (generation == Generation::dev ? row.dev : row.classic));
    }
    auto const map = replaced(json, "\"activity_map\":\"11", "\"activity_map\":\"10");
    CHECK(refusal(map, generation, 6) == (generation == Generation::dev ? "block_hash" : ""));
    CHECK(refusal(map, generation, 0) == (generation == Generation::dev ? "block_hash" : ""));
  }
}

TEST_CASE("a macro block's inputs and outputs are sorted, each once") {
  auto const raw = BlockMaker(13).macro(7, 3, 4, 0);
  auto const hash = macro_block_hash(raw.header);
  auto reason = [&](RawMacroBlock const& block) {
    auto const result = verify(block, hash, false, 6);
    auto const parsed =
        refusal(block_json(block, hash, Generation::v1_2_2, kHrp), Generation::v1_2_2);
    CHECK(parsed == (result ? "" : result.error().reason));
    return parsed;
  };
  CHECK(reason(raw).empty());
  auto swapped = raw;
  std::swap(swapped.inputs[0], swapped.inputs[1]);
  CHECK(reason(swapped) == "order");
  swapped = raw;
  std::swap(swapped.outputs[2], swapped.outputs[3]);
  CHECK(reason(swapped) == "order");
  auto doubled = raw;
  doubled.inputs.insert(doubled.inputs.begin(), raw.inputs[0]);
  CHECK(reason(doubled) == "order");
  doubled = raw;
  doubled.outputs.insert(doubled.outputs.begin(), raw.outputs[0]);
  CHECK(reason(doubled) == "order");
  auto missing = raw;
  missing.outputs.pop_back();
  CHECK(reason(missing) == "length");
}

TEST_CASE("slashing: the blocks of the proof never count, and v1.2.2 cannot be held to its root") {
  for (auto generation : {Generation::dev, Generation::v1_2_2}) {
    bool const exact = generation == Generation::dev;
    INFO(to_string(generation));
    BlockMaker maker(14);
    auto raw = maker.micro(7, 3, 1);
    raw.transactions.push_back(maker.slashing(true));
    fixtures::seal(raw);
    auto const hash = micro_block_hash(raw.header);
    auto const json = block_json(raw, hash, generation, kHrp);
    auto const message = parse(json, generation);
    auto const* micro = std::get_if<MicroBlockMessage>(&message.body);
    if (micro == nullptr) FAIL(std::get<BadBlock>(message.body).error.what);
    CHECK(micro->block.outputs.size() == raw.header.outputs_len);
    auto const& last = micro->block.transactions.back();
    CHECK(last.kind == model::TxKind::slashing);
    CHECK(last.hash.has_value() == exact);
    CHECK(last.output_end - last.output_begin == 2);
    auto const changed = with_changed(json, "transactions_range_hash");
    CHECK(refusal(changed, generation) == (exact ? "transactions_root" : ""));
    // Inputs and outputs are held by their own roots all the same.
    CHECK(refusal(with_changed(json, "inputs_range_hash"), generation) == "inputs_root");
    CHECK(refusal(with_changed(json, "transactions_len"), generation) == "length");
  }
}

TEST_CASE("key order is free, and a key given twice is an error") {
  auto const raw = BlockMaker(15).macro(7, 1, 3, 2);
  auto const hash = macro_block_hash(raw.header);
  auto const json = block_json(raw, hash, Generation::dev, kHrp);
  auto const type = std::string("\"type\":\"macro_block_committed\",");
  auto const moved = replaced(replaced(json, type, ""), "\"multisig\":", type + "\"multisig\":");
  CHECK(refusal(moved, Generation::dev).empty());
  auto const twice = replaced(json, "\"version\":1,", "\"version\":1,\"version\":1,");
  auto const message = parse_message(fixtures::plain_frame(twice), {kHrp, Generation::dev, 0});
  REQUIRE_FALSE(message);
  CHECK(message.error().reason == "json");
}

TEST_CASE("a recipient of another network, and one that is no point") {
  BlockMaker maker(16);
  auto raw = maker.macro(7, 0, 2, 0);
  auto const hash = macro_block_hash(raw.header);
  auto const json = block_json(raw, hash, Generation::dev, "stg");
  CHECK(refusal(json, Generation::dev) == "recipient");
  // Random recipients are no points in most cases, and are taken all the same.
  CHECK(refusal(block_json(raw, hash, Generation::dev, kHrp), Generation::dev).empty());
}

TEST_CASE("parts of a block that are larger than any are refused by their size") {
  auto const after = [](std::string json, std::string const& mark, std::string const& more) {
    auto const at = json.find(mark);
    REQUIRE(at != std::string::npos);
    return json.insert(at + mark.size(), more);
  };
  auto const of_size = [](std::size_t bytes) { return std::string(bytes, ' '); };
  auto const raw_micro = BlockMaker(3).micro(7, 3, 1);
  auto const micro =
      block_json(raw_micro, micro_block_hash(raw_micro.header), Generation::dev, kHrp);
  auto const in_transaction = [&](std::size_t bytes) {
    return refusal(after(micro, "\"transactions\":[{", of_size(bytes)), Generation::dev);
  };
  CHECK(in_transaction(60U << 20U).empty());
  CHECK(in_transaction(64U << 20U) == "size");
  auto const raw_macro = BlockMaker(3).macro(7, 2, 5, 4);
  auto const macro =
      block_json(raw_macro, macro_block_hash(raw_macro.header), Generation::dev, kHrp);
  auto const in_output = [&](std::size_t bytes) {
    return refusal(after(macro, "\"outputs\":[{", of_size(bytes)), Generation::dev, 6);
  };
  CHECK(in_output(1U << 19U).empty());
  CHECK(in_output(1U << 20U) == "size");
  auto const first = macro.find("\"validators\":[") + std::string_view("\"validators\":[").size();
  auto const one = macro.substr(first, macro.find('}', first) + 1 - first);
  std::string many;
  for (int i = 0; i < 4'096; ++i) many += one + ",";
  CHECK(refusal(after(macro, "\"validators\":[", many), Generation::dev, 6) == "size");
}

TEST_CASE("a bad block says which one it is") {
  auto const raw = BlockMaker(17).micro(7, 3, 0);
  auto const hash = micro_block_hash(raw.header);
  auto const json = block_json(raw, hash, Generation::dev, kHrp);
  auto const message = parse(with_changed(json, "previous"), Generation::dev);
  auto const& bad = std::get<BadBlock>(message.body);
  CHECK_FALSE(bad.is_macro);
  CHECK(bad.epoch == Epoch(7));
  CHECK(bad.offset == Offset(3));
  CHECK(bad.hash == hash);
  CHECK(bad.error.fault == Fault::peer);
  // A field is missing: still a block we can name.
  auto const cut = parse(replaced(json, "\"sig\"", "\"gis\""), Generation::dev);
  CHECK(std::holds_alternative<MicroBlockMessage>(cut.body));
  auto const lost = parse(replaced(json, "\"solution\"", "\"noitulos\""), Generation::dev);
  CHECK(std::get<BadBlock>(lost.body).error.reason == "field");
}
