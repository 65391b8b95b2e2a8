// Whatever the script says, the chain stays consistent and its JSON is what the codec accepts.

#include <simdjson.h>

#include <fstream>

#include "proto/wire/hash.hpp"
#include "proto/wire/verify.hpp"
#include "sim_fixture.hpp"

using namespace hotside;
using namespace hotside::simnode;

namespace {

void check_chain(Node const& node) {
  auto const& view = node.chain().view();
  std::uint32_t validators = view.macros[0]->block.header.validators_len;
  for (auto const& macro : view.macros) {
    auto const verified = wire::verify(macro->block, macro->hash, true, validators);
    INFO((verified ? "" : verified.error().what));
    REQUIRE(verified.has_value());
    validators = macro->block.header.validators_len;
    if (macro->block.header.epoch > 0)
      CHECK(macro->block.header.previous == view.macros[macro->block.header.epoch - 1]->hash);
  }
  Hash previous = view.macros.back()->hash;
  for (auto const& micro : view.micros) {
    auto const verified = wire::verify(micro->block, micro->hash, true);
    INFO((verified ? "" : verified.error().what));
    REQUIRE(verified.has_value());
    CHECK(micro->block.header.previous == previous);
    previous = micro->hash;
  }
}

// Every payment of a block carries a signature that its inputs confirm.
void check_signatures(Micro const& micro) {
  std::size_t at = 0;
  for (auto const& tx : micro.block.transactions) {
    auto const count = inputs_of(tx).size();
    auto const inputs = std::span(micro.spent).subspan(at, count);
    at += count;
    if (auto const* payment = std::get_if<wire::RawPayment>(&tx))
      CHECK(check_signature(*payment, inputs) == Flaw::none);
  }
}

struct Judge final : Listener {
  explicit Judge(Node& node) : node_(node) { node.attach(this); }
  ~Judge() override { node_.detach(this); }
  void on_change(Change const& change, Status const&) override {
    if (change.kind == Change::Kind::reverted) return;
    ++blocks;
    if (change.micro) {
      REQUIRE(wire::verify(change.micro->block, change.micro->hash, true).has_value());
      check_signatures(*change.micro);
    } else {
      REQUIRE(wire::verify(change.macro->block, change.macro->hash, true, 4).has_value());
    }
  }
  void on_turn() override {}
  void pump() override {}
  void send_raw(std::string) override {}
  void drop() override {}

  std::size_t blocks = 0;

 private:
  Node& node_;
};

}  // namespace

TEST_CASE("a node starts with genesis and two final epochs, on every network") {
  auto const network = GENERATE("dev", "devnet", "testnet", "mainnet");
  auto node = make_node(Generation::dev, 3, 1, network);
  auto const& view = node->chain().view();
  CHECK(view.epoch() == 3);
  CHECK(view.offset() == 0);
  CHECK(view.macros[1]->block.outputs.size() == 4);
  auto const known = model::network_by_name(network)->genesis;
  if (known) CHECK(view.macros[0]->hash == *known);
  check_chain(*node);
}

