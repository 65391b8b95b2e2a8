#pragma once
// Fetching closed epochs, oldest first, with several requests in flight. Answers may come in any
// order; they wait here until it is their turn.

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "chainclient/chain/tracker.hpp"

namespace hotside::chain {

class MacroPull {
 public:
  explicit MacroPull(std::size_t pipeline_bytes) : pipeline_bytes_(pipeline_bytes) {}

  void aim(Epoch last);  // everything up to here is wanted
  void reset();
  bool active() const { return last_.has_value(); }

  std::vector<Epoch> wanted(Epoch next) const;  // to be asked now
  void asked(RequestId id, Epoch epoch) { asked_[id] = epoch; }
  bool forget(RequestId id) { return asked_.erase(id) > 0; }  // false: not one of ours
  void accept(model::MacroBlock block, std::size_t wire_bytes);
  void sealed(Epoch next);  // drops what lies below

  model::MacroBlock const* block(Epoch epoch) const;
  model::MacroBlock take(Epoch epoch);
  void drop(Epoch epoch) { here_.erase(epoch); }
  std::vector<Epoch> waiting() const;

 private:
  std::size_t window() const;

  std::size_t pipeline_bytes_;
  std::optional<Epoch> last_;
  std::map<Epoch, model::MacroBlock> here_;
  std::map<RequestId, Epoch> asked_;
  std::array<std::size_t, 4> sizes_{};  // of the last answers
  std::size_t size_at_ = 0;
};

}  // namespace hotside::chain
