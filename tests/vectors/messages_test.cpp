// The documented, computed and scenario messages, in all three generations' shapes.

#include <catch2/catch.hpp>
#include <set>

#include "proto/wire/block.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/message.hpp"
#include "proto/wire/protobuf.hpp"
#include "proto/wire/verify.hpp"
#include "tests/vectors/fixtures.hpp"
#include "tests/vectors/plain.hpp"

using namespace hotside;
using namespace hotside::wire;
namespace fx = hotside::fixtures;

namespace {

NodeMessage parse(std::string_view json, ParseOptions const& options) {
  INFO(json.substr(0, 300));
  auto message = parse_message(fx::plain_frame(json), options);
  if (!message) FAIL(message.error().what);
  return std::move(*message);
}

template <class T>
T body(std::string_view json, ParseOptions const& options = {"stt", Generation::unknown, 0}) {
  INFO(json.substr(0, 300));
  auto message = parse(json, options);
  if (auto const* bad = std::get_if<BadBlock>(&message.body))
    FAIL(bad->error.reason << ": " << bad->error.what);
  REQUIRE(std::holds_alternative<T>(message.body));
  return std::get<T>(std::move(message.body));
}

std::vector<Hash> hashes(fx::dom::element const& list) {
  std::vector<Hash> values;
  for (auto const text : list) values.push_back(*Hash::from_hex(std::string_view(text)));
  return values;
}

Generation generation_of(std::string const& name) {
  if (name.find("/v1.2.2.") != std::string::npos) return Generation::v1_2_2;
  return name.find("/dev.") != std::string::npos ? Generation::dev : Generation::v1_3;
}

// What scenario/expected.json says about the block of this hash.
struct Expected {
  fx::Json file = fx::json_file("scenario/expected.json");
  fx::dom::element find(Hash const& hash) {
    for (auto const field : fx::dom::object(file.root["blocks"]))
      if (fx::hash(field.value, "hash") == hash) return field.value;
    FAIL("no block " << hash.hex());
    return {};
  }
};

void check_block(Expected& expected, model::MicroBlock const& block) {
  auto const entry = expected.find(block.hash);
  CHECK(block.previous == fx::hash(entry, "previous"));
  CHECK(block.epoch.value == std::uint64_t(entry["epoch"]));
  CHECK(block.offset.value == std::uint64_t(entry["offset"]));
  CHECK(block.inputs == hashes(entry["inputs"]));
  CHECK(block.outputs == hashes(entry["outputs"]));
  CHECK(to_unix_ms(block.time) == std::int64_t(entry["timestamp_ns"]) / 1'000'000);
  std::vector<Hash> transactions;
  for (auto const& tx : block.transactions) transactions.push_back(tx.hash.value_or(Hash{}));
  CHECK(transactions == hashes(entry["tx_hashes"]));
  CHECK(block.transactions.back().output_end == block.outputs.size());
  for (auto const& payment : block.payments) CHECK(payment.id == block.outputs[payment.output]);
}

void check_block(Expected& expected, model::MacroBlock const& block) {
  auto const entry = expected.find(block.hash);
  CHECK(block.previous == fx::hash(entry, "previous"));
  CHECK(block.inputs == hashes(entry["inputs"]));
  CHECK(block.outputs == hashes(entry["outputs"]));
  for (auto const& payment : block.payments) CHECK(payment.id == block.outputs[payment.output]);
}

// Returns whether the message held a block.
bool check_message(Expected& expected, NodeMessage const& message) {
  if (auto const* bad = std::get_if<BadBlock>(&message.body))
    FAIL(bad->error.reason << ": " << bad->error.what);
  CHECK_FALSE(std::holds_alternative<Ignored>(message.body));
  CHECK_FALSE(std::holds_alternative<ErrorReply>(message.body));
  if (auto const* micro = std::get_if<MicroBlockMessage>(&message.body)) {
    check_block(expected, micro->block);
    return true;
  }
  auto const* macro = std::get_if<MacroBlockMessage>(&message.body);
  if (macro != nullptr) check_block(expected, macro->block);
  return macro != nullptr;
}

}  // namespace

TEST_CASE("scenario: every message of every story, and what its blocks hold") {
  Expected expected;
  std::size_t blocks = 0;
  std::size_t messages = 0;
  for (auto const& name : fx::list("scenario", ".jsonl")) {
    for (auto const& line : fx::read_lines(name)) {
      INFO(name << ": " << line.substr(0, 200));
      // Neither generation nor activity length is told: both must show by themselves.
      blocks += check_message(expected, parse(line, {"stt", Generation::unknown, 0})) ? 1U : 0U;
      ++messages;
    }
  }
  WARN(messages << " scenario messages, " << blocks << " blocks verified");
  CHECK(blocks > 25);
}

