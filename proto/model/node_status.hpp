#pragma once
// What the live parts say about themselves, for /v1/status, /readyz and the dashboard. Written by
// their owners, read as a copy: no reader ever waits for a writer.

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/units.hpp"

namespace hotside::model {

enum class NodeState : std::uint8_t {
  connecting,      // no usable connection; `text` says why
  checking,        // connected, identity not yet proved
  wrong_network,   // another chain name or another genesis; `text` names both
  unsynchronised,  // says so itself
  behind,          // its final epoch is below ours
  catching_up,     // followed, and closed epochs are still to be taken in
  following,       // followed and level
  standby,         // healthy, another node is followed
  contradicting    // shows another final block than the one stored
};
std::string_view to_string(NodeState state);

struct NodeStatus {
  std::string name;
  std::string generation;  // "1.2.2", "dev", "1.3"; empty until known
  NodeState state = NodeState::connecting;
  std::string text;  // why, for a person
  std::optional<std::uint64_t> epoch;
  std::optional<std::uint32_t> offset;
  std::optional<double> lag_seconds;  // age of its tip by block time, where known
  bool following = false;
};

struct BadBlock {
  std::string node;
  Epoch epoch;
  std::optional<Offset> offset;  // empty for a macro block
  std::optional<Hash> hash;      // as claimed
  std::string what;
  Time since;
};

// Everything live that is not in the store.
struct Live {
  std::vector<NodeStatus> nodes;
  std::optional<BadBlock> bad_block;         // the block that stops us now
  std::optional<std::string> store_fault;    // why the store cannot be written now
  std::optional<Time> last_block_at;         // our clock, when the tip last moved forward
  std::optional<Time> node_reachable_since;  // of the followed node
  std::optional<Time> full_epoch_since;      // all 60 micro blocks there, no macro block yet
  std::uint64_t epochs_left = 0;             // closed epochs still to be taken in
  std::optional<Time> writing_since;         // the write under way now began then
  std::uint64_t wal_bytes = 0;               // of the store's write-ahead log
  bool started = false;                      // the store is open and loaded
};

class StatusBoard {
 public:
  Live read() const {
    std::lock_guard const lock(mutex_);
    return live_;
  }
  template <class Change>
  void update(Change&& change) {
    std::lock_guard const lock(mutex_);
    change(live_);
  }

 private:
  mutable std::mutex mutex_;
  Live live_;
};

}  // namespace hotside::model
