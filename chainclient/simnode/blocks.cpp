#include "chainclient/simnode/blocks.hpp"

#include "proto/wire/hash.hpp"

namespace hotside::simnode {
namespace {

using wire::RawOutput;
using wire::RawTransaction;

template <class Values, class Function>
std::vector<Hash> each(Values const& values, Function function) {
  std::vector<Hash> hashes;
  hashes.reserve(values.size());
  for (auto const& value : values) hashes.push_back(function(value));
  return hashes;
}

std::uint32_t count(std::vector<Hash> const& list) {
  return static_cast<std::uint32_t>(list.size());
}

}  // namespace

std::vector<Hash> const& inputs_of(RawTransaction const& tx) {
  static std::vector<Hash> const none;
  return std::visit(
      [](auto const& kind) -> std::vector<Hash> const& {
        if constexpr (requires { kind.inputs; })
          return kind.inputs;
        else
          return none;
      },
      tx);
}

std::vector<RawOutput> const& outputs_of(RawTransaction const& tx) {
  return std::visit([](auto const& kind) -> std::vector<RawOutput> const& { return kind.outputs; },
                    tx);
}

std::vector<Hash> inputs_of(wire::RawMicroBlock const& block) {
  std::vector<Hash> ids;
  for (auto const& tx : block.transactions)
    ids.insert(ids.end(), inputs_of(tx).begin(), inputs_of(tx).end());
  return ids;
}

std::vector<Hash> outputs_of(wire::RawMicroBlock const& block) {
  std::vector<Hash> ids;
  for (auto const& tx : block.transactions)
    for (auto const& output : outputs_of(tx)) ids.push_back(wire::output_id(output));
  return ids;
}

void close_header(Micro& micro) {
  auto& header = micro.block.header;
  auto const& transactions = micro.block.transactions;
  auto const full = each(transactions, wire::tx_full_hash);
  auto const inputs = inputs_of(micro.block);
  auto const outputs = outputs_of(micro.block);
  std::vector<Hash> canaries;
  for (auto const& tx : transactions)
    for (auto const& output : outputs_of(tx)) canaries.push_back(wire::output_canary(output));
  header.transactions_len = count(full);
  header.transactions_root = wire::merkle_root_of_ids(full);
  header.inputs_len = count(inputs);
  header.inputs_root = wire::merkle_root_of_ids(inputs);
  header.outputs_len = count(outputs);
  header.outputs_root = wire::merkle_root_of_ids(outputs);
  header.canaries_root = wire::merkle_root_of_ids(canaries);
  micro.tx_hashes = each(transactions, wire::tx_hash);
  micro.hash = wire::micro_block_hash(header);
}

void close_header(Macro& macro) {
  auto& block = macro.block;
  auto& header = block.header;
  auto const outputs = each(block.outputs, wire::output_id);
  header.validators_len = static_cast<std::uint32_t>(block.validators.size());
  header.validators_root = wire::validators_root(block.validators);
  header.inputs_len = count(block.inputs);
  header.inputs_root = wire::merkle_root_of_ids(block.inputs);
  header.outputs_len = count(outputs);
  header.outputs_root = wire::merkle_root_of_ids(outputs);
  header.canaries_root = wire::merkle_root_of_ids(each(block.outputs, wire::output_canary));
  macro.hash = wire::macro_block_hash(header);
}

Hash const& tip_hash(View const& view) {
  return view.micros.empty() ? view.macros.back()->hash : view.micros.back()->hash;
}

}  // namespace hotside::simnode
