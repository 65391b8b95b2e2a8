#pragma once
// The follower's parts. Every input ends in pump(), which does what is due: so no rule depends on
// which input happened to come last.
//
//   greeting.cpp  who is it: identity, status polls, answers that do not come
//   finality.cpp  does it contradict what is final; do enough nodes agree
//   choice.cpp    which node is followed; what is said of each
//   pursuit.cpp   what the followed node has that we lack

#include <optional>
#include <string>
#include <vector>

#include "chainclient/chain/follower.hpp"
#include "chainclient/chain/macro_pull.hpp"
#include "chainclient/chain/micro_pull.hpp"
#include "chainclient/chain/node_view.hpp"
#include "chainclient/chain/outbox.hpp"
#include "chainclient/chain/tracker.hpp"

namespace hotside::chain {

struct Follower::Impl {
  Impl(FollowerOptions options, Stored stored);

  // ---- follower.cpp
  void enter(Instant at);
  void pump();
  void flush();  // tracker events to the outbox
  void tell_nodes();
  void tell_stall();
  Time wall_at(Instant at) const { return wall + (at - wall_of); }

  // ---- greeting.cpp
  void greet(NodeView& node);
  void ask_status(NodeView& node);
  void drop(NodeView& node, std::string why);
  void on_greeting_answer(NodeView& node, Pending const& pending, Answer& answer);
  void on_status(NodeView& node, RequestId id, Status const& status);
  std::chrono::milliseconds poll_every(NodeView const& node) const;
  std::string foreign_text(NodeView const& node) const;

  // ---- finality.cpp
  void check_finality(NodeView& node);
  bool shows_our_final(NodeView const& node) const;  // by its status, as far as that tells
  void confirm(NodeView& node, Epoch epoch);
  void on_confirm_answer(NodeView& node, Pending const& pending, Answer& answer);
  void ask_agreement();
  void on_agree_answer(NodeView& node, Pending const& pending, Answer& answer);
  bool is_agreed(model::MacroBlock const& block);

  // ---- choice.cpp
  void choose();
  void follow(std::optional<NodeId> node, std::string const& why);
  std::optional<NodeId> best(bool also_failing) const;
  bool is_ahead(NodeView const& node, NodeView const& other) const;
  bool is_failing(NodeView const& node) const {
    return node.failing_until && now < *node.failing_until;
  }
  std::uint64_t epochs_left(NodeView const& node) const;
  model::NodeStatus describe(NodeView const& node, Time at) const;
  std::pair<model::NodeState, std::string> describe_healthy(NodeView const& node) const;

  // ---- pursuit.cpp
  void pursue(NodeView& node);  // after each status answer
  void pursue_tip(NodeView& node);
  bool find_anchor(NodeView& node);
  void on_anchor_answer(NodeView& node, Pending const& pending, Answer& answer);
  void subscribe(NodeView& node);
  void watch_stream(NodeView& node, Status const& before);
  void fetch(NodeView& node);
  void on_macro_answer(NodeView& node, RequestId id, Pending const& pending, Answer& answer);
  void on_micro_answer(NodeView& node, RequestId id, Pending const& pending, Answer& answer);
  void advance_macros(NodeView& node);
  void advance_micros(NodeView& node);
  void stop_pulls();
  void refuse_block(NodeView& node, Unusable const& block);
  void moved(NodeView& node);
  void pull_failed(NodeView& node, std::string const& why);
  void took_in(NodeView& node);
  void on_notice(NodeView& node, Notice& notice);
  void on_macro_notice(NodeView& node, MacroSeen& seen);
  void on_micro_notice(NodeView& node, model::MicroBlock& block);

  NodeView* followed() { return current ? &nodes[*current] : nullptr; }

  FollowerOptions const options;
  Outbox out;
  Tracker tracker;
  std::vector<NodeView> nodes;
  MacroPull macros;
  MicroPull micros;
  std::optional<NodeId> current;
  std::optional<Instant> behind_since;     // the followed node behind another one
  std::optional<Instant> following_since;  // some node or other, without a break
  RequestId hold_mark = 0;                 // status asks up to this one may predate a take-back
  std::optional<model::BadBlock> bad;
  struct Broken {  // a block that was read and did not link, so many times in a row
    Hash block;
    int times;
  };
  std::optional<Broken> broken;
  std::optional<Instant> full_since;
  std::optional<Instant> left_behind_since;  // closed epochs are still to be taken in
  std::optional<Instant> last_block;
  bool stall_told = false;
  Instant now{}, wall_of{};
  Time wall{};
  bool entered = false;
};

std::string place_text(Epoch epoch, std::optional<Offset> offset);
std::string short_hash(Hash const& hash);

}  // namespace hotside::chain
