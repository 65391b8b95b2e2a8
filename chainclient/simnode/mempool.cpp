#include "chainclient/simnode/mempool.hpp"

#include <algorithm>

#include "proto/wire/hash.hpp"

namespace hotside::simnode {
namespace {

constexpr std::size_t kTxInputs = 100, kTxOutputs = 100;
constexpr std::size_t kBlockInputs = 1000, kBlockOutputs = 1000;
constexpr std::size_t kPoolInputs = 10'000, kPoolOutputs = 10'000;

std::string brief(Hash const& hash) { return hash.hex().substr(0, 12); }

std::int64_t least_fee(wire::RawPayment const& tx) {
  auto const paying = std::ranges::count_if(tx.outputs, [](auto const& output) {
    return !std::holds_alternative<wire::RawStakeOutput>(output);
  });
  return paying * kFeePerOutput;
}

// An amount that no output may carry: its id and itself.
std::optional<std::string> bad_amount(wire::RawOutput const& output) {
  std::int64_t amount = 1;
  if (auto const* open = std::get_if<wire::RawPublicOutput>(&output)) amount = open->amount;
  if (auto const* stake = std::get_if<wire::RawStakeOutput>(&output)) amount = stake->amount;
  if (amount > 0) return std::nullopt;
  return "Output error=Invalid amount: utxo=" + brief(wire::output_id(output)) +
         ", amount=" + std::to_string(amount);
}

std::optional<std::string> flaw(wire::RawPayment const& tx, std::string const& name,
                                std::vector<wire::RawOutput> const& inputs) {
  std::set<Hash> seen;
  if (tx.inputs.empty()) return "Transaction error=No inputs: " + name;
  for (auto const& id : tx.inputs)
    if (!seen.insert(id).second)
      return "Transaction error=Duplicate input: " + name + ", utxo=" + brief(id);
  seen.clear();
  for (auto const& output : tx.outputs) {
    auto const id = wire::output_id(output);
    if (!seen.insert(id).second)
      return "Transaction error=Duplicate output: " + name + ", utxo=" + brief(id);
    if (auto text = bad_amount(output)) return text;
  }
  switch (check_signature(tx, inputs)) {
    case Flaw::balance:
      return "Transaction error=Invalid monetary balance: " + name;
    case Flaw::signature:
      return "Transaction error=Invalid signature: " + name;
    case Flaw::none:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> Mempool::admit(wire::RawTransaction const& tx, Chain const& chain) {
  auto const hash = wire::tx_hash(tx);
  if (hashes_.contains(hash)) return std::nullopt;
  auto const name = "tx=" + brief(hash);
  auto const* payment = std::get_if<wire::RawPayment>(&tx);
  if (!payment) return "Invalid transaction type: " + name;
  if (auto text = refuse(*payment, name, chain)) return text;
  add(tx);
  return std::nullopt;
}

std::optional<std::string> Mempool::refuse(wire::RawPayment const& tx, std::string const& name,
                                           Chain const& chain) const {
  if (auto const least = least_fee(tx); tx.fee < least)
    return "Transaction fee is too low: " + name + ", min=" + std::to_string(least) +
           ", got=" + std::to_string(tx.fee);
  if (tx.inputs.size() > kTxInputs)
    return "Transaction is too large: " + name +
           ", got_inputs=" + std::to_string(tx.inputs.size()) +
           ", max_inputs=" + std::to_string(kTxInputs);
  if (tx.outputs.size() > kTxOutputs)
    return "Transaction is too large: " + name +
           ", got_outputs=" + std::to_string(tx.outputs.size()) +
           ", max_outputs=" + std::to_string(kTxOutputs);
  if (claimed_.size() + tx.inputs.size() > kPoolInputs ||
      created_.size() + tx.outputs.size() > kPoolOutputs)
    return "Can't process transaction - mempool is full: " + name;
  std::vector<wire::RawOutput> inputs;
  for (auto const& id : tx.inputs) {
    auto const* output = claimed_.contains(id) ? nullptr : chain.find(id);
    if (!output) return "Missing transaction input: " + name + ", utxo=" + brief(id);
    inputs.push_back(*output);
  }
  for (auto const& output : tx.outputs)
    if (auto const id = wire::output_id(output); chain.find(id) || created_.contains(id))
      return "Output hash collision: " + name + ", utxo=" + brief(id);
  return flaw(tx, name, inputs);
}

void Mempool::add(wire::RawTransaction tx) {
  hashes_.insert(wire::tx_hash(tx));
  claimed_.insert(inputs_of(tx).begin(), inputs_of(tx).end());
  for (auto const& output : outputs_of(tx)) created_.insert(wire::output_id(output));
  waiting_.push_back(std::move(tx));
}

void Mempool::put_back(std::vector<wire::RawTransaction> transactions) {
  auto later = std::move(waiting_);
  clear();
  for (auto* list : {&transactions, &later})
    for (auto& tx : *list)
      if (!hashes_.contains(wire::tx_hash(tx))) add(std::move(tx));
}

std::vector<wire::RawTransaction> Mempool::take(Chain const& chain) {
  std::vector<wire::RawTransaction> taken, left;
  std::set<Hash> spent, created;
  std::size_t inputs = 0, outputs = 0;
  for (auto& tx : waiting_) {
    auto const& ids = inputs_of(tx);
    std::vector<Hash> made;
    for (auto const& output : outputs_of(tx)) made.push_back(wire::output_id(output));
    bool const fits = inputs + ids.size() <= kBlockInputs && outputs + made.size() <= kBlockOutputs;
    bool const can =
        fits &&
        std::ranges::all_of(
            ids, [&](Hash const& id) { return chain.find(id) && !spent.contains(id); }) &&
        std::ranges::none_of(
            made, [&](Hash const& id) { return chain.find(id) || created.contains(id); });
    if (!can) {
      left.push_back(std::move(tx));
      continue;
    }
    inputs += ids.size();
    outputs += made.size();
    spent.insert(ids.begin(), ids.end());
    created.insert(made.begin(), made.end());
    taken.push_back(std::move(tx));
  }
  waiting_ = std::move(left);
  recount();
  return taken;
}

void Mempool::prune(Chain const& chain) {
  std::erase_if(waiting_, [&chain](auto const& tx) {
    return std::ranges::any_of(inputs_of(tx), [&](Hash const& id) { return !chain.find(id); });
  });
  recount();
}

void Mempool::clear() {
  waiting_.clear();
  recount();
}

void Mempool::recount() {
  auto all = std::move(waiting_);
  waiting_.clear();
  hashes_.clear();
  claimed_.clear();
  created_.clear();
  for (auto& tx : all) add(std::move(tx));
}

}  // namespace hotside::simnode
