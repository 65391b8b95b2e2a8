#include "tests/support/make_block.hpp"

#include <algorithm>
#include <cstdio>

#include "proto/base/json_writer.hpp"
#include "proto/base/units.hpp"
#include "proto/model/address.hpp"
#include "proto/wire/hash.hpp"

namespace hotside::fixtures {

using namespace wire;
using model::Generation;

Bytes BlockMaker::some(std::size_t count) {
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_());
  return bytes;
}

RawOutput BlockMaker::payment() {
  return RawPaymentOutput{bytes<PublicKey>(), bytes<Point>(), some(672), bytes<Point>(),
                          some(1024)};
}
RawOutput BlockMaker::public_payment() {
  return RawPublicOutput{bytes<PublicKey>(), static_cast<std::int64_t>(number()),
                         static_cast<std::int64_t>(number() >> 1)};
}
RawOutput BlockMaker::stake() {
  return RawStakeOutput{bytes<PublicKey>(), bytes<BlsKey>(),
                        static_cast<std::int64_t>(number() >> 1),
                        static_cast<std::int64_t>(number()), bytes<BlsSignature>()};
}
RawOutput BlockMaker::any_output() {
  switch (number() % 3) {
    case 0:
      return payment();
    case 1:
      return public_payment();
    default:
      return stake();
  }
}

RawPayment BlockMaker::transaction() {
  RawPayment tx;
  for (std::size_t i = 0; i < 1 + number() % 3; ++i) tx.inputs.push_back(bytes<Hash>());
  for (std::size_t i = 0; i < 1 + number() % 3; ++i) tx.outputs.push_back(any_output());
  tx.gamma = bytes<Scalar>();
  tx.fee = static_cast<std::int64_t>(number() >> 1);
  tx.sig_u = bytes<Scalar>();
  tx.sig_k = bytes<Point>();
  return tx;
}

RawSlashing BlockMaker::slashing(bool exact_times) {
  RawSlashing tx;
  tx.block1 = micro_header(3, 4);
  tx.block2 = micro_header(3, 4);
  tx.exact_times = exact_times;
  tx.inputs = {bytes<Hash>()};
  tx.outputs = {public_payment(), public_payment()};
  return tx;
}

RawMicroHeader BlockMaker::micro_header(std::uint64_t epoch, std::uint32_t offset) {
  RawMicroHeader header;
  header.previous = bytes<Hash>();
  header.epoch = epoch;
  header.offset = offset;
  if (number() % 2 == 0) {
    header.view_change = 1;
    header.view_change_proof = RawViewChangeProof{"1011", bytes<BlsSignature>()};
  }
  header.pkey = bytes<BlsKey>();
  header.random = {bytes<Hash>(), bytes<BlsSignature>()};
  header.solution = some(number() % 300);
  header.timestamp_ns = 1'574'096'413'137'879'789 + number() % 1'000'000'000'000;
  return header;
}

RawMicroBlock BlockMaker::micro(std::uint64_t epoch, std::uint32_t offset, std::size_t payments) {
  RawMicroBlock block;
  block.header = micro_header(epoch, offset);
  block.sig = bytes<BlsSignature>();
  block.transactions.push_back(RawCoinbase{24'000'000, 1000, bytes<Scalar>(), {payment()}});
  for (std::size_t i = 0; i < payments; ++i) block.transactions.push_back(transaction());
  block.transactions.push_back(RawRestake{{bytes<Hash>()}, {stake()}, bytes<BlsSignature>()});
  seal(block);
  return block;
}

RawMacroBlock BlockMaker::macro(std::uint64_t epoch, std::size_t inputs, std::size_t outputs,
                                std::size_t validators) {
  RawMacroBlock block;
  block.header.previous = bytes<Hash>();
  block.header.epoch = epoch;
  block.header.pkey = bytes<BlsKey>();
  block.header.random = {bytes<Hash>(), bytes<BlsSignature>()};
  block.header.difficulty = 500'000;
  block.header.timestamp_ns = 1'574'096'463'014'423'001;
  block.header.block_reward = 1'464'000'000;
  block.header.gamma = bytes<Scalar>();
  block.header.activity_map = "110100";  // JSON drops the zeros at the end
  block.multisig = bytes<BlsSignature>();
  block.multisigmap = "1101";
  for (std::size_t i = 0; i < inputs; ++i) block.inputs.push_back(bytes<Hash>());
  for (std::size_t i = 0; i < outputs; ++i)
    block.outputs.push_back(i % 4 == 1 ? public_payment() : payment());
  for (std::size_t i = 0; i < validators; ++i)
    block.validators.push_back({bytes<BlsKey>(), bytes<PublicKey>(), 100});
  seal(block);
  return block;
}

