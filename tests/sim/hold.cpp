#include "tests/sim/hold.hpp"

#include <algorithm>

namespace hotside::sim::oracle {
namespace {

Key key_of(Told const& told) { return {told.row.utxo, told.row.epoch}; }
bool commits(Told const& told) { return told.type == "deposit.committed"; }

}  // namespace

bool Hold::keeps(Told const& told) const {
  return (since_ && commits(told)) || is_waiting(key_of(told));
}

void Hold::keep(Told const& told, std::string line) {
  waiting_.push_back({cause_, key_of(told), commits(told), std::move(line)});
}

bool Hold::is_waiting(Key const& key) const {
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [&](auto const& each) { return each.deposit == key; });
}

bool Hold::is_uncredited(Key const& key) const {
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [&](auto const& each) { return each.deposit == key && each.commits; });
}

std::size_t Hold::release() {
  if (!is_releasing()) return 0;
  auto const count = std::min(portion_, waiting());
  promised_ += count;
  return count;
}

std::string Hold::released(std::string const& line) {
  auto const is_this = [&](auto const& each) { return each.line == line; };
  auto const at = std::find_if(waiting_.begin(), waiting_.end(), is_this);
  if (promised_ == 0 || at == waiting_.end()) return "nothing that waits";
  if (at->cause != waiting_.front().cause) return "before what was kept back earlier";
  if (std::any_of(waiting_.begin(), at, [&](auto const& e) { return e.deposit == at->deposit; }))
    return "before an earlier event of its deposit";
  waiting_.erase(at);
  --promised_;
  return {};
}

}  // namespace hotside::sim::oracle
