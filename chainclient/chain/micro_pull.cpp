#include "chainclient/chain/micro_pull.hpp"

#include <algorithm>
#include <utility>

#include "proto/base/invariant.hpp"

namespace hotside::chain {

void MicroPull::aim(Tracker const& tracker, std::uint32_t count, Hash tip) {
  invariant(count > 0 && count <= kMicroBlocksPerEpoch, "a tip within an epoch");
  if (!active_ || epoch_ != tracker.next()) reset();
  active_ = true;
  epoch_ = tracker.next();
  count_ = count;
  tip_ = tip;
  from_ = std::min(tracker.live(), count - 1);
  here_.erase(here_.lower_bound(count), here_.end());
}

void MicroPull::reset() {
  active_ = forked_ = false;
  here_.clear();
  asked_.clear();
}

std::vector<Offset> MicroPull::wanted(std::size_t in_flight) const {
  std::vector<Offset> offsets;
  if (!active_) return offsets;
  for (auto at = from_; at < count_ && asked_.size() + offsets.size() < in_flight; ++at) {
    auto const is_asked = std::any_of(asked_.begin(), asked_.end(),
                                      [at](auto const& entry) { return entry.second == at; });
    if (!is_asked && !here_.contains(at)) offsets.emplace_back(at);
  }
  return offsets;
}

void MicroPull::accept(model::MicroBlock block) {
  if (!active_ || block.epoch != epoch_ || block.offset.value >= count_) return;
  auto const at = block.offset.value;
  here_.insert_or_assign(at, std::move(block));
}

MicroPull::Step MicroPull::does_not_link(model::MicroBlock const& block) {
  unlinked_ = block;
  return Step::moved;
}

MicroPull::Step MicroPull::branch_is_whole() {
  auto before = here_.end();
  for (auto at = from_; at < count_; ++at) {
    auto const block = here_.find(at);
    if (block == here_.end()) return Step::waiting;
    if (before != here_.end() && block->second.previous != before->second.hash)
      return does_not_link(block->second);
    before = block;
  }
  return before->second.hash == tip_ ? Step::done : Step::moved;
}

MicroPull::Step MicroPull::advance(Tracker& tracker) {
  unlinked_.reset();
  while (active_) {
    if (tracker.next() != epoch_) return Step::moved;
    from_ = std::min(from_, tracker.live());
    auto const block = here_.find(from_);
    if (block == here_.end()) return Step::waiting;
    auto const above = here_.find(from_ + 1);
    if (above != here_.end() && above->second.previous != block->second.hash)
      return does_not_link(above->second);
    if (block->second.previous != tracker.hash_at(from_)) {
      if (from_ == 0) return Step::unlinked;
      --from_;
      forked_ = true;
      continue;
    }
    if (from_ < tracker.live() && tracker.hash_at(from_ + 1) != block->second.hash) {
      forked_ = true;
      if (auto const whole = branch_is_whole(); whole != Step::done) return whole;
    }
    auto const taken = tracker.connect(std::move(block->second));
    here_.erase(block);
    if (taken == Taken::unlinked || taken == Taken::elsewhere) return Step::moved;
    if (++from_ == count_) return Step::done;
  }
  return Step::waiting;
}

}  // namespace hotside::chain
