#pragma once
// One-off requests on their way: which callback belongs to which id, until when.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "chainclient/chain/follower.hpp"
#include "proto/base/result.hpp"
#include "proto/wire/message.hpp"

namespace hotside::node {

class OneOffRequests {
 public:
  using Reply = std::function<void(Result<wire::NodeMessage>)>;
  // The follower counts its ids from 1: these never meet them.
  static constexpr std::uint64_t kFirstId = std::uint64_t{1} << 62U;

  std::size_t size() const { return waiting_.size(); }

  // The id under which to send.
  std::uint64_t add(chain::NodeId node, Instant until, Reply done) {
    auto const id = next_id_++;
    waiting_.emplace(id, Waiting{node, until, std::move(done)});
    return id;
  }
  static bool owns(std::uint64_t id) { return id >= kFirstId; }

  void on_answer(chain::NodeId node, wire::NodeMessage message) {
    auto const found = waiting_.find(*message.id);
    if (found == waiting_.end() || found->second.node != node) return;  // too late
    auto const done = std::move(found->second.done);
    waiting_.erase(found);
    done(std::move(message));
  }
  void on_lost(chain::NodeId node) {
    fail_where([node](Waiting const& one) { return one.node == node; },
               "the connection to the node was lost");
  }
  void on_tick(Instant now) {
    fail_where([now](Waiting const& one) { return one.until <= now; }, "no answer in time");
  }
  void on_stop() {
    fail_where([](Waiting const&) { return true; }, "stopped");
  }

 private:
  struct Waiting {
    chain::NodeId node;
    Instant until;
    Reply done;
  };
  template <class Which>
  void fail_where(Which which, std::string const& why) {
    std::deque<Reply> failed;  // called last: a callback may ask again
    for (auto one = waiting_.begin(); one != waiting_.end();) {
      if (!which(one->second)) {
        ++one;
        continue;
      }
      failed.push_back(std::move(one->second.done));
      one = waiting_.erase(one);
    }
    for (auto const& done : failed) done(fail(Fault::transient, why));
  }

  std::uint64_t next_id_ = kFirstId;
  std::map<std::uint64_t, Waiting> waiting_;
};

}  // namespace hotside::node
