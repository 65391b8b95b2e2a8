#include "explorer/api/readiness.hpp"

#include <algorithm>
#include <cmath>

#include "proto/base/invariant.hpp"

namespace hotside::api {
namespace {

using model::Live;
using model::NodeState;
using model::NodeStatus;

std::string seconds_text(double seconds) {
  return std::to_string(static_cast<std::int64_t>(std::floor(std::max(0.0, seconds)))) + " s";
}

double seconds_between(Time from, Time to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string place(std::uint64_t epoch, std::optional<Offset> offset) {
  return offset
             ? "micro block (" + std::to_string(epoch) + ", " + std::to_string(offset->value) + ")"
             : "macro block " + std::to_string(epoch);
}

std::string describe(NodeStatus const& node) {
  return node.name + ": " + (node.text.empty() ? std::string(to_string(node.state)) : node.text);
}

// The nodes in one of these states, each with its own words.
std::string list(Live const& live, std::initializer_list<NodeState> states) {
  std::string out;
  for (auto const& node : live.nodes) {
    if (std::ranges::find(states, node.state) == states.end()) continue;
    if (!out.empty()) out += "; ";
    out += describe(node);
  }
  return out;
}

// No node is followed: each kind of cause that a node has is a reason of its own.
void explain_unfollowed(Live const& live, std::vector<Reason>& reasons) {
  struct Cause {
    ReasonCode code;
    std::initializer_list<NodeState> states;
    char const* lead;
  };
  static Cause const kCauses[] = {
      {ReasonCode::wrong_network, {NodeState::wrong_network}, "the node is of another network: "},
      {ReasonCode::node_unsynchronised,
       {NodeState::unsynchronised},
       "the node says that it is not synchronised: "},
      {ReasonCode::catching_up,
       {NodeState::behind, NodeState::catching_up},
       "the node is behind what is final here: "},
      {ReasonCode::no_node,
       {NodeState::connecting, NodeState::checking, NodeState::contradicting},
       "no node can be followed: "},
  };
  auto const before = reasons.size();
  for (auto const& cause : kCauses)
    if (auto nodes = list(live, cause.states); !nodes.empty())
      reasons.push_back({cause.code, cause.lead + nodes});
  if (reasons.size() == before)
    reasons.push_back({ReasonCode::no_node, live.nodes.empty() ? "no node is known yet"
                                                               : "no node is being followed yet"});
}

void explain_following(Live const& live, StoreFacts const& facts, NodeStatus const& node,
                       std::vector<Reason>& reasons) {
  if (node.state == NodeState::unsynchronised)
    reasons.push_back({ReasonCode::node_unsynchronised,
                       "the node says that it is not synchronised: " + describe(node)});
  else if (node.state == NodeState::catching_up || live.epochs_left > 0)
    reasons.push_back({ReasonCode::catching_up,
                       std::to_string(live.epochs_left) +
                           " closed epochs are still to be taken in: " + describe(node)});
  else if (node.state == NodeState::behind)
    reasons.push_back(
        {ReasonCode::catching_up, "the node is behind what was taken in here: " + describe(node)});
  else if (!facts.fault && !facts.position)
    reasons.push_back({ReasonCode::catching_up, "no block has been taken in yet"});
}

void explain_pace(Live const& live, StoreFacts const& facts, Time now, HealthLimits const& limits,
                  std::vector<Reason>& reasons) {
  if (facts.position) {
    double const lag = lag_seconds(*facts.position, now);
    if (lag > static_cast<double>(limits.max_lag.count()))
      reasons.push_back(
          {ReasonCode::lag, "the last block taken in, " +
                                place(facts.position->epoch.value, facts.position->offset) +
                                ", is " + seconds_text(lag) + " old; the limit is " +
                                std::to_string(limits.max_lag.count()) + " s"});
  }
  // Silence counts only while somebody could have spoken.
  if (live.node_reachable_since) {
    Time const since = std::max(*live.node_reachable_since,
                                live.last_block_at.value_or(*live.node_reachable_since));
    if (now - since > limits.stall_after)
      reasons.push_back({ReasonCode::stalled,
                         "no new block for " + seconds_text(seconds_between(since, now)) +
                             " (since " + to_rfc3339(since) + ") while a node is reachable"});
  }
  if (live.full_epoch_since && now - *live.full_epoch_since > limits.stall_after)
    reasons.push_back({ReasonCode::epoch_without_macro_block,
                       "all 60 micro blocks of the epoch have been there since " +
                           to_rfc3339(*live.full_epoch_since) + ", its macro block has not come"});
}

void explain_store(Live const& live, StoreFacts const& facts, Time now,
                   std::vector<Reason>& reasons) {
  if (live.store_fault)
    reasons.push_back({ReasonCode::store, "the store cannot be written: " + *live.store_fault});
  if (facts.fault)
    reasons.push_back({ReasonCode::store, "the store cannot be read: " + *facts.fault});
  if (live.writing_since && now - *live.writing_since > kWriteSlow)
    reasons.push_back({ReasonCode::store, "a write has been under way since " +
                                              to_rfc3339(*live.writing_since) +
                                              ": does the disk answer?"});
  if (live.wal_bytes > kWalBytesMax)
    reasons.push_back({ReasonCode::store, "the write-ahead log has grown to " +
                                              std::to_string(live.wal_bytes >> 20) +
                                              " MiB: a reader of the store holds it back"});
}

}  // namespace

std::optional<std::string> stuck(Live const& live, Time now) {
  if (!live.writing_since || now - *live.writing_since <= kWriteDead) return std::nullopt;
  return "the writer has been at one write since " + to_rfc3339(*live.writing_since);
}

std::string_view to_string(ReasonCode code) {
  switch (code) {
    case ReasonCode::starting:
      return "starting";
    case ReasonCode::no_node:
      return "no_node";
    case ReasonCode::wrong_network:
      return "wrong_network";
    case ReasonCode::node_unsynchronised:
      return "node_unsynchronised";
    case ReasonCode::catching_up:
      return "catching_up";
    case ReasonCode::lag:
      return "lag";
    case ReasonCode::stalled:
      return "stalled";
    case ReasonCode::epoch_without_macro_block:
      return "epoch_without_macro_block";
    case ReasonCode::violation:
      return "violation";
    case ReasonCode::bad_block:
      return "bad_block";
    case ReasonCode::store:
      return "store";
    case ReasonCode::audit_difference:
      return "audit_difference";
  }
  invariant(false, "a reason of no kind");
  return {};
}

double lag_seconds(model::Position const& position, Time now) {
  return std::max(0.0, seconds_between(position.block_time, now));
}

std::vector<Reason> readiness(Live const& live, StoreFacts const& facts, Time now,
                              HealthLimits const& limits) {
  std::vector<Reason> reasons;
  for (auto const& v : facts.violations)
    reasons.push_back(
        {ReasonCode::violation, "node " + v.node + " shows another block for final epoch " +
                                    std::to_string(v.epoch.value) + ": stored " + v.stored.hex() +
                                    ", shown " + v.shown.hex() +
                                    "; nothing more is taken in until an operator clears it"});
  if (live.bad_block) {
    auto const& bad = *live.bad_block;
    reasons.push_back({ReasonCode::bad_block, place(bad.epoch.value, bad.offset) + " of node " +
                                                  bad.node + " is refused since " +
                                                  to_rfc3339(bad.since) + ": " + bad.what});
  }
  explain_store(live, facts, now, reasons);
  if (!live.started) {
    reasons.push_back({ReasonCode::starting, "the store is being opened"});
    return reasons;
  }
  auto const followed = std::ranges::find_if(live.nodes, &NodeStatus::following);
  if (followed == live.nodes.end())
    explain_unfollowed(live, reasons);
  else
    explain_following(live, facts, *followed, reasons);
  explain_pace(live, facts, now, limits, reasons);
  return reasons;
}

void write_reasons(JsonWriter& json, std::vector<Reason> const& reasons) {
  json.begin_array();
  for (auto const& reason : reasons) {
    json.begin_object();
    json.key("code").string(to_string(reason.code));
    json.key("text").string(reason.text);
    json.end_object();
  }
  json.end_array();
}

}  // namespace hotside::api
