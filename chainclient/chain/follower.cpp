#include "chainclient/chain/follower.hpp"

#include <utility>

#include "chainclient/chain/follower_impl.hpp"
#include "proto/base/invariant.hpp"

namespace hotside::chain {
namespace {
constexpr std::chrono::seconds kDownAfter(10);
}

std::string short_hash(Hash const& hash) { return hash.hex().substr(0, 12); }

std::string place_text(Epoch epoch, std::optional<Offset> offset) {
  if (!offset) return "macro block " + std::to_string(epoch.value);
  return "micro block (" + std::to_string(epoch.value) + ", " + std::to_string(offset->value) + ")";
}

Follower::Impl::Impl(FollowerOptions given, Stored stored)
    : options(std::move(given)),
      tracker(options.network.genesis.value(), std::move(stored)),
      macros(options.pipeline_bytes) {
  invariant(options.confirm_nodes >= 1, "at least the followed node confirms");
  for (auto const& name : options.nodes) nodes.emplace_back(nodes.size(), name);
}

void Follower::Impl::enter(Instant at) {
  if (!entered) {
    entered = true;
    now = wall_of = at;
    for (auto& node : nodes) node.unreachable_since = at;
  }
  now = std::max(now, at);
  tracker.note_time(now);
}

// Everything that is due, whatever the input was.
void Follower::Impl::pump() {
  for (auto& node : nodes) {
    if (!node.connected()) continue;
    if (node.is_overdue(now, options.answer_within)) {
      auto const limit = node.patience(options.answer_within).count() / 1000;
      node.give_more_time();
      auto const silent_since = node.silent_since();
      drop(node, "no answer to a request within " + std::to_string(limit) + " s");
      node.unreachable_since = std::min(*node.unreachable_since, silent_since);
      continue;
    }
    greet(node);
  }
  choose();
  if (auto* node = followed(); node != nullptr) {
    if (!tracker.violated()) fetch(*node);
    bool const is_left = epochs_left(*node) > 0;
    if (!is_left) left_behind_since.reset();
    if (is_left && !left_behind_since) left_behind_since = now;
  }
  bool const is_full = tracker.total() == kMicroBlocksPerEpoch;
  if (!is_full) full_since.reset();
  if (is_full && !full_since) full_since = now;
  flush();
  tell_nodes();
  tell_stall();
}

void Follower::Impl::flush() {
  for (auto& event : tracker.take()) {
    if (std::holds_alternative<model::Connected>(event) ||
        std::holds_alternative<model::Sealed>(event)) {
      last_block = now;
      stall_told = false;
      if (auto* node = followed(); node != nullptr) took_in(*node);
    }
    out.emit(std::move(event));
  }
}

void Follower::Impl::tell_nodes() {
  for (auto& node : nodes) {
    bool const is_down = node.unreachable_since && now - *node.unreachable_since >= kDownAfter;
    bool const is_news = node.unreachable_since ? is_down && !node.down_told : node.down_told;
    if (!is_news) continue;
    node.down_told = is_down;
    out.emit(model::NodeChanged{node.name(), !is_down,
                                std::string(model::to_string(describe(node, wall_at(now)).state))});
    if (is_down)
      out.log(Log::Level::warn, "node " + node.name() + " is unreachable: " + node.down_text);
    else
      out.log(Log::Level::info, "node " + node.name() + " is reachable again");
  }
}

void Follower::Impl::tell_stall() {
  if (stall_told || !following_since || tracker.violated()) return;
  // A node that was just reached gets the same time to show its blocks.
  if (now - *following_since < options.stall_after) return;
  auto const since = last_block.value_or(*following_since);
  if (now - since < options.stall_after) return;
  stall_told = true;
  out.emit(model::Stalled{wall_at(since)});
  out.log(Log::Level::warn, "no new block since " + to_rfc3339(wall_at(since)));
}

// ---- inputs
// --------------------------------------------------------------------------------------

Follower::Follower(FollowerOptions options, Stored stored)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(stored))) {}
Follower::~Follower() = default;

