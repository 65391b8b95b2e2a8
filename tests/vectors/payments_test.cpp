// The signature of every recorded payment whose inputs are known, and what one wrong bit does.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <set>

#include "proto/wire/block.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/payment_check.hpp"
#include "proto/wire/protobuf.hpp"
#include "tests/vectors/fixtures.hpp"

using namespace hotside;
using namespace hotside::wire;
namespace fx = hotside::fixtures;

namespace {

struct Recorded {
  std::map<Hash, RawOutput> outputs;
  std::map<Hash, RawPayment> payments;  // by transaction hash

  void take_output(fx::dom::element const& json) {
    RawOutput output;
    auto const id = parse_output(fx::minified(json), "dev", output);
    if (!id) FAIL(id.error().what << fx::minified(json).substr(0, 300));
    REQUIRE(id);
    outputs.emplace(*id, output);
  }
  void take_payment(fx::dom::element const& json) {
    RawPayment tx;
    for (auto const id : json["txins"])
      tx.inputs.push_back(Hash::from_hex(std::string(id.get_string().value())).value());
    for (auto const output : json["txouts"]) {
      RawOutput raw;
      REQUIRE(parse_output(fx::minified(output), "dev", raw));
      tx.outputs.push_back(raw);
      take_output(output);
    }
    auto const reversed = [](std::string const& hex) {
      auto bytes = from_hex(std::string_view(hex)).value();
      std::reverse(bytes.begin(), bytes.end());
      return bytes;
    };
    tx.gamma = Scalar::from_bytes(reversed(fx::text(json, "gamma"))).value();
    tx.fee = json["fee"].get_int64().value();
    tx.sig_u = Scalar::from_bytes(reversed(fx::text(json["sig"], "u"))).value();
    tx.sig_k = Point::from_bytes(reversed(fx::text(json["sig"], "K"))).value();
    payments.emplace(tx_hash(RawTransaction(tx)), tx);
  }
  std::set<std::string> sent;  // as broadcast, and as create_raw_transaction gave it

  void take(fx::dom::element const& message) {
    auto const is_raw =
        fx::has(message, "type") && (fx::text(message, "type") == "broadcast_transaction" ||
                                     fx::text(message, "type") == "create_raw_transaction");
    if (is_raw && fx::has(message, "data")) sent.insert(fx::text(message, "data"));
    for (auto const* list : {"utxos", "unspent_list"})
      if (fx::has(message, list))
        for (auto const hex : message[list]) {
          auto const blob = from_hex(std::string_view(hex.get_string().value()));
          if (auto const output = decode_output(blob.value_or(Bytes{})))
            outputs.emplace(output_id(*output), *output);
        }
    if (!fx::has(message, "block_hash")) return;
    if (fx::has(message, "transactions"))
      for (auto const tx : message["transactions"]) {
        std::string const type = fx::text(tx, "type");
        if (type == "payment_transaction")
          take_payment(tx);
        else if (fx::has(tx, "txouts"))
          for (auto const output : tx["txouts"]) take_output(output);
      }
    if (fx::has(message, "outputs") && fx::has(message, "inputs"))
      for (auto const output : message["outputs"]) take_output(output);
  }
  std::optional<std::vector<RawOutput>> inputs_of(RawPayment const& tx) const {
    std::vector<RawOutput> found;
    for (auto const& id : tx.inputs) {
      auto const at = outputs.find(id);
      if (at == outputs.end()) return std::nullopt;
      found.push_back(at->second);
    }
    return found;
  }
};

Recorded const& recorded() {
  static Recorded const all = [] {
    Recorded made;
    for (std::string const folder : {"recorded/v1.2.2", "recorded/dev"})
      for (auto const& name : fx::list(folder, ".jsonl.gz"))
        for (auto const& line : fx::read_lines(name)) {
          fx::Json const json(line);
          if (fx::has(json.root, "msg") && json.root["msg"].is_object())
            made.take(json.root["msg"].value());
        }
    return made;
  }();
  return all;
}

// Whether these bytes pass as a payment of these very inputs.
bool passes(Bytes const& data, std::vector<Hash> const& ids, std::vector<RawOutput> const& inputs) {
  auto const payment = read_payment(data, {.fee_per_output = 0, .fee_max = INT64_MAX});
  return payment && payment->tx.inputs == ids && check_payment(*payment, inputs).has_value();
}

}  // namespace

