#pragma once
// Fetching micro blocks of the current epoch towards a tip that a status answer named. Blocks may
// come in any order. Where the lowest one does not link to our list the walk goes down until it
// does: that is the fork point. Blocks that we count are replaced only when the whole other branch,
// up to the named tip, is in hand.

#include <map>
#include <vector>

#include "chainclient/chain/tracker.hpp"

namespace hotside::chain {

class MicroPull {
 public:
  enum class Step : std::uint8_t {
    waiting,   // for answers
    done,      // the tip is ours
    moved,     // the answers are of different chains: start again from a fresh status
    unlinked,  // even block 0 does not follow from the last macro block
  };

  bool active() const { return active_; }
  bool forked() const { return forked_; }
  void aim(Tracker const& tracker, std::uint32_t count, Hash tip);
  void reset();

  std::vector<Offset> wanted(std::size_t in_flight) const;  // to be asked now
  void asked(RequestId id, Offset offset) { asked_[id] = offset.value; }
  bool forget(RequestId id) { return asked_.erase(id) > 0; }  // false: not one of ours
  void accept(model::MicroBlock block);
  Step advance(Tracker& tracker);
  // After `moved`: of the blocks that were read, the one that is not on the one below it.
  std::optional<model::MicroBlock> const& unlinked() const { return unlinked_; }

 private:
  Step branch_is_whole();
  Step does_not_link(model::MicroBlock const& block);

  bool active_ = false, forked_ = false;
  Epoch epoch_;
  std::uint32_t from_ = 0, count_ = 0;  // blocks [from_, count_) are wanted
  Hash tip_;
  std::map<std::uint32_t, model::MicroBlock> here_;
  std::optional<model::MicroBlock> unlinked_;
  std::map<RequestId, std::uint32_t> asked_;
};

}  // namespace hotside::chain