void seal(RawMicroBlock& block) {
  std::vector<Hash> transactions, inputs, outputs, canaries;
  for (auto const& tx : block.transactions) {
    transactions.push_back(tx_full_hash(tx));
    std::visit(
        [&](auto const& kind) {
          if constexpr (requires { kind.inputs; })
            inputs.insert(inputs.end(), kind.inputs.begin(), kind.inputs.end());
          for (auto const& output : kind.outputs) {
            outputs.push_back(output_id(output));
            canaries.push_back(output_canary(output));
          }
        },
        tx);
  }
  auto const length = [](auto const& list) { return static_cast<std::uint32_t>(list.size()); };
  block.header.transactions_len = length(transactions);
  block.header.transactions_root = merkle_root_of_ids(transactions);
  block.header.inputs_len = length(inputs);
  block.header.inputs_root = merkle_root_of_ids(inputs);
  block.header.outputs_len = length(outputs);
  block.header.outputs_root = merkle_root_of_ids(outputs);
  block.header.canaries_root = merkle_root_of_ids(canaries);
}

void seal(RawMacroBlock& block) {
  std::sort(block.inputs.begin(), block.inputs.end());
  std::vector<std::pair<Hash, RawOutput>> sorted;
  for (auto& output : block.outputs) sorted.emplace_back(output_id(output), std::move(output));
  std::sort(sorted.begin(), sorted.end(),
            [](auto const& a, auto const& b) { return a.first < b.first; });
  std::vector<Hash> outputs, canaries;
  block.outputs.clear();
  for (auto& [id, output] : sorted) {
    outputs.push_back(id);
    canaries.push_back(output_canary(output));
    block.outputs.push_back(std::move(output));
  }
  block.header.validators_len = static_cast<std::uint32_t>(block.validators.size());
  block.header.validators_root = validators_root(block.validators);
  block.header.inputs_len = static_cast<std::uint32_t>(block.inputs.size());
  block.header.inputs_root = merkle_root_of_ids(block.inputs);
  block.header.outputs_len = static_cast<std::uint32_t>(outputs.size());
  block.header.outputs_root = merkle_root_of_ids(outputs);
  block.header.canaries_root = merkle_root_of_ids(canaries);
}

namespace {

class Writer {
 public:
  Writer(Generation generation, std::string_view hrp)
      : classic_(generation == Generation::v1_2_2), hrp_(hrp) {}

  std::string micro(RawMicroBlock const& block, Hash const& hash) {
    json_.begin_object().key("type").string("micro_block_prepared");
    hex("block_hash", hash.bytes);
    micro_header(block.header);
    reversed("sig", block.sig);
    list("transactions", block.transactions, [&](auto const& tx) { transaction(tx); });
    return json_.end_object().take();
  }

  std::string macro(RawMacroBlock const& block, Hash const& hash) {
    auto const& header = block.header;
    json_.begin_object().key("type").string("macro_block_committed");
    hex("block_hash", hash.bytes);
    number("version", header.version);
    hex("previous", header.previous.bytes);
    number("epoch", header.epoch);
    number("view_change", header.view_change);
    reversed("pkey", header.pkey);
    vrf(header.random);
    number("difficulty", header.difficulty);
    time(header.timestamp_ns);
    integer("block_reward", header.block_reward);
    reversed("gamma", header.gamma);
    bits("activity_map", header.activity_map);
    number("validators_len", header.validators_len);
    hex("validators_range_hash", header.validators_root.bytes);
    lists(header);
    reversed("multisig", block.multisig);
    bits("multisigmap", block.multisigmap);
    list("inputs", block.inputs, [&](Hash const& id) { json_.string(id.hex()); });
    list("outputs", block.outputs, [&](RawOutput const& value) { output(value); });
    list("validators", block.validators, [&](RawValidator const& validator) {
      json_.begin_object();
      reversed("network_pkey", validator.network_key);
      address("account_pkey", validator.account_key);
      integer("slots", validator.slots);
      json_.end_object();
    });
    return json_.end_object().take();
  }

