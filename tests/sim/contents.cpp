#include "tests/sim/contents.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <span>

#include "proto/wire/hash.hpp"

namespace hotside::sim {
namespace {

constexpr std::size_t kMempool = 24;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSernos[] = {0, 1, -7, std::numeric_limits<std::int64_t>::min()};
constexpr std::int64_t kAmounts[] = {1, 400'000'000, 2, kMost};

}  // namespace

Contents::Contents(World& world) : world_(world), dice_(*world.dice) {
  world_.fill_micro = [this](model::MicroBlock& block) { fill(block); };
  world_.fill_macro = [this](model::MacroBlock& block) { fill(block); };
}

std::vector<Contents::Tx> Contents::transactions_of(model::MicroBlock const& block) {
  std::vector<Tx> found;
  for (auto const& each : block.transactions) {
    Tx tx;
    tx.hash = each.hash;
    for (auto i = each.input_begin; i < each.input_end; ++i) tx.spends.push_back(block.inputs[i]);
    for (auto const& paid : block.payments)
      if (paid.output >= each.output_begin && paid.output < each.output_end)
        tx.pays.push_back(paid);
    auto const is_public = [&](Hash const& id) {
      return std::any_of(tx.pays.begin(), tx.pays.end(),
                         [&](auto const& paid) { return paid.id == id; });
    };
    for (auto i = each.output_begin; i < each.output_end; ++i)
      if (!is_public(block.outputs[i])) tx.privates.push_back(block.outputs[i]);
    found.push_back(std::move(tx));
  }
  return found;
}

void Contents::apply(Unspent& unspent, model::MicroBlock const& block) const {
  for (auto const& tx : transactions_of(block)) {
    for (auto const& id : tx.spends) unspent.erase(id);
    for (auto const& paid : tx.pays) unspent[paid.id] = paid;
  }
}

void Contents::remember() {
  for (auto const& block : world_.micros)
    for (auto& tx : transactions_of(block)) {
      if (tx.pays.empty() && tx.spends.empty()) continue;
      if (mempool_.size() == kMempool) mempool_.erase(mempool_.begin());
      mempool_.push_back(std::move(tx));
    }
}

void Contents::make_sealable() {
  std::set<Hash> inputs, outputs;
  for (std::size_t at = 0; at < world_.micros.size(); ++at) {
    bool twice = false;
    for (auto const& id : world_.micros[at].inputs) twice |= !inputs.insert(id).second;
    for (auto const& paid : world_.micros[at].payments) twice |= !outputs.insert(paid.id).second;
    if (!twice) continue;
    world_.micros.resize(at);
    return;
  }
}

model::PublicPayment Contents::any_payment() {
  auto const serno = kSernos[dice_.one_in(3) ? dice_.below(4) : dice_.below(2)];
  auto const amount = kAmounts[dice_.one_in(6) ? dice_.below(4) : dice_.below(2)];
  return payment(dice_.below(kKeys), serno, amount);
}

model::PublicPayment Contents::payment(std::uint64_t to, std::int64_t serno, std::int64_t amount) {
  auto made = test::payment(to, serno, amount);
  made.id = wire::output_id(wire::RawPublicOutput{made.recipient, serno, amount});
  return made;
}

Contents::Unspent Contents::unspent() const {
  auto unspent = final_;
  for (auto const& each : world_.micros) apply(unspent, each);
  return unspent;
}

void Contents::offer(Tx tx) {
  if (offered_.size() == kMempool) offered_.erase(offered_.begin());
  known_.insert(*tx.hash);
  offered_.push_back(std::move(tx));
}

// Whose outputs have numbers of their own is mined once in a branch, whatever comes again.
bool Contents::was_mined(Tx const& tx, model::MicroBlock const& block) const {
  if (!tx.hash || !known_.contains(*tx.hash)) return false;
  auto const is_in = [&](model::MicroBlock const& micro) {
    return std::any_of(micro.transactions.begin(), micro.transactions.end(),
                       [&](auto const& each) { return each.hash == tx.hash; });
  };
  return mined_.contains(*tx.hash) || is_in(block) ||
         std::any_of(world_.micros.begin(), world_.micros.end(), is_in);
}

Contents::Tx Contents::any_transaction(Unspent const& before, Unspent const& now) {
  Tx tx;
  if (!offered_.empty() && dice_.one_in(3)) {
    tx = offered_[dice_.below(offered_.size())];
    if (!dice_.one_in(4)) return tx;
    // Somebody else spends one of its inputs.
    return {dice_.hash(), {tx.spends[dice_.below(tx.spends.size())]}, {any_payment()}};
  }
  if (!mempool_.empty() && dice_.one_in(2)) {
    tx = mempool_[dice_.below(mempool_.size())];
    // The same outputs in another transaction.
    if (dice_.one_in(5)) tx.hash = dice_.hash(), tx.privates.clear();
    return tx;
  }
  if (!dice_.one_in(20)) tx.hash = dice_.hash();
  for (auto n = dice_.below(3); n > 0 && !before.empty(); --n) {
    auto at = before.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(dice_.below(before.size())));
    tx.spends.push_back(at->first);
  }
  for (auto n = dice_.below(3); n > 0; --n) {
    // Now and then what was just spent, again.
    auto const again = !tx.spends.empty() && dice_.one_in(4);
    auto const at = again ? now.find(tx.spends.front()) : now.end();
    tx.pays.push_back(at == now.end() ? any_payment() : at->second);
  }
  if (dice_.one_in(3)) tx.privates.push_back(dice_.hash());
  return tx;
}

