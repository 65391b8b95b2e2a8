// Every message of every recording is understood, and every block in them verifies.

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "proto/wire/block.hpp"
#include "proto/wire/message.hpp"
#include "proto/wire/protobuf.hpp"
#include "tests/vectors/fixtures.hpp"
#include "tests/vectors/plain.hpp"

using namespace hotside;
using namespace hotside::wire;
namespace fx = hotside::fixtures;

namespace {

// The message of a recorded line, byte for byte as it was received; empty for other lines.
std::string_view received(std::string const& line) {
  constexpr std::string_view kDir = "\"dir\":\"recv\",\"msg\":";
  auto const at = line.find(kDir);
  if (at == std::string::npos) return {};
  auto const begin = at + kDir.size();
  return std::string_view(line).substr(begin, line.size() - begin - 1);
}

struct Tally {
  std::map<std::string, std::size_t> kinds;
  std::set<Hash> micro, macro;
  std::size_t payments = 0, transactions = 0;
};

struct Count {
  Tally& tally;
  void operator()(MicroBlockMessage const& message) const {
    tally.micro.insert(message.block.hash);
    tally.payments += message.block.payments.size();
    for (auto const& tx : message.block.transactions) {
      CHECK(tx.hash.has_value());
      ++tally.transactions;
    }
    ++tally.kinds["micro"];
  }
  void operator()(MacroBlockMessage const& message) const {
    tally.macro.insert(message.block.hash);
    tally.payments += message.block.payments.size();
    CHECK_FALSE(message.block.evidence.empty());
    ++tally.kinds["macro"];
  }
  void operator()(BadBlock const& bad) const {
    FAIL("epoch " << bad.epoch.value << ": " << bad.error.reason << ": " << bad.error.what);
  }
  void operator()(MicroBlockReverted const&) const { ++tally.kinds["reverted"]; }
  void operator()(StatusReply const& status) const {
    CHECK(status.last_macro_block_time.has_value());
    ++tally.kinds["status " + std::string(model::to_string(status.generation))];
  }
  void operator()(ErrorReply const& error) const {
    CHECK_FALSE(error.text.empty());
    ++tally.kinds[error.generic ? "generic error" : "error"];
  }
  void operator()(OutputsReply const& reply) const {
    for (auto const& blob : reply.blobs) {
      auto const output = decode_output(blob);
      REQUIRE(output);
      CHECK(encode_output(*output) == blob);
      ++tally.kinds["blobs"];
    }
  }
  void operator()(Ignored const& ignored) const { ++tally.kinds["ignored " + ignored.type]; }
  template <class Other>
  void operator()(Other const&) const {
    ++tally.kinds["other"];
  }
};

void read_recording(std::string const& name, Generation generation, Tally& tally) {
  ParseOptions const options{"dev", generation, 4};
  for (auto const& line : fx::read_lines(name)) {
    auto const text = received(line);
    if (text.empty()) continue;
    INFO(name << ": " << text.substr(0, 200));
    auto const message = parse_message(fx::plain_frame(text), options);
    if (!message) FAIL(message.error().what);
    CHECK(message->id.has_value() == (text.find("\"id\":") != std::string_view::npos));
    std::visit(Count{tally}, message->body);
  }
}

void report(std::string const& folder, Tally const& tally) {
  std::string text = folder + ": " + std::to_string(tally.micro.size()) + " micro and " +
                     std::to_string(tally.macro.size()) + " macro blocks, " +
                     std::to_string(tally.transactions) + " transactions, " +
                     std::to_string(tally.payments) + " public payments verified;";
  for (auto const& [kind, count] : tally.kinds) text += " " + kind + " " + std::to_string(count);
  WARN(text);
}

Tally read_folder(std::string const& folder, Generation generation) {
  Tally tally;
  for (auto const& name : fx::list("recorded/" + folder, ".jsonl"))
    if (!name.ends_with("wire_frames.jsonl")) read_recording(name, generation, tally);
  for (auto const& name : fx::list("recorded/" + folder, ".gz"))
    read_recording(name, generation, tally);
  report(folder, tally);
  return tally;
}

}  // namespace

TEST_CASE("recordings of dev: every block hash, transaction hash and root") {
  auto const tally = read_folder("dev", Generation::dev);
  CHECK(tally.micro.size() == 759);
  CHECK(tally.macro.size() == 14);
  CHECK(tally.kinds.count("status 1.2.2") == 0);
  CHECK(tally.kinds.count("status dev") == 1);
}

TEST_CASE("recordings of v1.2.2: every root") {
  auto const tally = read_folder("v1.2.2", Generation::v1_2_2);
  CHECK(tally.micro.size() == 1091);
  CHECK(tally.macro.size() == 26);
  CHECK(tally.kinds.count("status dev") == 0);
  CHECK(tally.kinds.count("status 1.2.2") == 1);
}

TEST_CASE("v1.2.2: block hashes are found among the nanoseconds that were cut") {
  // One micro and one macro block: a search goes through up to a million hashes.
  std::size_t micro = 0;
  std::size_t macro = 0;
  for (auto const& line : fx::read_lines("recorded/v1.2.2/pull_calls.jsonl.gz")) {
    auto const text = received(line);
    auto const fields = text.empty() ? JsonFields() : *JsonFields::read(text);
    if (!fields.has("block_hash")) continue;
    fx::Json const json{std::string(text)};
    auto const hash = fx::hash(json.root, "block_hash");
    if (fields.has("transactions") && micro == 0) {
      auto const header = parse_micro_header(text);
      REQUIRE(header);
      CHECK(search_timestamp(*header, hash).has_value());
      ++micro;
    } else if (fields.has("multisig") && macro == 0) {
      auto header = parse_macro_header(text);
      REQUIRE(header);
      header->activity_map.resize(4, '0');
      CHECK(search_timestamp(*header, hash).has_value());
      ++macro;
    }
  }
  CHECK(micro + macro == 2);
}
