#include "chainclient/simnode/disguise.hpp"

namespace hotside::simnode {
namespace {

template <class Ptr>
Ptr look_up(std::map<Hash, Ptr> const& table, Ptr const& truth) {
  auto const found = table.find(truth->hash);
  return found == table.end() ? truth : found->second;
}

}  // namespace

void Disguise::put_on(View const& truth, std::uint64_t from, Rng& rng) {
  take_off();
  auto other = std::make_shared<Macro>(*truth.macros[from]);
  other->block.header.random.rand = rng.fixed<Hash>();
  other->block.multisig = rng.fixed<wire::BlsSignature>();
  close_header(*other);
  macros_[truth.macros[from]->hash] = std::move(other);
  for (auto epoch = from + 1; epoch < truth.macros.size(); ++epoch) on_new(truth.macros[epoch]);
  for (auto const& micro : truth.micros) on_new(micro);
}

void Disguise::take_off() {
  micros_.clear();
  macros_.clear();
}

MicroPtr Disguise::seen(MicroPtr const& truth) const { return look_up(micros_, truth); }
MacroPtr Disguise::seen(MacroPtr const& truth) const { return look_up(macros_, truth); }

MicroPtr Disguise::learn(MicroPtr const& truth) {
  auto const& previous = truth->block.header.previous;
  auto const micro = micros_.find(previous);
  auto const macro = macros_.find(previous);
  if (micro == micros_.end() && macro == macros_.end()) return truth;
  auto other = std::make_shared<Micro>(*truth);
  other->block.header.previous = micro != micros_.end() ? micro->second->hash : macro->second->hash;
  close_header(*other);
  return micros_[truth->hash] = std::move(other);
}

MacroPtr Disguise::learn(MacroPtr const& truth) {
  auto const before = macros_.find(truth->block.header.previous);
  if (before == macros_.end()) return truth;
  auto other = std::make_shared<Macro>(*truth);
  other->block.header.previous = before->second->hash;
  close_header(*other);
  return macros_[truth->hash] = std::move(other);
}

}  // namespace hotside::simnode
