#pragma once
// What to ask of which node, when, and what an answer means: stegos-protocol.md 3.8 as a pure state
// machine over any number of nodes. It owns no socket, clock or thread. Inputs are the on_* calls;
// everything it wants done comes out of take(): requests, reconnections, and chain events in the
// order in which they are to be committed.
//
// Notices wake, answers decide. A verified block that links to our tip is taken from either;
// nothing else that a notice says is believed before an answer confirms it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proto/base/units.hpp"
#include "proto/model/block.hpp"
#include "proto/model/chain_event.hpp"
#include "proto/model/generation.hpp"
#include "proto/model/network.hpp"
#include "proto/model/node_status.hpp"

namespace hotside::chain {

using NodeId = std::size_t;       // index into FollowerOptions::nodes
using RequestId = std::uint64_t;  // never 0, never reused

// ---- asks (hs_node turns them into wire::Request)
// ------------------------------------------------
struct AskVersion {};
struct AskChainName {};
struct AskStatus {};
struct AskMacro {
  Epoch epoch;
};
struct AskMicro {
  Epoch epoch;
  Offset offset;
};
struct AskSubscribe {
  Epoch epoch;
  Offset offset;
};
using Ask = std::variant<AskVersion, AskChainName, AskStatus, AskMacro, AskMicro, AskSubscribe>;

// ---- what a node said (hs_node makes them of wire::NodeMessage)
// ----------------------------------
using model::Generation;
struct Version {
  std::string text;
};
struct ChainName {
  std::string name;
};
struct Status {
  bool is_synchronized = false;
  Epoch epoch;    // the one being built
  Offset offset;  // micro blocks present in it
  Hash last_block_hash, last_macro_block_hash;
  Generation generation = Generation::unknown;
};
struct Subscribed {};
struct MicroSeen {
  model::MicroBlock block;
};
struct MicroReverted {
  Epoch epoch;
  Offset offset;
  Hash hash;
};
struct MacroSeen {
  model::MacroBlock block;
  std::size_t wire_bytes = 0;
};
struct Refused {
  std::string text;
};                 // an error reply
struct Unusable {  // a block that did not verify
  bool is_macro = false;
  Epoch epoch;
  std::optional<Offset> offset;
  std::optional<Hash> hash;
  std::string what, reason;
};
using Answer =
    std::variant<Version, ChainName, Status, Subscribed, MicroSeen, MacroSeen, Refused, Unusable>;
using Notice = std::variant<Status, MicroSeen, MicroReverted, MacroSeen, Unusable>;

// ---- what it wants done
// --------------------------------------------------------------------------
struct Send {
  NodeId node;
  RequestId id;
  Ask ask;
};
struct Reconnect {
  NodeId node;
  std::string why;
};  // drop the connection; the link comes back with back-off
struct Emit {
  model::ChainEvent event;
};
struct Count {
  enum class What : std::uint8_t { block_refused, reconcile } what;
  std::string reason;
};
struct Log {
  enum class Level : std::uint8_t { debug, info, warn, error } level;
  std::string text;
};
using Command = std::variant<Send, Reconnect, Emit, Count, Log>;

struct FollowerOptions {
  model::Network network;          // genesis present
  std::vector<std::string> nodes;  // names, in order of preference
  Epoch start_epoch;
  std::uint32_t confirm_nodes = 1;
  std::chrono::milliseconds revert_grace{60'000};
  std::chrono::milliseconds status_every{1'000};
  std::chrono::milliseconds answer_within{10'000};  // then the connection is dropped
  std::chrono::milliseconds switch_after{30'000};   // behind another node for this long
  std::chrono::milliseconds stall_after{120'000};
  std::size_t pipeline_bytes = 64U << 20;  // of answers in flight while catching up
};

// Where the store stands: the follower starts here, and is never asked to go below it.
struct Stored {
  std::optional<Hash> before_first;  // Started::previous; empty store: nothing
  Epoch first;                       // Started::first
  std::vector<Hash> macro_hashes;    // of epochs first, first+1, … : all that is final
  struct Micro {
    Hash hash, previous;
    Time time;
    bool held = false;
  };
  std::vector<Micro> micros;  // of the epoch after the last final one
  bool violated = false;      // an open violation: nothing is taken in
};

class Follower {
 public:
  Follower(FollowerOptions options, Stored stored);
  ~Follower();

  void on_connected(NodeId node, Instant now);
  void on_lost(NodeId node, std::string why, Instant now);
  void on_answer(NodeId node, RequestId id, Answer answer, Instant now);
  void on_notice(NodeId node, Notice notice, Instant now);
  // Bytes came in, of whatever, or the link itself does not read for now: a large macro block on
  // its way is not "no answer".
  void on_progress(NodeId node, Instant now);
  // At least every 200 ms. `wall` is for Stalled and lag only.
  void on_tick(Instant now, Time wall);
  // An operator cleared the violation: taking in goes on.
  void on_violation_cleared(Instant now);

  std::vector<Command> take();

  std::vector<model::NodeStatus> nodes(Time wall) const;
  std::optional<model::BadBlock> bad_block() const;
  std::uint64_t epochs_left() const;
  std::optional<Instant> full_epoch_since() const;
  std::optional<NodeId> following() const;
  // Whatever the followed node's last status names has been taken in.
  bool is_level() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hotside::chain
