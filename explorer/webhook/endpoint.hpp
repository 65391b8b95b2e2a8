#pragma once
// One endpoint's place in the feed and its circuit, without socket, store or thread. Events go one
// at a time; after a failure the same event is tried again, later each time, and that one try is
// what half-opens the circuit.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "explorer/webhook/client.hpp"
#include "proto/base/units.hpp"
#include "proto/model/webhook.hpp"
#include "store/webhooks.hpp"

namespace hotside::webhook {

struct RetryTimes {
  std::chrono::milliseconds first{1'000}, longest{3'600'000};
};
// Before the try after so many failures in a row: doubles from `first` to `longest`, each shortened
// at random by up to half, so that receivers of many endpoints are not hit at once.
std::chrono::milliseconds retry_delay(RetryTimes const& times, std::uint32_t failures,
                                      std::minstd_rand& dice);

class Endpoint {
 public:
  Endpoint(store::Webhook row, RetryTimes times, std::uint32_t seed);

  std::string const& id() const { return row_.id; }
  store::Webhook const& row() const { return row_; }
  std::string named() const;  // for logs: id, and where it goes, without secrets

  void change(store::Webhook row);  // what an operator decided since; progress stays ours

  // ---- the queue
  EventSeq seen() const { return seen_; }  // looked at up to here
  bool wants_events() const { return page_.empty(); }
  // `next` is how far was looked.
  void take(std::vector<model::OutboxEvent> events, EventSeq next);
  void count(store::EventCounts const& counts);    // of events that came
  void recount(store::EventCounts const& counts);  // of all that lie behind the cursor
  std::uint64_t backlog() const { return backlog_; }
  std::optional<Time> oldest() const;  // of what is not delivered

  // ---- the circuit
  // When the front may be sent; empty: nothing to send, or it is off.
  std::optional<Time> due() const;
  model::OutboxEvent const& front() const { return page_.front(); }
  // A redelivery does not move the cursor or the circuit, except that 410 is 410. What was sent
  // under another `revision` tells nothing of the endpoint as it is now: its failures only count
  // as attempts.
  void settle(store::Delivery delivery, Time now, bool is_redelivery, std::uint64_t revision);

  // ---- what is not written yet
  std::size_t unsaved() const { return unsaved_; }  // attempts
  bool is_dirty() const { return is_dirty_; }
  store::WebhookProgress progress();  // all of it; written when saved() is called
  void redelivered(std::int64_t n) { redelivered_.push_back(n), is_dirty_ = true; }
  void saved(std::size_t attempts) { unsaved_ -= attempts; }

  // Those that sign at `now`.
  std::vector<model::WebhookSecret> live_secrets(Time now) const;

 private:
  void succeeded(store::Delivery const& delivery);
  void failed(store::Delivery const& delivery, Time now);

  store::Webhook row_;
  RetryTimes times_;
  std::minstd_rand dice_;
  std::deque<model::OutboxEvent> page_;
  EventSeq seen_;
  std::uint64_t backlog_ = 0;
  std::optional<std::uint64_t> gone_;
  std::vector<store::Delivery> deliveries_;
  std::vector<std::int64_t> redelivered_;
  std::size_t unsaved_ = 0;
  bool is_dirty_ = false;
};

}  // namespace hotside::webhook
