#include "proto/model/feed.hpp"

#include "proto/base/invariant.hpp"

namespace hotside::model {
namespace {
constexpr std::array<std::string_view, kEventTypes> kNames{"deposit.prepared",
                                                           "deposit.committed",
                                                           "deposit.reverted",
                                                           "spend.prepared",
                                                           "spend.committed",
                                                           "spend.reverted",
                                                           "transaction.accepted",
                                                           "transaction.rejected",
                                                           "transaction.unknown",
                                                           "transaction.prepared",
                                                           "transaction.committed",
                                                           "transaction.conflicted",
                                                           "transaction.reverted",
                                                           "chain.finality_violation",
                                                           "chain.stalled",
                                                           "chain.output_recreated",
                                                           "node.down",
                                                           "node.up"};
}

std::string_view to_string(EventType type) {
  auto const i = static_cast<std::size_t>(type);
  invariant(i < kNames.size(), "an event of no type");
  return kNames[i];
}

std::optional<EventType> event_type(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<EventType>(i);
  return std::nullopt;
}

}  // namespace hotside::model
