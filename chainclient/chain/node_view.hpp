#pragma once
// What is known of one node: its connection, what it has answered, and what it still owes us.

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "chainclient/chain/outbox.hpp"

namespace hotside::chain {

enum class Purpose : std::uint8_t {
  version,
  chain_name,
  status,
  genesis,
  confirm,  // does it really show another final block?
  anchor,   // where a store that starts late begins
  agree,    // confirm_nodes: does it show the same macro block?
  macro,
  micro,
  subscribe
};

// Grows from `first` to `most` with each failure in a row.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most)
      : first_(first), most_(most) {}
  bool ready(Instant now) const { return now >= until_; }
  bool failing() const { return wait_.count() > 0; }
  unsigned failures() const { return failures_; }
  Instant until() const { return until_; }
  void fail(Instant now) {
    ++failures_;
    wait_ = wait_.count() == 0 ? first_ : std::min(2 * wait_, most_);
    until_ = now + wait_;
  }
  void reset() {
    failures_ = 0;
    wait_ = {};
    until_ = {};
  }

 private:
  std::chrono::milliseconds first_, most_, wait_{0};
  Instant until_{};
  unsigned failures_ = 0;
};

struct Pending {
  Purpose purpose = Purpose::version;
  Epoch epoch;
  Offset offset;
  Instant sent;
};

// What ends with the connection.
struct Connection {
  Instant since, progress_at, macro_at;
  bool proven = false;  // something was answered: token and endpoint are right
  bool has_version = false;
  std::map<RequestId, Pending> pending;

  std::optional<std::string> chain_name;
  std::optional<Hash> genesis;
  Backoff greeting{std::chrono::seconds(1), std::chrono::seconds(30)};
  Instant recheck_at;  // of a node of another network

  std::optional<Status> status;
  RequestId status_id = 0;
  Instant status_due;
  bool status_again = false;  // asked for while one was outstanding

  bool final_checked = false;  // it showed our last final block, or has not reached it
  bool contradicting = false;
  Backoff confirm{std::chrono::seconds(1), std::chrono::seconds(30)};

  std::map<Epoch, Hash> shown;  // confirm_nodes: macro blocks it showed
  std::set<Epoch> showing;      // … and was asked for
  Backoff agree{std::chrono::seconds(5), std::chrono::seconds(30)};
  std::optional<std::string> disagreement;

  Backoff blocks{std::chrono::seconds(1), std::chrono::seconds(30)};  // it sent an unusable one
  Backoff pulls{std::chrono::milliseconds(250), std::chrono::seconds(5)};  // it refused, or moved
  std::optional<Instant> below_since;  // its tip is an ancestor of ours

  bool subscribed = false;
  bool noticed = false;       // a chain notice came since the last status answer
  unsigned silent_polls = 0;  // status answers that moved without a notice
};

class NodeView {
 public:
  NodeView(NodeId id, std::string name) : id_(id), name_(std::move(name)) {}

  NodeId id() const { return id_; }
  std::string const& name() const { return name_; }

  bool connected() const { return link_.has_value(); }
  Connection& link() { return *link_; }
  Connection const& link() const { return *link_; }
  void on_connected(Instant now);
  void on_lost(std::string why, Instant now);

  void on_dropped(std::string why, Instant now);  // by us

  bool can_ask() const;  // false while it owes us too much
  RequestId ask(Outbox& out, Ask const& ask, Purpose purpose, Instant now);
  std::optional<Pending> answered(RequestId id, Instant now);
  bool owes(Purpose purpose) const;
  // Nothing of what it owes came within `limit`. Bytes on their way are patience, with an end; and
  // who has to make a large macro block first is given more time when it is asked again.
  bool is_overdue(Instant now, std::chrono::milliseconds limit) const;
  std::chrono::milliseconds patience(std::chrono::milliseconds limit) const;
  void give_more_time();
  Instant silent_since() const;  // since when the oldest request has had no answer

  // Its chain is the one that is configured.
  bool is_of(model::Network const& network) const;
  bool is_foreign(model::Network const& network) const;
  bool is_fit(model::Network const& network) const;  // to be followed

  std::string down_text = "not connected yet";
  model::Generation generation = model::Generation::unknown;  // the last known one
  std::optional<Instant> unreachable_since;                   // no status answer since
  bool down_told = false;
  std::optional<Instant> failing_until;  // it could not give what it says it has
  std::optional<Instant> fit_since;
  bool was_left = false;              // it was followed, and left for another
  std::optional<Instant> renewed_at;  // reconnected for a new subscription

 private:
  bool owes_macro() const;

  NodeId id_;
  std::string name_;
  std::optional<Connection> link_;
  bool dropped_ = false;
  int late_macros_ = 0;  // in a row, across connections
};

}  // namespace hotside::chain
