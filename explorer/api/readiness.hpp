#pragma once
// Whether our answers are fit to be trusted, and if not, why: the reasons of /readyz as a function
// of what is known.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/json_writer.hpp"
#include "proto/base/units.hpp"
#include "proto/model/chain_event.hpp"
#include "proto/model/node_status.hpp"
#include "store/store.hpp"

namespace hotside::api {

enum class ReasonCode : std::uint8_t {
  starting,
  no_node,
  wrong_network,
  node_unsynchronised,
  catching_up,
  lag,
  stalled,
  epoch_without_macro_block,
  violation,
  bad_block,
  store,
  audit_difference
};
std::string_view to_string(ReasonCode code);

struct Reason {
  ReasonCode code;
  std::string text;  // for a person at 3 a.m.: what, since when, which node
};

struct HealthLimits {
  std::chrono::seconds max_lag{300};
  std::chrono::seconds stall_after{120};
};

// What the store says in one snapshot.
struct StoreFacts {
  std::optional<std::string> fault;  // why it cannot be read; the rest is empty then
  std::optional<model::Position> position;
  std::vector<store::Violation> violations;  // open ones
};

// A write that takes longer is shown as a fault of the store; one that takes `kWriteDead` is the
// end of a service that only a restart can help.
inline constexpr std::chrono::seconds kWriteSlow{10};
inline constexpr std::chrono::seconds kWriteDead{120};
// A longer write-ahead log means that a reader holds it back.
inline constexpr std::uint64_t kWalBytesMax = 1ULL << 30;

// What keeps the service from doing anything at all; empty while it is alive.
std::optional<std::string> stuck(model::Live const& live, Time now);

// Empty: ready.
std::vector<Reason> readiness(model::Live const& live, StoreFacts const& facts, Time now,
                              HealthLimits const& limits);

// How far the tip's block time lies behind the clock; never negative.
double lag_seconds(model::Position const& position, Time now);

void write_reasons(JsonWriter& json, std::vector<Reason> const& reasons);  // [{"code","text"}]

}  // namespace hotside::api
