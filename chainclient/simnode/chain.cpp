#include "chainclient/simnode/chain.hpp"

#include <algorithm>

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"

namespace hotside::simnode {
namespace {

constexpr std::int64_t kBlockReward = 24'000'000;
constexpr std::int64_t kAwardShare = 12'000'000;
constexpr std::int64_t kTotalSlots = 1000;
constexpr std::size_t kSolution = 32;

std::int64_t fees_of(std::vector<wire::RawTransaction> const& transactions) {
  std::int64_t fees = 0;
  for (auto const& tx : transactions)
    if (auto const* payment = std::get_if<wire::RawPayment>(&tx)) fees += payment->fee;
  return fees;
}

bool has_twice(std::vector<Hash> const& sorted) {
  return std::ranges::adjacent_find(sorted) != sorted.end();
}

}  // namespace

Chain::Chain(Genesis genesis, std::uint64_t seed, std::uint32_t length, Treasury& treasury)
    : network_(std::move(genesis.network)), treasury_(treasury), rng_(seed) {
  view_.length = length;
  view_.macros.push_back(genesis.macro);
  for (auto const& output : genesis.macro->block.outputs) add_utxo(wire::output_id(output), output);
}

wire::RawOutput const* Chain::find(Hash const& utxo) const {
  auto const found = utxo_.find(utxo);
  return found == utxo_.end() ? nullptr : &found->second;
}

std::set<Hash> const& Chain::public_outputs(PublicKey const& recipient) const {
  static std::set<Hash> const none;
  auto const found = public_.find(recipient);
  return found == public_.end() ? none : found->second;
}

std::optional<Hash> Chain::free_coin(std::set<Hash> const& claimed) const {
  for (auto const* coins : {&final_coins_, &coins_})
    for (auto const& id : *coins)
      if (!claimed.contains(id)) return id;
  return std::nullopt;
}

std::optional<Hash> Chain::some_stake(Rng& rng) const {
  if (stakes_.empty()) return std::nullopt;
  auto at = stakes_.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(rng.below(stakes_.size())));
  return *at;
}

void Chain::add_utxo(Hash const& id, wire::RawOutput const& output) {
  bool const is_new = utxo_.emplace(id, output).second;
  invariant(is_new, "an output is created while it is unspent");
  if (auto const* open = std::get_if<wire::RawPublicOutput>(&output))
    public_[open->recipient].insert(id);
  if (std::holds_alternative<wire::RawStakeOutput>(output)) stakes_.insert(id);
  if (treasury_.coin_amount(id).value_or(0) >= kLeastCoin / 2) coins_.insert(id);
}

void Chain::remove_utxo(Hash const& id) {
  auto const found = utxo_.find(id);
  invariant(found != utxo_.end(), "only unspent outputs are spent");
  if (auto const* open = std::get_if<wire::RawPublicOutput>(&found->second)) {
    auto const of_recipient = public_.find(open->recipient);
    of_recipient->second.erase(id);
    if (of_recipient->second.empty()) public_.erase(of_recipient);
  }
  stakes_.erase(id);
  coins_.erase(id);
  final_coins_.erase(id);
  utxo_.erase(found);
}

wire::RawVrf Chain::vrf() { return {rng_.fixed<Hash>(), rng_.fixed<wire::BlsSignature>()}; }

// Block times rise, whatever the clock does.
std::uint64_t Chain::later(std::uint64_t now_ns) const {
  auto const last = view_.micros.empty() ? view_.macros.back()->block.header.timestamp_ns
                                         : view_.micros.back()->block.header.timestamp_ns;
  return std::max(now_ns, last + 1'000'001);
}

wire::RawValidator const& Chain::some_validator() {
  auto const& validators = view_.macros.back()->block.validators;
  return validators[rng_.below(validators.size())];
}

MicroPtr Chain::add_micro(std::vector<wire::RawTransaction> transactions, std::uint64_t now_ns,
                          std::uint32_t view_change) {
  auto micro = std::make_shared<Micro>();
  auto& header = micro->block.header;
  header.previous = tip_hash(view_);
  header.epoch = view_.epoch();
  header.offset = view_.offset();
  header.view_change = view_change;
  if (view_change > 0)
    header.view_change_proof =
        wire::RawViewChangeProof{signers(), rng_.fixed<wire::BlsSignature>()};
  header.pkey = some_validator().network_key;
  header.random = vrf();
  header.solution = rng_.bytes(kSolution);
  header.timestamp_ns = later(now_ns);
  micro->block.sig = rng_.fixed<wire::BlsSignature>();
  micro->block.transactions.push_back(wire::RawCoinbase{
      kBlockReward, fees_of(transactions), rng_.scalar(), {treasury_.coinbase_output()}});
  for (auto& tx : transactions) micro->block.transactions.push_back(std::move(tx));
  for (auto const& tx : micro->block.transactions) {
    for (auto const& id : inputs_of(tx)) {
      auto const* output = find(id);
      invariant(output != nullptr, "a block spends what is unspent");
      micro->spent.push_back(*output);
      remove_utxo(id);
    }
    for (auto const& output : outputs_of(tx)) add_utxo(wire::output_id(output), output);
  }
  close_header(*micro);
  view_.micros.push_back(micro);
  return micro;
}

MicroPtr Chain::pop() {
  if (view_.micros.empty()) return nullptr;
  auto micro = view_.micros.back();
  view_.micros.pop_back();
  auto spent = micro->spent.rbegin();
  auto const& transactions = micro->block.transactions;
  for (auto tx = transactions.rbegin(); tx != transactions.rend(); ++tx) {
    for (auto const& output : outputs_of(*tx)) remove_utxo(wire::output_id(output));
    auto const& ids = inputs_of(*tx);
    for (auto id = ids.rbegin(); id != ids.rend(); ++id, ++spent) add_utxo(*id, *spent);
  }
  return micro;
}

