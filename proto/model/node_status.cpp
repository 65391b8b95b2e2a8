#include "proto/model/node_status.hpp"

#include "proto/base/invariant.hpp"

namespace hotside::model {

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::connecting:
      return "connecting";
    case NodeState::checking:
      return "checking";
    case NodeState::wrong_network:
      return "wrong_network";
    case NodeState::unsynchronised:
      return "unsynchronised";
    case NodeState::behind:
      return "behind";
    case NodeState::catching_up:
      return "catching_up";
    case NodeState::following:
      return "following";
    case NodeState::standby:
      return "standby";
    case NodeState::contradicting:
      return "contradicting";
  }
  invariant(false, "a node in no state");
  return {};
}

}  // namespace hotside::model