void Follower::on_connected(NodeId node, Instant now) {
  impl_->enter(now);
  impl_->nodes.at(node).on_connected(now);
  impl_->pump();
}

void Follower::on_lost(NodeId node, std::string why, Instant now) {
  impl_->enter(now);
  auto& view = impl_->nodes.at(node);
  view.on_lost(std::move(why), impl_->now);
  impl_->pump();
}

void Follower::on_progress(NodeId node, Instant now) {
  impl_->enter(now);
  auto& view = impl_->nodes.at(node);
  if (view.connected()) view.link().progress_at = impl_->now;
}

void Follower::on_answer(NodeId node, RequestId id, Answer answer, Instant now) {
  auto& self = *impl_;
  self.enter(now);
  auto& view = self.nodes.at(node);
  auto const pending = view.answered(id, self.now);
  if (!pending) return;  // of an earlier connection, or never asked
  switch (pending->purpose) {
    case Purpose::version:
    case Purpose::chain_name:
    case Purpose::genesis:
      self.on_greeting_answer(view, *pending, answer);
      break;
    case Purpose::status:
      if (auto const* status = std::get_if<Status>(&answer))
        self.on_status(view, id, *status);
      else
        view.link().status_due = self.now + std::chrono::seconds(1);
      break;
    case Purpose::confirm:
      self.on_confirm_answer(view, *pending, answer);
      break;
    case Purpose::anchor:
      self.on_anchor_answer(view, *pending, answer);
      break;
    case Purpose::agree:
      self.on_agree_answer(view, *pending, answer);
      break;
    case Purpose::macro:
      self.on_macro_answer(view, id, *pending, answer);
      break;
    case Purpose::micro:
      self.on_micro_answer(view, id, *pending, answer);
      break;
    case Purpose::subscribe:
      break;  // refused or not, status polls carry us
  }
  self.pump();
}

void Follower::on_notice(NodeId node, Notice notice, Instant now) {
  impl_->enter(now);
  auto& view = impl_->nodes.at(node);
  if (view.connected()) impl_->on_notice(view, notice);
  impl_->pump();
}

void Follower::on_tick(Instant now, Time wall) {
  impl_->enter(now);
  impl_->wall = wall;
  impl_->wall_of = impl_->now;
  impl_->pump();
}

void Follower::on_violation_cleared(Instant now) {
  impl_->enter(now);
  impl_->tracker.clear_violation();
  impl_->stop_pulls();
  for (auto& node : impl_->nodes) {
    if (!node.connected()) continue;
    node.link().contradicting = false;
    node.link().confirm.reset();
    node.link().recheck_at = impl_->now;
    impl_->ask_status(node);
  }
  impl_->pump();
}

std::vector<Command> Follower::take() { return impl_->out.take(); }

// ---- views
// ---------------------------------------------------------------------------------------

std::vector<model::NodeStatus> Follower::nodes(Time wall) const {
  std::vector<model::NodeStatus> all;
  for (auto const& node : impl_->nodes) all.push_back(impl_->describe(node, wall));
  return all;
}

std::optional<model::BadBlock> Follower::bad_block() const { return impl_->bad; }

std::uint64_t Follower::epochs_left() const {
  return impl_->current ? impl_->epochs_left(impl_->nodes[*impl_->current]) : 0;
}

std::optional<Instant> Follower::full_epoch_since() const { return impl_->full_since; }
std::optional<NodeId> Follower::following() const { return impl_->current; }

bool Follower::is_level() const {
  auto const& tracker = impl_->tracker;
  if (!impl_->current || !tracker.anchored()) return false;
  auto const& node = impl_->nodes[*impl_->current];
  if (!node.connected() || !node.link().status) return false;
  auto const& status = *node.link().status;
  return status.epoch < tracker.next() ||
         (status.epoch == tracker.next() && status.offset.value <= tracker.live());
}

}  // namespace hotside::chain
