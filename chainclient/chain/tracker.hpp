#pragma once
// What the chain is now: the hashes of all final macro blocks, and the micro blocks of the epoch
// that is being built. It decides what a block, a take-back or a confirmation means for that list
// and says so in chain events; which of them may be believed is the follower's business.
//
//   final:  … F-1, F        list:  0 1 2 … live-1 | live … total-1
//                                  counted        | held: taken back, but the chain has not
//                                                 | moved on without them

#include <chrono>
#include <optional>
#include <vector>

#include "chainclient/chain/follower.hpp"

namespace hotside::chain {

enum class Taken : std::uint8_t {
  connected,  // a new block stands in the list
  returned,   // held blocks are back
  sealed,     // an epoch became final
  duplicate,  // known already, nothing changed
  unlinked,   // it does not follow from what we hold
  elsewhere   // of another epoch, or beyond a gap
};

class Tracker {
 public:
  Tracker(Hash genesis, Stored stored);

  // Where the chain starts for us. It may be set anew until the first block is taken in.
  bool anchored() const { return anchor_.has_value(); }
  bool started() const { return started_; }
  void set_anchor(Epoch first, Hash previous);
  void drop_anchor();

  Epoch next() const;                                 // the epoch being built: last final + 1
  std::optional<Epoch> final() const;                 // last final epoch whose hash is stored
  Hash const& sealed_hash() const;                    // what the blocks of next() build on
  std::optional<Hash> final_hash(Epoch epoch) const;  // where known
  std::uint32_t live() const { return live_; }
  std::uint32_t total() const { return static_cast<std::uint32_t>(micros_.size()); }
  Hash const& hash_at(std::uint32_t count) const;  // tip after `count` blocks of the list
  std::optional<Time> time_of(Hash const& block) const;

  bool violated() const { return violated_; }

  Taken connect(model::MicroBlock block);
  Taken seal(model::MacroBlock block);
  // A take-back notice; false when it names no block that we count.
  bool hold(Epoch epoch, Offset offset, Hash const& hash, Instant now);
  // The node's tip is again our block `count` - 1, held until now.
  void give_back(std::uint32_t count);
  bool undo_due(Instant now, std::chrono::milliseconds grace) const;
  void undo();
  bool violate(model::Violated violation);  // false: one is open already
  void clear_violation() { violated_ = false; }

  // Held blocks of an earlier run count from the first moment of this one.
  void note_time(Instant now);
  std::vector<model::ChainEvent> take();

 private:
  struct Micro {
    Hash hash, previous;
    Time time;
    std::optional<Instant> held_since;
  };
  void announce_start();

  Hash genesis_;
  std::optional<Hash> anchor_;  // hash of the macro block before first_
  Epoch first_;
  bool started_ = false;  // Started was emitted, now or in an earlier run
  std::vector<Hash> finals_;
  std::optional<Time> sealed_time_;
  std::vector<Micro> micros_;
  std::uint32_t live_ = 0;
  bool violated_ = false;
  std::vector<model::ChainEvent> events_;
};

}  // namespace hotside::chain
