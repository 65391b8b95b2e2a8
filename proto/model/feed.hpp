#pragma once
// The feed: one numbered list of what happened, written in the transaction that made it happen.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/units.hpp"

namespace hotside::model {

enum class EventType : std::uint8_t {
  deposit_prepared,
  deposit_committed,
  deposit_reverted,
  spend_prepared,
  spend_committed,
  spend_reverted,
  transaction_accepted,
  transaction_rejected,
  transaction_unknown,
  transaction_prepared,
  transaction_committed,
  transaction_conflicted,
  transaction_reverted,
  chain_finality_violation,
  chain_stalled,
  chain_output_recreated,
  node_down,
  node_up
};
inline constexpr std::size_t kEventTypes = 18;
using EventTypeSet = std::uint32_t;  // bit i is the type with value i
inline constexpr EventTypeSet kAllEventTypes = (1U << kEventTypes) - 1;
constexpr EventTypeSet bit(EventType type) { return 1U << static_cast<unsigned>(type); }

std::string_view to_string(EventType type);  // "deposit.prepared"
std::optional<EventType> event_type(std::string_view text);

// One event as it stands in the store. `json` is the whole object of product.md section 4, rendered
// when it was committed, so every form of the feed gives the same bytes for ever.
struct OutboxEvent {
  EventSeq seq;
  EventType type = EventType::deposit_prepared;
  Time at;
  std::string json;
};

}  // namespace hotside::model