 private:
  template <class Bytes>
  void hex(std::string_view key, Bytes const& bytes) {
    json_.key(key).string(to_hex(bytes));
  }
  template <class Fixed>
  void reversed(std::string_view key, Fixed value) {
    std::reverse(value.bytes.begin(), value.bytes.end());
    hex(key, value.bytes);
  }
  void number(std::string_view key, std::uint64_t value) { json_.key(key).unsigned_integer(value); }
  void integer(std::string_view key, std::int64_t value) { json_.key(key).integer(value); }
  void address(std::string_view key, PublicKey const& value) {
    json_.key(key).string(model::to_address(hrp_, value));
  }
  void bits(std::string_view key, std::string text) {
    while (text.ends_with('0')) text.pop_back();
    json_.key(key).string(text);
  }
  void time(std::uint64_t ns) {
    auto text = to_rfc3339(from_unix_ms(static_cast<std::int64_t>(ns / 1'000'000)));
    char below[16];
    std::snprintf(below, sizeof below, "%06u", static_cast<unsigned>(ns % 1'000'000));
    if (!classic_) text.insert(text.size() - 1, below);
    json_.key("timestamp").string(text);
  }
  void vrf(RawVrf const& value) {
    json_.key("random").begin_object();
    hex("rand", value.rand.bytes);
    reversed("proof", value.proof);
    json_.end_object();
  }
  template <class Header>
  void lists(Header const& header) {
    number("inputs_len", header.inputs_len);
    hex("inputs_range_hash", header.inputs_root.bytes);
    number("outputs_len", header.outputs_len);
    hex("outputs_range_hash", header.outputs_root.bytes);
    hex("canaries_range_hash", header.canaries_root.bytes);
  }
  template <class Values, class Write>
  void list(std::string_view key, Values const& values, Write write) {
    json_.key(key).begin_array();
    for (auto const& value : values) write(value);
    json_.end_array();
  }
  void micro_header(RawMicroHeader const& header) {
    number("version", header.version);
    hex("previous", header.previous.bytes);
    number("epoch", header.epoch);
    number("offset", header.offset);
    number("view_change", header.view_change);
    json_.key("view_change_proof");
    if (header.view_change_proof) {
      json_.begin_object();
      bits("multimap", header.view_change_proof->multimap);
      reversed("multisig", header.view_change_proof->multisig);
      json_.end_object();
    } else {
      json_.null();
    }
    reversed("pkey", header.pkey);
    vrf(header.random);
    hex("solution", header.solution);
    time(header.timestamp_ns);
    number("transactions_len", header.transactions_len);
    hex("transactions_range_hash", header.transactions_root.bytes);
    lists(header);
  }

  void kind(RawPaymentOutput const& value) {
    address("recipient", value.recipient);
    json_.key("proof").begin_object();
    reversed("vcmt", value.vcmt);
    hex("proof", value.proof);
    json_.end_object();
    reversed("ag", value.ag);
    if (classic_)
      list("payload", value.payload, [&](std::uint8_t byte) { json_.integer(byte); });
    else
      hex("payload", value.payload);
  }
  void kind(RawPublicOutput const& value) {
    address("recipient", value.recipient);
    integer("serno", value.serno);
    integer("amount", value.amount);
  }
  void kind(RawStakeOutput const& value) {
    address("recipient", value.recipient);
    reversed("validator", value.validator);
    integer("amount", value.amount);
    integer("serno", value.serno);
    reversed("signature", value.signature);
  }
  void output(RawOutput const& value) {
    constexpr std::array<std::string_view, 3> kTypes{"payment_output", "public_payment_output",
                                                     "stake_output"};
    json_.begin_object();
    hex("output_hash", output_id(value).bytes);
    json_.key("type").string(kTypes[value.index()]);
    std::visit([&](auto const& alternative) { kind(alternative); }, value);
    json_.end_object();
  }

  template <class Transaction>
  void body(Transaction const& tx) {
    if constexpr (requires { tx.inputs; })
      list("txins", tx.inputs, [&](Hash const& id) { json_.string(id.hex()); });
    list("txouts", tx.outputs, [&](RawOutput const& value) { output(value); });
  }
  void rest(RawCoinbase const& tx) {
    integer("block_reward", tx.block_reward);
    integer("block_fee", tx.block_fee);
    reversed("gamma", tx.gamma);
  }
  void rest(RawPayment const& tx) {
    reversed("gamma", tx.gamma);
    integer("fee", tx.fee);
    json_.key("sig").begin_object();
    reversed("u", tx.sig_u);
    reversed("K", tx.sig_k);
    json_.end_object();
  }
  void rest(RawRestake const& tx) { reversed("sig", tx.signature); }
  void rest(RawSlashing const& tx) {
    json_.key("proof").begin_object();
    for (auto const* header : {&tx.block1, &tx.block2}) {
      json_.key(header == &tx.block1 ? "block1" : "block2").begin_object();
      micro_header(*header);
      // Outputs in here are not part of the chain.
      list("transactions", tx.outputs, [&](RawOutput const& value) {
        json_.begin_object().key("type").string("coinbase_transaction");
        list("txouts", std::array{value}, [&](RawOutput const& inner) { output(inner); });
        json_.end_object();
      });
      json_.end_object();
    }
    json_.end_object();
  }
  void transaction(RawTransaction const& tx) {
    constexpr std::array<std::string_view, 4> kTypes{"coinbase_transaction", "payment_transaction",
                                                     "restake_transaction", "slashing_transaction"};
    json_.begin_object().key("type").string(kTypes[tx.index()]);
    if (!classic_) hex("tx_hash", tx_hash(tx).bytes);
    std::visit(
        [&](auto const& alternative) {
          body(alternative);
          rest(alternative);
        },
        tx);
    json_.end_object();
  }

  JsonWriter json_;
  bool classic_;
  std::string_view hrp_;
};

}  // namespace

std::string block_json(RawMicroBlock const& block, Hash const& hash, Generation generation,
                       std::string_view hrp) {
  return Writer(generation, hrp).micro(block, hash);
}
std::string block_json(RawMacroBlock const& block, Hash const& hash, Generation generation,
                       std::string_view hrp) {
  return Writer(generation, hrp).macro(block, hash);
}

}  // namespace hotside::fixtures