TEST_CASE("scenario: single replies and notices of each generation") {
  Expected expected;
  std::size_t blocks = 0;
  for (auto const& name : fx::list("scenario", ".response.json")) {
    auto const generation = generation_of(name);
    auto const message = parse(fx::read_file(name), {"stt", generation, 8});
    blocks += check_message(expected, message) ? 1U : 0U;
    if (auto const* status = std::get_if<StatusReply>(&message.body))
      CHECK(status->generation == generation);
  }
  CHECK(blocks == 6);
  for (auto const& name : fx::list("scenario", ".notification.json"))
    CHECK(body<StatusReply>(fx::read_file(name)).generation == generation_of(name));
}

TEST_CASE("scenario: public payments are read in full") {
  auto const expected = fx::json_file("scenario/expected.json");
  std::size_t found = 0;
  std::set<Hash> seen;
  for (auto const& name : fx::list("scenario", ".jsonl"))
    for (auto const& line : fx::read_lines(name)) {
      auto const message = parse(line, {"stt", Generation::unknown, 0});
      std::vector<model::PublicPayment> payments;
      if (auto const* micro = std::get_if<MicroBlockMessage>(&message.body))
        payments = micro->block.payments;
      if (auto const* macro = std::get_if<MacroBlockMessage>(&message.body))
        payments = macro->block.payments;
      for (auto const& payment : payments)
        for (auto const field : fx::dom::object(expected.root["outputs"]))
          if (fx::hash(field.value, "output_hash") == payment.id &&
              seen.insert(payment.id).second) {
            CHECK(payment.amount.value == std::int64_t(field.value["amount"]));
            CHECK(std::to_string(payment.serno) == fx::text(field.value, "serno_str"));
            CHECK(output_id(RawPublicOutput{payment.recipient, payment.serno,
                                            payment.amount.value}) == payment.id);
            ++found;
          }
    }
  CHECK(found == 5);
}

TEST_CASE("real: the testnet's genesis block as a node shows it") {
  auto const text = fx::read_file("real/testnet_macro_block_0.json");
  auto const message = body<MacroBlockMessage>(text);
  auto const expected = fx::json_file("genesis/testnet.expected.json");
  CHECK(message.block.hash == fx::hash(expected.root, "block_hash"));
  CHECK(message.block.previous == fx::hash(expected.root, "previous"));
  auto const header = parse_macro_header(text);
  REQUIRE(header);
  CHECK(search_timestamp(*header, message.block.hash) ==
        std::uint64_t(expected.root["timestamp_ns"]));
}

TEST_CASE("real: a micro block whose publisher cut an output") {
  auto const text = fx::read_file("real/testnet_micro_block_1834_42.json");
  auto const expected = fx::json_file("real/testnet_micro_block_1834_42.expected.json");
  auto const bad = std::get<BadBlock>(parse(text, {"stt", Generation::v1_2_2, 0}).body);
  CHECK(bad.error.reason == "field");  // the payload is missing altogether
  CHECK(bad.epoch == Epoch(1834));
  CHECK(bad.offset == Offset(42));
  CHECK(bad.hash == fx::hash(expected.root, "block_hash"));
  auto header = parse_micro_header(text);
  REQUIRE(header);
  CHECK(search_timestamp(*header, *bad.hash) == std::uint64_t(expected.root["timestamp_ns"]));
  // What does not need the payload: the roots over its claimed id and over its only transaction.
  auto const json = fx::Json(text);
  auto const coinbase = json.root["transactions"].at(0).value();
  CHECK(merkle_root_of_ids(std::array{fx::hash(coinbase["txouts"].at(0), "output_hash")}) ==
        header->outputs_root);
  CHECK(merkle_root_of_ids(std::array{fx::hash(expected.root, "coinbase_tx_hash")}) ==
        header->transactions_root);
}

TEST_CASE("documentation: replies of the exchange calls") {
  auto const status = body<StatusReply>(fx::read_file("seed/status_info.response.json"));
  CHECK(status.epoch == Epoch(16));
  CHECK(status.generation == Generation::dev);  // nine digits, whatever the page says
  body<StatusReply>(fx::read_file("seed/subscribe_status.response.json"));
  body<StatusReply>(fx::read_file("seed/status_changed.notification.json"));
  auto const subscribed =
      body<SubscribedReply>(fx::read_file("seed/subscribe_chain.response.json"));
  CHECK(subscribed.offset == Offset(2));
  auto const outputs = body<OutputsReply>(fx::read_file("seed/outputs_list.response.json"));
  REQUIRE(outputs.blobs.size() == 1);
  auto const output = decode_output(outputs.blobs[0]);
  REQUIRE(output);
  CHECK(output_id(*output).hex() ==
        "33a3362aa631a9e6bff4d7c492c97112e0699917f9c3a236711ed3cb3f7281f3");
  CHECK(body<BroadcastReply>(fx::read_file("seed/broadcast_transaction.response.json")).accepted);
  body<Ignored>(fx::read_file("seed/create_raw_transaction.response.json"));
}

