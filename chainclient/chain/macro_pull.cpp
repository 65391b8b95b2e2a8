#include "chainclient/chain/macro_pull.hpp"

#include <algorithm>
#include <utility>

#include "proto/base/invariant.hpp"

namespace hotside::chain {
namespace {
constexpr std::size_t kWindowMax = 16;
constexpr std::size_t kWindowFirst = 4;  // while nothing is known of the sizes
}  // namespace

void MacroPull::aim(Epoch last) { last_ = last; }

void MacroPull::reset() {
  last_.reset();
  here_.clear();
  asked_.clear();
}

std::size_t MacroPull::window() const {
  auto const largest = *std::max_element(sizes_.begin(), sizes_.end());
  if (largest == 0) return kWindowFirst;
  return std::clamp<std::size_t>(pipeline_bytes_ / largest, 1, kWindowMax);
}

std::vector<Epoch> MacroPull::wanted(Epoch next) const {
  std::vector<Epoch> epochs;
  if (!last_) return epochs;
  auto const end = std::min(last_->value + 1, next.value + window());
  for (auto at = next; at.value < end; at = at.next()) {
    auto const is_asked = std::any_of(asked_.begin(), asked_.end(),
                                      [at](auto const& entry) { return entry.second == at; });
    if (!is_asked && !here_.contains(at)) epochs.push_back(at);
  }
  return epochs;
}

void MacroPull::accept(model::MacroBlock block, std::size_t wire_bytes) {
  if (wire_bytes > 0) sizes_[size_at_++ % sizes_.size()] = wire_bytes;
  auto const epoch = block.epoch;
  here_.insert_or_assign(epoch, std::move(block));
}

void MacroPull::sealed(Epoch next) {
  here_.erase(here_.begin(), here_.lower_bound(next));
  if (last_ && *last_ < next) last_.reset();
}

model::MacroBlock const* MacroPull::block(Epoch epoch) const {
  auto const found = here_.find(epoch);
  return found == here_.end() ? nullptr : &found->second;
}

model::MacroBlock MacroPull::take(Epoch epoch) {
  auto node = here_.extract(epoch);
  invariant(!node.empty(), "a block is taken once");
  return std::move(node.mapped());
}

std::vector<Epoch> MacroPull::waiting() const {
  std::vector<Epoch> epochs;
  for (auto const& [epoch, block] : here_) epochs.push_back(epoch);
  return epochs;
}

}  // namespace hotside::chain