TEST_CASE("random actions over thousands of blocks leave a chain that verifies") {
  auto const seed = GENERATE(1u, 2u);
  INFO("HOTSIDE_SEED=" << seed);
  auto node = make_node(Generation::dev, 6, seed);
  Judge judge(*node);
  Rng rng(seed);
  auto const own = split_words(done(*node, "addresses"));
  auto const address = [&] { return own[rng.below(own.size())]; };
  while (judge.blocks < 1200) {
    switch (rng.below(12)) {
      case 0:
        static_cast<void>(act(*node, "fork " + std::to_string(1 + rng.below(4)) +
                                         (rng.one_in(2)   ? " keep"
                                          : rng.one_in(2) ? " drop"
                                                          : "")));
        break;
      case 1:
        static_cast<void>(act(*node, "pop " + std::to_string(1 + rng.below(3))));
        break;
      case 2:
        static_cast<void>(act(*node, "spend " + address() + (rng.one_in(2) ? " 1500" : "")));
        break;
      case 3:
        static_cast<void>(act(*node, "recreate " + address()));
        break;
      case 4:
        static_cast<void>(act(*node, "award " + address() + " 77"));
        break;
      case 5:
        static_cast<void>(act(*node, "epoch-length " + std::to_string(1 + rng.below(9))));
        break;
      case 6:
        static_cast<void>(act(*node, "seal-without " + address()));
        break;
      case 7:
      case 8:
        static_cast<void>(act(*node, "pay " + address() + " " +
                                         std::to_string(10'000 + rng.below(1'000'000)) + " 2"));
        break;
      default:
        static_cast<void>(act(*node, "grow " + std::to_string(1 + rng.below(6))));
    }
    // Two outputs of one id in one epoch would stand in its way for ever.
    if (!act(*node, "grow")) static_cast<void>(act(*node, "fork 1 drop"));
  }
  check_chain(*node);
}

TEST_CASE("the same seed makes the same outputs") {
  auto const ids = [](std::uint64_t seed) {
    auto node = make_node(Generation::dev, 5, seed);
    auto text = done(*node, "pay " + split_words(done(*node, "addresses"))[1] + " 5000 3");
    done(*node, "grow 3");
    for (auto const& micro : node->chain().view().micros)
      for (auto const& id : outputs_of(micro->block)) text += " " + id.hex();
    return text;
  };
  CHECK(ids(11) == ids(11));
  CHECK(ids(11) != ids(12));
}

TEST_CASE("genesis as JSON equals what a real node says, field by field") {
  auto const generation = GENERATE(Generation::v1_2_2, Generation::dev);
  auto const folder = generation == Generation::dev ? "dev" : "v1.2.2";
  std::ifstream recorded(std::string(HS_SOURCE_DIR) + "/tests/vectors/stegos/recorded/" + folder +
                         "/offline.jsonl");
  REQUIRE(recorded);
  simdjson::dom::parser parser;
  std::string expected;
  for (std::string line; std::getline(recorded, line);) {
    simdjson::dom::element entry;
    REQUIRE(parser.parse(line).get(entry) == simdjson::SUCCESS);
    std::string_view type;
    std::uint64_t epoch = 1;
    if (entry["msg"]["type"].get(type) != simdjson::SUCCESS || type != "macro_block_info") continue;
    if (entry["msg"]["epoch"].get(epoch) != simdjson::SUCCESS || epoch != 0) continue;
    if (entry["msg"]["block_hash"].error() != simdjson::SUCCESS) continue;
    expected = simdjson::minify(entry["msg"]);
  }
  REQUIRE(!expected.empty());
  auto node = make_node(generation, 2);
  Client client(*node);
  // Real ids of requests differ; everything else is compared as text, key order included.
  auto const id = expected.substr(expected.rfind(':') + 1);
  auto const number = id.substr(0, id.size() - 1);
  CHECK(client.ask(R"({"type":"macro_block_info","epoch":0,"id":)" + number + "}") == expected);
}

TEST_CASE("every block of every generation parses and verifies as JSON") {
  auto const generation = GENERATE(Generation::v1_2_2, Generation::dev, Generation::v1_3);
  auto node = make_node(generation, 5);
  Client client(*node);
  auto const own = split_words(done(*node, "addresses"));
  done(*node, "pay " + own[0] + " 70000 3");
  done(*node, "pay-many 5");
  done(*node, "grow");
  done(*node, "spend " + own[0]);
  done(*node, "fork 1 keep");
  done(*node, "grow 2");
  std::string const block = generation == Generation::v1_3 ? "block_info" : "_block_info";
  for (std::uint64_t epoch = 0; epoch < node->chain().view().epoch(); ++epoch) {
    auto const macro = body_of<wire::MacroBlockMessage>(
        *node, client.ask(R"({"type":"macro)" + block + R"(","epoch":)" + std::to_string(epoch) +
                          R"(,"id":1})"));
    CHECK(macro.block.hash == node->chain().view().macros[epoch]->hash);
  }
  for (std::uint32_t offset = 0; offset < node->chain().view().offset(); ++offset) {
    auto const micro = body_of<wire::MicroBlockMessage>(
        *node, client.ask(R"({"type":"micro)" + block + R"(","epoch":3,"offset":)" +
                          std::to_string(offset) + R"(,"id":1})"));
    CHECK(micro.block.hash == node->chain().view().micros[offset]->hash);
  }
}
