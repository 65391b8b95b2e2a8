#include "chainclient/chain/tracker.hpp"

#include <algorithm>
#include <utility>

#include "proto/base/invariant.hpp"

namespace hotside::chain {

Tracker::Tracker(Hash genesis, Stored stored)
    : genesis_(genesis),
      anchor_(stored.before_first),
      first_(stored.first),
      started_(stored.before_first.has_value()),
      finals_(std::move(stored.macro_hashes)),
      violated_(stored.violated) {
  invariant(started_ || (finals_.empty() && stored.micros.empty()), "a store with blocks started");
  invariant(stored.micros.size() <= kMicroBlocksPerEpoch, "an epoch holds sixty micro blocks");
  live_ = static_cast<std::uint32_t>(stored.micros.size());
  for (auto const& micro : stored.micros) {
    auto const at = total();
    invariant(micro.previous == hash_at(at), "stored micro blocks are linked");
    if (micro.held) live_ = std::min(live_, at);
    invariant(micro.held == (at >= live_), "held blocks stand at the end");
    micros_.push_back({micro.hash, micro.previous, micro.time, std::nullopt});
  }
}

void Tracker::set_anchor(Epoch first, Hash previous) {
  invariant(!started_, "the start is set before the first block");
  first_ = first;
  anchor_ = previous;
}

void Tracker::drop_anchor() {
  invariant(!started_, "the start stays once a block was taken in");
  anchor_.reset();
}

Epoch Tracker::next() const { return Epoch(first_.value + finals_.size()); }

std::optional<Epoch> Tracker::final() const {
  if (!started_ || next() == Epoch(0)) return std::nullopt;
  return next().previous();
}

Hash const& Tracker::sealed_hash() const {
  invariant(anchor_.has_value(), "the start is known");
  return finals_.empty() ? *anchor_ : finals_.back();
}

std::optional<Hash> Tracker::final_hash(Epoch epoch) const {
  if (epoch == Epoch(0)) return genesis_;
  if (!started_) return std::nullopt;
  if (epoch.next() == first_) return anchor_;
  if (epoch < first_ || epoch >= next()) return std::nullopt;
  return finals_[epoch.value - first_.value];
}

Hash const& Tracker::hash_at(std::uint32_t count) const {
  invariant(count <= total(), "a place within the list");
  return count == 0 ? sealed_hash() : micros_[count - 1].hash;
}

std::optional<Time> Tracker::time_of(Hash const& block) const {
  for (auto const& micro : micros_)
    if (micro.hash == block) return micro.time;
  if (anchor_ && block == sealed_hash()) return sealed_time_;
  return std::nullopt;
}

void Tracker::announce_start() {
  if (std::exchange(started_, true)) return;
  events_.emplace_back(model::Started{first_, *anchor_});
}

Taken Tracker::connect(model::MicroBlock block) {
  auto const at = block.offset.value;
  if (violated_ || !anchor_ || next() == Epoch(0) || block.epoch != next()) return Taken::elsewhere;
  if (at >= kMicroBlocksPerEpoch || at > total()) return Taken::elsewhere;
  if (block.previous != hash_at(at)) return Taken::unlinked;
  if (at < total() && micros_[at].hash == block.hash) {
    if (at < live_) return Taken::duplicate;
    give_back(at + 1);
    return Taken::returned;
  }
  // Linking to a held block proves that it is back.
  if (at > live_) give_back(at);
  announce_start();
  micros_.resize(at);
  micros_.push_back({block.hash, block.previous, block.time, std::nullopt});
  live_ = total();
  events_.emplace_back(model::Connected{std::move(block)});
  return Taken::connected;
}

Taken Tracker::seal(model::MacroBlock block) {
  if (violated_ || !anchor_ || block.epoch != next()) return Taken::elsewhere;
  if (block.previous != sealed_hash()) return Taken::unlinked;
  if (block.epoch == Epoch(0) && block.hash != genesis_) return Taken::unlinked;
  announce_start();
  micros_.clear();
  live_ = 0;
  finals_.push_back(block.hash);
  sealed_time_ = block.time;
  events_.emplace_back(model::Sealed{std::move(block)});
  return Taken::sealed;
}

bool Tracker::hold(Epoch epoch, Offset offset, Hash const& hash, Instant now) {
  if (violated_ || !anchor_ || epoch != next() || offset.value >= live_) return false;
  if (micros_[offset.value].hash != hash) return false;
  for (auto at = offset.value; at < live_; ++at) micros_[at].held_since = now;
  live_ = offset.value;
  events_.emplace_back(model::Held{offset});
  return true;
}

void Tracker::give_back(std::uint32_t count) {
  invariant(!violated_ && count > live_ && count <= total(), "only held blocks come back");
  for (auto at = live_; at < count; ++at) micros_[at].held_since.reset();
  live_ = count;
  events_.emplace_back(model::Returned{Offset(count)});
}

bool Tracker::undo_due(Instant now, std::chrono::milliseconds grace) const {
  if (violated_ || live_ == total()) return false;
  auto const& since = micros_[live_].held_since;
  return since.has_value() && now - *since >= grace;
}

void Tracker::undo() {
  invariant(!violated_ && live_ < total(), "only held blocks are undone");
  events_.emplace_back(model::Undone{Offset(live_)});
  micros_.resize(live_);
}

bool Tracker::violate(model::Violated violation) {
  if (std::exchange(violated_, true)) return false;
  events_.emplace_back(std::move(violation));
  return true;
}

void Tracker::note_time(Instant now) {
  for (auto at = live_; at < total(); ++at)
    if (!micros_[at].held_since) micros_[at].held_since = now;
}

std::vector<model::ChainEvent> Tracker::take() { return std::exchange(events_, {}); }

}  // namespace hotside::chain
