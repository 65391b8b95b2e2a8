#pragma once
// What the follower wants done, in order; and the source of request ids.

#include <string>
#include <utility>
#include <vector>

#include "chainclient/chain/follower.hpp"

namespace hotside::chain {

class Outbox {
 public:
  RequestId send(NodeId node, Ask ask) {
    commands_.emplace_back(Send{node, ++last_id_, ask});
    return last_id_;
  }
  RequestId last_id() const { return last_id_; }
  void reconnect(NodeId node, std::string why) {
    commands_.emplace_back(Reconnect{node, std::move(why)});
  }
  void emit(model::ChainEvent event) { commands_.emplace_back(Emit{std::move(event)}); }
  void refused(std::string reason) {
    commands_.emplace_back(Count{Count::What::block_refused, std::move(reason)});
  }
  void reconciled(std::string reason) {
    commands_.emplace_back(Count{Count::What::reconcile, std::move(reason)});
  }
  void log(Log::Level level, std::string text) {
    commands_.emplace_back(Log{level, std::move(text)});
  }
  std::vector<Command> take() { return std::exchange(commands_, {}); }

 private:
  std::vector<Command> commands_;
  RequestId last_id_ = 0;
};

}  // namespace hotside::chain
