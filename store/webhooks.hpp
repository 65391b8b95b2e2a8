#pragma once
// Webhook endpoints, their place in the feed, and what became of each attempt.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/feed.hpp"

namespace hotside::store {

inline constexpr std::size_t kWebhooksMax = 100;
inline constexpr std::size_t kWebhookSecretsMax = 8;         // live at one time, of one endpoint
inline constexpr std::size_t kWebhookRedeliveriesMax = 100;  // waiting, of one endpoint
// Of one endpoint; older attempts are forgotten.
inline constexpr std::size_t kWebhookDeliveriesKept = 2'000;
inline constexpr std::chrono::hours kWebhookDeliveriesKeptFor{30 * 24};

enum class WebhookOff : std::uint8_t {
  by_operator,
  gone,    // the receiver answered 410
  removed  // from the configuration
};
std::string_view to_string(WebhookOff why);  // "operator", "gone", "removed"

struct WebhookSecretRow {
  std::string text;                 // "whsec_…"
  std::optional<Time> valid_until;  // empty: until it is replaced
};

struct Webhook {
  std::string id, url;
  model::EventTypeSet events = 0;
  bool allow_private = false;
  bool is_configured = false;          // of the configuration file
  std::optional<WebhookOff> disabled;  // empty: it is delivered to
  Time created_at;
  std::vector<WebhookSecretRow> secrets;  // newest first
  std::uint64_t revision = 0;

  // Everything up to `cursor` is delivered or not of its types.
  EventSeq cursor;
  std::uint32_t failures = 0;  // in a row
  std::optional<Time> failing_since, next_attempt_at;
};

struct Delivery {
  EventSeq seq;
  std::uint32_t attempt = 0;  // from 1, for each event; given by the store
  Time at;
  std::optional<int> status;  // empty: no answer
  std::chrono::milliseconds latency{0};
  std::optional<std::string> error;     // empty: delivered
  std::optional<std::string> response;  // its first bytes, as they came
};
struct DeliveryRow {
  std::int64_t n = 0;  // rises
  Delivery delivery;
};

struct Redelivery {
  std::int64_t n = 0;  // rises, never used twice
  std::string webhook;
  EventSeq seq;
  std::string json;
};

// What was done for one endpoint since it was last written.
struct WebhookProgress {
  std::string id;
  EventSeq cursor;
  std::uint32_t failures = 0;
  std::optional<Time> failing_since, next_attempt_at;
  std::optional<std::uint64_t> gone;  // the revision that was told to be gone
  std::vector<Delivery> deliveries;
  std::vector<std::int64_t> redelivered;  // their n
};

using EventCounts = std::array<std::uint64_t, model::kEventTypes>;

class WebhookWrites {
 public:
  virtual ~WebhookWrites() = default;
  virtual Result<std::vector<Webhook>> all() = 0;  // by id
  virtual Result<std::optional<Webhook>> find(std::string_view id) = 0;
  // As an operator wants it: a new one from its cursor on; of a known one the place in the feed
  // stays, and its next attempt is due at once.
  virtual Result<void> put(Webhook const& webhook) = 0;
  virtual Result<bool> remove(std::string_view id) = 0;  // with its deliveries
  virtual Result<std::size_t> redeliveries(std::string_view id) = 0;
  virtual Result<bool> add_redelivery(std::string_view id, EventSeq seq) = 0;  // false: no event
  // One that was removed meanwhile is passed over.
  virtual Result<void> note(WebhookProgress const& progress, Time now) = 0;
};

class WebhookReads {
 public:
  virtual ~WebhookReads() = default;
  virtual Result<std::uint64_t> revision() = 0;  // another one: something below is to be read again
  virtual Result<std::vector<Webhook>> webhooks(std::optional<std::string> const& after,
                                                std::size_t limit) = 0;  // by id
  virtual Result<std::optional<Webhook>> webhook(std::string_view id) = 0;
  virtual Result<std::vector<DeliveryRow>> deliveries(std::string_view id,
                                                      std::optional<std::int64_t> before,
                                                      std::size_t limit) = 0;  // newest first
  virtual Result<std::vector<Redelivery>> redeliveries(std::int64_t after, std::size_t limit) = 0;
  // How many events of each type lie in (after, through].
  virtual Result<EventCounts> event_counts(EventSeq after, EventSeq through) = 0;
};

}  // namespace hotside::store