void Contents::fill(model::MicroBlock& block) {
  auto unspent = this->unspent();
  auto const before = unspent;
  block.outputs.push_back(dice_.hash());  // the leader's, private
  model::Transaction coinbase;
  coinbase.hash = dice_.hash();
  coinbase.kind = model::TxKind::coinbase;
  coinbase.output_end = 1;
  block.transactions.push_back(coinbase);
  for (auto left = dice_.below(4); left > 0; --left) {
    auto const tx = any_transaction(before, unspent);
    // A node lets all of it through or nothing.
    auto after = unspent;
    bool valid = !was_mined(tx, block);
    for (auto const& id : tx.spends) valid = valid && before.contains(id) && after.erase(id) == 1;
    for (auto const& paid : tx.pays) valid = valid && after.emplace(paid.id, paid).second;
    if (!valid) continue;
    unspent = std::move(after);
    include(tx, block);
  }
}

void Contents::include(Tx const& tx, model::MicroBlock& block) {
  model::Transaction made;
  made.hash = tx.hash;
  made.kind = tx.hash ? model::TxKind::payment : model::TxKind::slashing;
  made.input_begin = static_cast<std::uint32_t>(block.inputs.size());
  made.output_begin = static_cast<std::uint32_t>(block.outputs.size());
  block.inputs.insert(block.inputs.end(), tx.spends.begin(), tx.spends.end());
  block.outputs.insert(block.outputs.end(), tx.privates.begin(), tx.privates.end());
  for (auto paid : tx.pays) {
    paid.output = static_cast<std::uint32_t>(block.outputs.size());
    block.outputs.push_back(paid.id);
    block.payments.push_back(paid);
  }
  made.input_end = static_cast<std::uint32_t>(block.inputs.size());
  made.output_end = static_cast<std::uint32_t>(block.outputs.size());
  block.transactions.push_back(made);
}

void Contents::fill(model::MacroBlock& block) {
  std::vector<model::PublicPayment> payments;
  auto unspent = final_;
  for (auto const& micro : world_.micros) {
    block.inputs.insert(block.inputs.end(), micro.inputs.begin(), micro.inputs.end());
    payments.insert(payments.end(), micro.payments.begin(), micro.payments.end());
    apply(unspent, micro);
    for (auto const& each : micro.transactions)
      if (each.hash && known_.contains(*each.hash)) mined_.insert(*each.hash);
  }
  std::set<Hash> created;
  for (auto const& paid : payments) {
    created.insert(paid.id);
    bool const in_both =
        std::find(block.inputs.begin(), block.inputs.end(), paid.id) != block.inputs.end();
    if (in_both) ++(final_.contains(paid.id) ? created_again : spent_within);
  }
  // Service awards are in no micro block.
  for (auto n = dice_.one_in(3) ? 1 + dice_.below(3) : 0; n > 0; --n) {
    auto const paid = any_payment();
    if (unspent.contains(paid.id) || !created.insert(paid.id).second) continue;
    unspent[paid.id] = paid;
    payments.push_back(paid);
    ++awards;
  }
  block.outputs.push_back(dice_.hash());
  for (auto const& micro : world_.micros)
    for (auto const& tx : transactions_of(micro))
      block.outputs.insert(block.outputs.end(), tx.privates.begin(), tx.privates.end());
  for (auto const& paid : payments) block.outputs.push_back(paid.id);
  std::sort(block.inputs.begin(), block.inputs.end());
  std::sort(block.outputs.begin(), block.outputs.end());
  for (auto& paid : payments)
    paid.output = static_cast<std::uint32_t>(
        std::lower_bound(block.outputs.begin(), block.outputs.end(), paid.id) -
        block.outputs.begin());
  std::sort(payments.begin(), payments.end(),
            [](auto const& a, auto const& b) { return a.output < b.output; });
  block.payments = std::move(payments);
  block.evidence = {1, 2, 3};
  final_ = std::move(unspent);
}

}  // namespace hotside::sim
