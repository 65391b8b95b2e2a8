#pragma once
// The operator's hold by product.md section 4: which events it keeps back, and in which order they
// get their numbers once it is lifted. As the oracle, it uses nothing of the product.

#include <deque>
#include <optional>
#include <string>

#include "tests/sim/oracle.hpp"

namespace hotside::sim::oracle {

class Hold {
 public:
  explicit Hold(std::size_t portion = 1) : portion_(portion) {}

  void set(std::int64_t now) {
    if (!since_) since_ = now;
  }
  void lift() { since_.reset(); }
  std::optional<std::int64_t> since() const { return since_; }

  // What follows is of another cause. Within one, only a deposit's own events have an order.
  void next_cause() { ++cause_; }
  // Whether an event gets no number now.
  bool keeps(Told const& told) const;
  void keep(Told const& told, std::string line);

  std::size_t waiting() const { return waiting_.size() - promised_; }
  bool is_waiting(Key const& key) const;     // something about this deposit
  bool is_uncredited(Key const& key) const;  // that it is committed
  bool is_releasing() const { return !since_ && waiting() > 0; }
  // A transaction may hand out numbers: to so many of those who wait.
  std::size_t release();
  // This one got the next of them. Empty: in its turn.
  std::string released(std::string const& line);

 private:
  struct Waiting {
    std::size_t cause = 0;
    Key deposit;
    bool commits = false;
    std::string line;
  };

  std::size_t portion_, cause_ = 0, promised_ = 0;
  std::optional<std::int64_t> since_;
  std::deque<Waiting> waiting_;
};

}  // namespace hotside::sim::oracle
