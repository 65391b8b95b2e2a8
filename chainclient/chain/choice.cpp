// Which node is followed, and what is said of each.

#include <tuple>
#include <utility>

#include "chainclient/chain/follower_impl.hpp"

namespace hotside::chain {
namespace {

using model::NodeState;
constexpr std::uint32_t kBehindBlocks = 10;
// Closing an epoch takes a moment: it is no news to anybody.
constexpr std::chrono::seconds kClosing(5);

}  // namespace

bool Follower::Impl::is_ahead(NodeView const& node, NodeView const& other) const {
  auto const &a = *node.link().status, &b = *other.link().status;
  return a.epoch > b.epoch ||
         (a.epoch == b.epoch && a.offset.value >= b.offset.value + kBehindBlocks);
}

std::uint64_t Follower::Impl::epochs_left(NodeView const& node) const {
  if (!node.connected() || !node.link().status) return 0;
  auto const next = tracker.anchored() ? tracker.next() : options.start_epoch;
  auto const epoch = node.link().status->epoch;
  return epoch > next ? epoch.value - next.value : 0;
}

// The first fit one that has what we have; else the first fit one.
std::optional<NodeId> Follower::Impl::best(bool also_failing) const {
  std::optional<NodeId> second;
  for (auto const& node : nodes) {
    if (!node.is_fit(options.network) || (is_failing(node) && !also_failing)) continue;
    if (!tracker.anchored() || node.link().status->epoch >= tracker.next()) return node.id();
    if (!second) second = node.id();
  }
  return second;
}

void Follower::Impl::choose() {
  for (auto& node : nodes) {
    if (!node.is_fit(options.network))
      node.fit_since.reset();
    else if (!node.fit_since)
      node.fit_since = now;
  }
  auto wish = best(false);
  if (!wish) wish = best(true);
  if (!current || !nodes[*current].is_fit(options.network)) {
    if (current != wish) follow(wish, current ? "the followed one is not fit" : "it is fit");
    return;
  }
  auto const& mine = nodes[*current];
  if (!wish || *wish == *current) {
    // Still the first choice; it may be behind another one.
  } else if (is_failing(mine) && !is_failing(nodes[*wish]) &&
             nodes[*wish].link().status->epoch >= tracker.next()) {
    follow(wish, "the followed one does not give its blocks");
    return;
  }
  std::optional<NodeId> ahead;
  for (auto const& node : nodes)
    if (!ahead && node.id() != *current && node.is_fit(options.network) && !is_failing(node) &&
        is_ahead(node, mine))
      ahead = node.id();
  if (!ahead) behind_since.reset();
  if (ahead && !behind_since) behind_since = now;
  if (ahead && now - *behind_since >= options.switch_after) {
    follow(ahead, "the followed one is behind it");
    return;
  }
  if (!wish || *wish >= *current || is_ahead(mine, nodes[*wish])) return;
  auto const& preferred = nodes[*wish];
  bool const is_steady = now - *preferred.fit_since >= options.switch_after;
  if (is_steady || !preferred.was_left) follow(wish, "it is preferred");
}

void Follower::Impl::follow(std::optional<NodeId> node, std::string const& why) {
  if (current) nodes[*current].was_left = true;
  current = node;
  behind_since.reset();
  stop_pulls();
  if (!tracker.started()) tracker.drop_anchor();
  if (!node) {
    following_since.reset();
    out.log(Log::Level::warn, "no node to follow");
    return;
  }
  if (!following_since) following_since = now;
  auto& view = nodes[*node];
  view.link().below_since.reset();
  view.link().status_due = now;
  if (view.owes(Purpose::status)) view.link().status_again = true;
  out.log(Log::Level::info, "following node " + view.name() + ": " + why);
}

// ---- what is said
// --------------------------------------------------------------------------------

model::NodeStatus Follower::Impl::describe(NodeView const& node, Time at) const {
  model::NodeStatus said;
  said.name = node.name();
  said.generation = model::to_string(node.generation);
  said.following = current == node.id();
  said.text = node.down_text;
  if (!node.connected()) return said;
  auto const& link = node.link();
  if (link.status) {
    said.epoch = link.status->epoch.value;
    said.offset = link.status->offset.value;
    if (auto const time = tracker.time_of(link.status->last_block_hash))
      said.lag_seconds = std::chrono::duration<double>(at - *time).count();
  }
  if (!link.proven) {
    said.text = "connected, nothing answered yet";
  } else if (node.is_foreign(options.network)) {
    said.state = NodeState::wrong_network;
    said.text = foreign_text(node);
  } else if (link.contradicting || link.disagreement) {
    said.state = NodeState::contradicting;
    said.text = link.disagreement.value_or("shows another macro block than the final one stored");
  } else if (!node.is_of(options.network) || !link.status) {
    said.state = NodeState::checking;
    said.text = link.greeting.failing() ? "does not show macro block 0" : "identity not yet proved";
  } else if (!link.status->is_synchronized) {
    said.state = NodeState::unsynchronised;
    said.text = "says that it is not synchronised";
  } else if (!link.final_checked) {
    said.state = NodeState::checking;
    said.text = "has not yet shown the last final block";
  } else {
    std::tie(said.state, said.text) = describe_healthy(node);
  }
  return said;
}

std::pair<NodeState, std::string> Follower::Impl::describe_healthy(NodeView const& node) const {
  auto const& link = node.link();
  auto const next = tracker.anchored() ? tracker.next() : options.start_epoch;
  auto const epoch = link.status->epoch;
  auto const said = std::to_string(epoch.value);
  if (epoch < next) {
    auto const want = std::to_string(next.value);
    if (!tracker.started())
      return {NodeState::behind, "is in epoch " + said + "; epoch " + want + " is to be the first"};
    return {NodeState::behind, "is in epoch " + said + ", we are in epoch " + want};
  }
  if (current != node.id()) return {NodeState::standby, ""};
  if (link.below_since && now - *link.below_since >= options.switch_after)
    return {NodeState::behind, "its tip is below ours and does not move on"};
  if (!tracker.anchored()) return {NodeState::catching_up, "reading where the chain starts"};
  auto const left = epochs_left(node);
  if (left > 1 || (left == 1 && left_behind_since && now - *left_behind_since >= kClosing)) {
    auto text = std::to_string(left) + " closed epochs to be taken in";
    if (options.confirm_nodes > 1 && macros.block(next) != nullptr)
      text += "; waiting for " + std::to_string(options.confirm_nodes) + " nodes to show " +
              place_text(next, std::nullopt);
    if (is_failing(node)) text += "; it does not give the next one";
    return {NodeState::catching_up, text};
  }
  return {NodeState::following, ""};
}

}  // namespace hotside::chain
