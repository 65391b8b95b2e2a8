#pragma once
// The follower's vocabulary is not the wire's, so that it can be driven without one. This is the
// one place where they meet.

#include <optional>

#include "chainclient/chain/follower.hpp"
#include "proto/wire/message.hpp"

namespace hotside::node {

wire::Request to_request(chain::Ask const& ask);

// Empty: nothing that the follower asks for, or wants to be told.
std::optional<chain::Answer> to_answer(wire::NodeMessage message, std::size_t wire_bytes);
std::optional<chain::Notice> to_notice(wire::NodeMessage message, std::size_t wire_bytes);

}  // namespace hotside::node