TEST_CASE("replies and errors of every version") {
  auto const file = fx::json_file("responses.json");
  auto const text = [&](std::string_view pointer) {
    return fx::minified(file.root.at_pointer(pointer).value());
  };
  CHECK(body<VersionReply>(text("/version_info")).version == "1.2.2 (cc1b522f 2020-03-04)");
  CHECK(body<ChainNameReply>(text("/chain_name")).name == "testnet");
  for (auto const* pointer :
       {"/outputs_list_missing/v1_2_2", "/outputs_list_missing/dev", "/outputs_list_missing/v1_3",
        "/subscribe_chain_future/v1_2_2", "/macro_info_missing/v1_2_2_and_dev",
        "/macro_info_missing/v1_3", "/micro_info_missing/v1_2_2_and_dev",
        "/micro_info_missing/v1_3", "/broadcast_not_synchronized"})
    CHECK_FALSE(body<ErrorReply>(text(pointer)).generic);
  for (auto const* pointer : {"/subscribe_chain_future/dev_and_v1_3", "/unknown_type/dev_and_v1_3"})
    CHECK(body<ErrorReply>(text(pointer)).generic);
  auto const accepted = body<BroadcastReply>(text("/broadcast_accepted"));
  CHECK(accepted.accepted);
  CHECK(accepted.error.empty());
  auto const rejected = body<BroadcastReply>(text("/broadcast_rejected"));
  CHECK_FALSE(rejected.accepted);
  CHECK(rejected.error.starts_with("Missing transaction input"));
  body<Ignored>(text("/public_payment_info/after_macro_1/v1_2_2_tag"));
  body<Ignored>(text("/public_payment_info/after_macro_1/v1_3"));
  for (auto const notice : file.root["unsolicited_v1_2_2"]) body<Ignored>(fx::minified(notice));
}

namespace {

// Key order is free: compares two objects member by member.
void check_same(std::string const& ours, fx::dom::element const& theirs) {
  fx::Json const json(ours);
  std::size_t count = 0;
  for (auto const field : fx::dom::object(theirs)) {
    INFO(field.key);
    REQUIRE(fx::has(json.root, field.key));
    CHECK(fx::minified(json.root[field.key]) == fx::minified(field.value));
    ++count;
  }
  CHECK(fx::dom::object(json.root).size() == count);
}

std::optional<Request> request_of(fx::dom::element const& json) {
  auto const type = fx::text(json, "type");
  auto const epoch = [&] { return Epoch(json["epoch"]); };
  auto const offset = [&] {
    return Offset(static_cast<std::uint32_t>(std::uint64_t(json["offset"])));
  };
  if (type == "version_info") return VersionInfo{};
  if (type == "chain_name") return ChainName{};
  if (type == "status_info") return StatusInfo{};
  if (type == "subscribe_chain") return SubscribeChain{epoch(), offset()};
  if (type == "macro_block_info" || type == "macroblock_info") return MacroBlockInfo{epoch()};
  if (type == "micro_block_info" || type == "microblock_info")
    return MicroBlockInfo{epoch(), offset()};
  if (type == "outputs_list") return *OutputsList::make(hashes(json["utxos"]));
  if (type == "broadcast_transaction") return *BroadcastTransaction::make(fx::bytes(json, "data"));
  return std::nullopt;  // not ours to send
}

}  // namespace

TEST_CASE("requests are written as the nodes read them") {
  auto const file = fx::json_file("requests.json");
  std::size_t count = 0;
  std::set<std::string> not_ours;
  for (auto const section : fx::dom::object(file.root))
    for (auto const json : section.value) {
      auto const request = request_of(json);
      if (!request) {
        not_ours.insert(fx::text(json, "type"));
        continue;
      }
      auto const dialect = section.key == "v1_3" ? Dialect::v1_3 : Dialect::classic;
      check_same(to_json(*request, json["id"], dialect), json);
      ++count;
    }
  CHECK(count == 10);
  CHECK(not_ours == std::set<std::string>{"subscribe_status", "public_payment_info"});
}

TEST_CASE("documented transactions may be broadcast, their bytes unchanged") {
  for (auto const* name :
       {"seed/broadcast_transaction.request.json", "seed/create_raw_transaction.response.json"}) {
    auto const json = fx::json_file(name);
    auto const data = fx::bytes(json.root, "data");
    auto const request = BroadcastTransaction::make(data);
    REQUIRE(request);
    CHECK(request->data() == data);
  }
}