TEST_CASE("payments: every recorded signature holds, and the bytes are the node's own") {
  std::size_t checked = 0;
  for (auto const& [hash, tx] : recorded().payments) {
    auto const inputs = recorded().inputs_of(tx);
    if (!inputs) continue;
    INFO(hash.hex());
    auto const data = encode_transaction(RawTransaction(tx));
    auto const payment = read_payment(data, {.fee_per_output = 0, .fee_max = INT64_MAX});
    if (!payment) FAIL(payment.error().what);
    CHECK(payment->hash == hash);
    auto const done = check_payment(*payment, *inputs);
    if (!done) FAIL(done.error().what);
    ++checked;
  }
  CHECK(checked >= 22);
}

TEST_CASE("payments: what nodes encode is taken as it is") {
  std::size_t payments = 0;
  for (auto const& hex : recorded().sent) {
    auto const data = from_hex(std::string_view(hex));
    if (!data || !decode_transaction(*data)) continue;
    INFO(hex.substr(0, 200));
    auto const read = read_payment(*data, {.fee_per_output = 0, .fee_max = INT64_MAX});
    if (!read) CHECK(read.error().reason != "undecodable");
    ++payments;
  }
  CHECK(payments >= 20);
}

TEST_CASE("payments: the documented transaction verifies with its documented input") {
  auto const file = fx::json_file("vectors/payment_transactions.json");
  auto const outputs = fx::json_file("vectors/outputs.json");
  auto const entry = file.root.at(0).value();
  auto const payment = read_payment(fx::bytes(entry, "data"), {.fee_max = INT64_MAX});
  REQUIRE(payment);
  CHECK(payment->hash == fx::hash(entry, "tx_hash"));
  std::vector<RawOutput> inputs;
  for (auto const& id : payment->tx.inputs)
    for (auto const output : outputs.root) {
      auto const decoded = decode_output(fx::bytes(output, "blob_hex"));
      if (decoded && output_id(*decoded) == id) inputs.push_back(*decoded);
    }
  REQUIRE(inputs.size() == payment->tx.inputs.size());
  CHECK(check_payment(*payment, inputs).has_value());
}

TEST_CASE("payments: one flipped bit anywhere is refused") {
  auto const& all = recorded();
  std::set<std::string> shapes;
  std::size_t transactions = 0;
  bool const is_every_bit = std::getenv("HOTSIDE_EVERY_BIT") != nullptr;  // minutes
  for (auto const& [hash, tx] : all.payments) {
    auto const inputs = all.inputs_of(tx);
    if (!inputs) continue;
    // A shape: which kinds it spends and makes.
    std::string shape;
    for (auto const& input : *inputs) shape += static_cast<char>('a' + input.index());
    for (auto const& output : tx.outputs) shape += static_cast<char>('A' + output.index());
    bool const is_first = shapes.insert(shape).second;
    ++transactions;
    auto data = encode_transaction(RawTransaction(tx));
    REQUIRE(passes(data, tx.inputs, *inputs));
    // Of the first of a shape every bit of what surrounds and signs it, and every 37th of its long
    // proofs and payloads; of the others every 61st.
    std::size_t const bits = data.size() * 8;
    auto const step_at = [&](std::size_t bit) -> std::size_t {
      if (is_every_bit) return 1;
      if (!is_first) return 61;
      return data.size() > 600 && bit >= 1200 && bit <= bits - 1200 ? 37 : 1;
    };
    for (std::size_t bit = 0; bit < bits; bit += step_at(bit)) {
      data[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      INFO(shape << ", bit " << bit << " of " << bits);
      CHECK_FALSE(passes(data, tx.inputs, *inputs));
      data[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    }
  }
  CHECK(shapes.size() >= 3);
  CHECK(transactions >= 22);
}