// Slots by lot, as even as an election over equal stakes comes out.
void Chain::elect(EpochInfo& info) {
  auto const total = static_cast<std::int64_t>(info.validators.size());
  std::int64_t left = kTotalSlots;
  for (auto& validator : info.validators) {
    validator.slots = kTotalSlots / total;
    left -= validator.slots;
  }
  info.validators.front().slots += left;
  for (auto& validator : info.validators) {
    auto& other = info.validators[rng_.below(info.validators.size())];
    auto const moved = static_cast<std::int64_t>(rng_.below(20));
    validator.slots -= moved;
    other.slots += moved;
  }
  info.facilitator = info.validators[rng_.below(info.validators.size())].network_key;
}

// One validator in eight epochs sleeps; trailing zeros of the map are lost in JSON.
std::string Chain::activity(EpochInfo& info) {
  auto const& before = view_.macros.back()->block.validators;
  std::string map(before.size(), '1');
  if (rng_.one_in(8)) map[rng_.below(map.size())] = '0';
  for (std::size_t i = 0; i < before.size(); ++i) {
    Activity entry{before[i].account_key, std::nullopt};
    if (map[i] == '0') entry.failed_at = static_cast<std::uint32_t>(rng_.below(view_.offset() + 1));
    info.activity.push_back(entry);
  }
  return map;
}

std::string Chain::signers() {
  std::string map(view_.macros.back()->block.validators.size(), '1');
  if (rng_.one_in(2)) map[rng_.below(map.size())] = '0';
  return map;
}

// Everything that the epoch's micro blocks spent and created; no cut-through.
Result<Chain::Sum> Chain::sum_up() const {
  Sum sum;
  for (auto const& micro : view_.micros)
    for (auto const& tx : micro->block.transactions) {
      sum.inputs.insert(sum.inputs.end(), inputs_of(tx).begin(), inputs_of(tx).end());
      for (auto const& output : outputs_of(tx))
        sum.outputs.emplace_back(wire::output_id(output), output);
    }
  std::ranges::sort(sum.inputs);
  std::vector<Hash> created;
  for (auto const& output : sum.outputs) created.push_back(output.first);
  std::ranges::sort(created);
  if (has_twice(created) || has_twice(sum.inputs))
    return fail(Fault::rejected,
                "epoch " + std::to_string(view_.epoch()) +
                    " cannot end: it created or spent one output twice (pop or fork to get out)");
  return sum;
}

std::shared_ptr<EpochInfo const> Chain::next_info(std::optional<Payout> const& award,
                                                  std::string& activity_map) {
  auto const& before = *view_.macros.back();
  auto info = std::make_shared<EpochInfo>();
  info->epoch = view_.epoch();
  info->validators = before.block.validators;
  info->difficulty = before.info->difficulty;
  info->budget = budget_ + (static_cast<std::int64_t>(view_.micros.size()) + 1) * kAwardShare;
  info->payout = award;
  activity_map = activity(*info);
  elect(*info);
  budget_ = award ? 0 : info->budget;
  return info;
}

Result<MacroPtr> Chain::seal(std::uint64_t now_ns, std::optional<Payout> award) {
  HS_TRY(sum, sum_up());
  auto macro = std::make_shared<Macro>();
  std::vector<wire::RawOutput> own{treasury_.coinbase_output()};
  if (award)
    own.push_back(wire::RawPublicOutput{award->recipient, static_cast<std::int64_t>(rng_.next()),
                                        award->amount});
  for (auto& output : own) {
    macro->own_outputs.push_back(wire::output_id(output));
    add_utxo(macro->own_outputs.back(), output);
    sum.outputs.emplace_back(macro->own_outputs.back(), std::move(output));
  }
  std::sort(sum.outputs.begin(), sum.outputs.end(),
            [](auto const& a, auto const& b) { return a.first < b.first; });

  auto const& before = *view_.macros.back();
  auto& header = macro->block.header;
  macro->old_info = before.info;
  macro->info = next_info(award, header.activity_map);
  header.previous = before.hash;
  header.epoch = view_.epoch();
  header.pkey = some_validator().network_key;
  header.random = vrf();
  header.difficulty = before.block.header.difficulty;
  header.timestamp_ns = later(now_ns);
  header.block_reward = (static_cast<std::int64_t>(view_.micros.size()) + 1) * kBlockReward +
                        (award ? award->amount : 0);
  header.gamma = rng_.scalar();
  macro->block.multisig = rng_.fixed<wire::BlsSignature>();
  macro->block.multisigmap = signers();
  macro->block.inputs = std::move(sum.inputs);
  for (auto& output : sum.outputs) macro->block.outputs.push_back(std::move(output.second));
  macro->block.validators = macro->info->validators;
  close_header(*macro);
  view_.micros.clear();
  view_.macros.push_back(macro);
  final_coins_ = coins_;
  return MacroPtr(std::move(macro));
}

wire::RawTransaction Chain::restake(Hash const& stake) {
  auto const* output = find(stake);
  invariant(output != nullptr, "only unspent stakes are staked again");
  auto renewed = std::get<wire::RawStakeOutput>(*output);
  renewed.serno = static_cast<std::int64_t>(rng_.next());
  renewed.signature = rng_.fixed<wire::BlsSignature>();
  return wire::RawRestake{{stake}, {renewed}, rng_.fixed<wire::BlsSignature>()};
}

}  // namespace hotside::simnode
