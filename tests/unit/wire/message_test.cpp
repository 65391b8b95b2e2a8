#include "proto/wire/message.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "proto/wire/protobuf.hpp"
#include "tests/support/make_block.hpp"
#include "tests/vectors/fixtures.hpp"
#include "tests/vectors/plain.hpp"

using namespace hotside;
using namespace hotside::wire;

namespace {

std::string reason(std::string const& json) {
  auto const message = parse_message(fixtures::plain_frame(json), {"dev", Generation::unknown, 0});
  if (message) return "";
  CHECK(message.error().fault == Fault::peer);
  return message.error().reason;
}

template <class T>
T body(std::string const& json) {
  INFO(json);
  auto message = parse_message(fixtures::plain_frame(json), {"dev", Generation::unknown, 0});
  if (!message) FAIL(message.error().what);
  REQUIRE(std::holds_alternative<T>(message->body));
  return std::get<T>(std::move(message->body));
}

}  // namespace

TEST_CASE("what is no message") {
  CHECK(reason("{") == "json");
  CHECK(reason("{\"id\":1,\"id\":1}") == "json");
  CHECK(reason("{}") == "type");
  CHECK(reason("{\"type\":7}") == "type");
  CHECK(reason("{\"id\":\"7\",\"type\":\"error\"}") == "id");
  CHECK(reason("{\"id\":-7,\"type\":\"error\"}") == "id");
  CHECK(reason("{\"id\":18446744073709551616,\"type\":\"error\"}") == "id");
  CHECK(reason("{\"type\":\"error\"}") == "field");
  CHECK(reason("{\"type\":\"status_info\"}") == "field");
  CHECK(reason("{\"type\":\"micro_block_info\"}") == "field");  // no epoch: no block to name
  CHECK(reason("{\"type\":\"macro_block_info\",\"epoch\":1}") == "");
  CHECK(reason("{\"type\":\"outputs_list\",\"utxos\":[\"0\"]}") == "field");
  CHECK(reason("{\"type\":\"outputs_list\",\"utxos\":7}") == "field");
}

TEST_CASE("an outputs_list reply is no longer than any request") {
  std::string list;
  for (int i = 0; i < 101; ++i) list += "\"00\",";
  list.pop_back();
  CHECK(reason("{\"type\":\"outputs_list\",\"utxos\":[" + list + "]}") == "size");
}

TEST_CASE("ids: absent and 0 are none, the largest is one") {
  auto const id = [](std::string const& json) {
    auto const message =
        parse_message(fixtures::plain_frame(json), {"dev", Generation::unknown, 0});
    REQUIRE(message);
    return message->id;
  };
  CHECK_FALSE(id("{\"type\":\"x\"}"));
  CHECK_FALSE(id("{\"type\":\"x\",\"id\":0}"));
  CHECK(id("{\"id\":18446744073709551615,\"type\":\"x\"}") == UINT64_MAX);
}

TEST_CASE("a wallet's messages are passed over, whatever they are called") {
  CHECK(body<Ignored>("{\"type\":\"status_changed\",\"account_id\":\"1\"}").type ==
        "status_changed");
  CHECK(body<Ignored>("{\"type\":\"error\",\"error\":\"x\",\"account_id\":\"1\"}").type == "error");
  CHECK(body<Ignored>("{\"type\":\"" + std::string(1000, 'x') + "\"}").type.size() == 64);
}

TEST_CASE("errors: with a type, without one, and the generic one") {
  auto const plain = body<ErrorReply>("{\"type\":\"error\",\"error\":\"a \\\"b\\\"\",\"id\":1}");
  CHECK(plain.text == "a \"b\"");
  CHECK_FALSE(plain.generic);
  CHECK(body<ErrorReply>("{\"error\":\"Failed to parse request, no api\",\"id\":1}").generic);
}

TEST_CASE("a reverted block is named, its body is not looked at") {
  auto const hash = std::string(64, 'a');
  for (auto const* type : {"micro_block_reverted", "microblock_reverted"}) {
    auto const reverted = body<MicroBlockReverted>(
        "{\"type\":\"" + std::string(type) + "\",\"epoch\":4,\"offset\":59,\"block_hash\":\"" +
        hash + "\",\"transactions\":[1,{\"x\":[]}]}");
    CHECK(reverted.epoch == Epoch(4));
    CHECK(reverted.offset == Offset(59));
    CHECK(reverted.hash.hex() == hash);
  }
}

TEST_CASE("requests: what a node aborts on cannot be made") {
  fixtures::BlockMaker maker(1);
  CHECK_FALSE(OutputsList::make({}));
  CHECK(OutputsList::make(std::vector<Hash>(100)).has_value());
  CHECK_FALSE(OutputsList::make(std::vector<Hash>(101)));
  CHECK(BroadcastTransaction::make(encode_transaction(maker.transaction())).has_value());
  for (RawTransaction const& other :
       {RawTransaction(RawCoinbase{1, 2, {}, {maker.public_payment()}}),
        RawTransaction(RawRestake{{Hash{}}, {maker.stake()}, {}})}) {
    auto const refused = BroadcastTransaction::make(encode_transaction(other));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::rejected);
  }
  for (Bytes const& bytes : {Bytes{}, Bytes{0}, Bytes{1, 2, 3}, Bytes(1000, 0xff)})
    CHECK_FALSE(BroadcastTransaction::make(bytes));
}

TEST_CASE("requests: nothing recorded as fatal has a type to be written in") {
  // All that Request can write. The fatal calls are others, and the fatal frames are shorter than
  // what seal() makes of the shortest object (frame_test.cpp).
  std::set<std::string> writable;
  std::vector<Request> const all{
      VersionInfo{},
      ChainName{},
      StatusInfo{},
      SubscribeChain{},
      MacroBlockInfo{},
      MicroBlockInfo{},
      *OutputsList::make({Hash{}}),
      *BroadcastTransaction::make(encode_transaction(fixtures::BlockMaker(1).transaction()))};
  REQUIRE(all.size() == std::variant_size_v<Request>);
  for (auto const& request : all)
    for (auto dialect : {Dialect::classic, Dialect::v1_3}) {
      fixtures::Json const json(to_json(request, UINT64_MAX, dialect));
      writable.insert(fixtures::text(json.root, "type"));
      CHECK(std::uint64_t(json.root["id"]) == UINT64_MAX);
    }
  std::size_t fatal = 0;
  for (auto const* folder : {"dev", "v1.2.2"})
    for (auto const& line :
         fixtures::read_lines("recorded/" + std::string(folder) + "/fatal_requests.jsonl")) {
      fixtures::Json const entry(line);
      if (fixtures::text(entry.root, "dir") != "send") continue;
      ++fatal;
      if (!fixtures::has(entry.root, "msg")) continue;
      auto const type = fixtures::text(entry.root["msg"], "type");
      INFO(type);
      CHECK(writable.count(type) == 0);
    }
  WARN(fatal << " fatal inputs, none of which can be written");
  CHECK(fatal >= 10);
}
