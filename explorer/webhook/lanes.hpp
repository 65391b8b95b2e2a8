#pragma once
// What goes to which endpoint next, and what is to be written of it: all that the dispatcher
// decides, without socket, thread or clock of its own. At most one event of each endpoint is under
// way, and one redelivery beside it.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "explorer/webhook/endpoint.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "store/store.hpp"

namespace hotside::webhook {

struct LaneOptions {
  RetryTimes retry;
  std::size_t page = 32, scan = 1'000;  // events read at once, numbers looked at
  std::size_t unsaved_max = 64;         // attempts of an endpoint that are not written yet
};

struct Lane {  // one endpoint and what is under way for it
  Endpoint endpoint;
  std::deque<store::Redelivery> again;
  bool is_sending = false, is_resending = false;
};

struct Sending {
  std::string webhook;  // its id
  EventSeq seq;
  std::string json;
  Time at;
  std::uint64_t revision = 0;              // of the endpoint, when it was sent
  std::optional<std::int64_t> redelivery;  // its n
};

class Lanes {
 public:
  Lanes(LaneOptions options, std::uint32_t seed) : options_(options), dice_(seed) {}

  std::string const& feed() const { return feed_; }
  std::map<std::string, Lane> const& all() const { return lanes_; }

  // ---- reading
  bool is_hungry() const;  // there are events that were not read yet
  // Endpoints as they are now, and events for those that have none. After an error it may be tried
  // again; what was under way stays so.
  Result<void> read(store::Snapshot& snapshot);
  // Ids that were removed: nobody waits for what is under way for them.
  std::vector<std::string> take_removed() { return std::exchange(removed_, {}); }

  // ---- sending
  bool may_send(Lane const& lane) const;
  std::vector<Sending> due(Time now);  // is under way from now on
  // `delivery` as it was answered. Of an endpoint that was removed: nothing.
  void settle(Sending const& sent, store::Delivery delivery, Time now);

  // ---- writing
  std::vector<store::WebhookProgress> progress();  // all that is not written yet
  void saved(std::vector<store::WebhookProgress> const& progress);

 private:
  Result<void> reload(store::Snapshot& snapshot);
  Result<void> read_events(store::Snapshot& snapshot);
  Result<void> read_redeliveries(store::Snapshot& snapshot);

  LaneOptions options_;
  std::minstd_rand dice_;
  std::string feed_;
  std::optional<std::uint64_t> revision_;
  EventSeq head_;                  // as far as events are counted
  std::int64_t redelivery_n_ = 0;  // looked at up to here
  std::map<std::string, Lane> lanes_;
  std::vector<std::string> removed_;
};

}  // namespace hotside::webhook
