#include "explorer/webhook/endpoint.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace hotside::webhook {
namespace {

// Events that are not of its types move the cursor, too; not each such move is worth a write.
constexpr std::uint64_t kSkippedUnsaved = 1'000;
constexpr int kGone = 410;

bool is_delivered(store::Delivery const& delivery) {
  return delivery.status && *delivery.status >= 200 && *delivery.status < 300;
}

std::uint64_t of_types(store::EventCounts const& counts, model::EventTypeSet types) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if ((types & model::bit(static_cast<model::EventType>(i))) != 0) sum += counts[i];
  return sum;
}

}  // namespace

std::chrono::milliseconds retry_delay(RetryTimes const& times, std::uint32_t failures,
                                      std::minstd_rand& dice) {
  auto full = times.first;
  for (std::uint32_t i = 1; i < failures && full < times.longest; ++i) full *= 2;
  full = std::min(full, times.longest);
  std::uniform_int_distribution<std::chrono::milliseconds::rep> among(full.count() / 2,
                                                                      full.count());
  return std::chrono::milliseconds(among(dice));
}

Endpoint::Endpoint(store::Webhook row, RetryTimes times, std::uint32_t seed)
    : row_(std::move(row)), times_(times), dice_(seed), seen_(row_.cursor) {
  // A restart is a reason to try: what was wrong may have been here.
  row_.next_attempt_at.reset();
}

std::string Endpoint::named() const {
  auto const url = model::parse_webhook_url(row_.url);
  return row_.id + " (" + (url ? url->named : "?") + ")";
}

void Endpoint::change(store::Webhook row) {
  if (row.revision == row_.revision) return;
  bool const types_changed = row.events != row_.events;
  row.cursor = row_.cursor;
  row.failures = row_.failures;
  row.failing_since = row_.failing_since;
  row.next_attempt_at.reset();
  row_ = std::move(row);
  if (!types_changed) return;
  page_.clear();
  seen_ = row_.cursor;
}

void Endpoint::take(std::vector<model::OutboxEvent> events, EventSeq next) {
  page_.assign(std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
  seen_ = std::max(seen_, next);
  auto const reached = page_.empty() ? seen_ : page_.front().seq.previous();
  if (reached <= row_.cursor) return;
  if (reached.value - row_.cursor.value >= kSkippedUnsaved) is_dirty_ = true;
  row_.cursor = reached;
}

void Endpoint::count(store::EventCounts const& counts) {
  backlog_ += of_types(counts, row_.events);
}
void Endpoint::recount(store::EventCounts const& counts) {
  backlog_ = of_types(counts, row_.events);
}

std::optional<Time> Endpoint::oldest() const {
  return page_.empty() ? std::nullopt : std::optional(page_.front().at);
}

std::optional<Time> Endpoint::due() const {
  if (row_.disabled || page_.empty()) return std::nullopt;
  return row_.next_attempt_at.value_or(Time{});
}

void Endpoint::settle(store::Delivery delivery, Time now, bool is_redelivery,
                      std::uint64_t revision) {
  bool const is_present = revision == row_.revision;
  if (!is_delivered(delivery) && !delivery.error)
    delivery.error = *delivery.status >= 300 && *delivery.status < 400
                         ? "a redirect, which is not followed"
                         : "status " + std::to_string(*delivery.status);
  if (delivery.status == kGone && is_present && !row_.disabled) {
    spdlog::warn("webhook {} is disabled: its receiver answered 410 to event {}", named(),
                 delivery.seq.value);
    gone_ = row_.revision;
    row_.disabled = store::WebhookOff::gone;
  }
  // The types may have changed while it was under way. What is not the front any more is told in
  // its place once more: nothing before it is passed over, and nothing stays in front for ever.
  bool const is_front = !page_.empty() && page_.front().seq == delivery.seq;
  if (!is_redelivery && is_delivered(delivery) && is_front) {
    page_.pop_front();
    row_.cursor = delivery.seq;
    seen_ = std::max(seen_, row_.cursor);
    if (backlog_ > 0) --backlog_;
    succeeded(delivery);
  } else if (!is_redelivery && !is_delivered(delivery) && is_present) {
    failed(delivery, now);
  }
  deliveries_.push_back(std::move(delivery));
  ++unsaved_;
  is_dirty_ = true;
}

void Endpoint::succeeded(store::Delivery const& delivery) {
  if (row_.failures > 0)
    spdlog::info("webhook {} delivers again, with event {}, after {} failed attempts since {}",
                 named(), delivery.seq.value, row_.failures, to_rfc3339(*row_.failing_since));
  row_.failures = 0;
  row_.failing_since.reset();
  row_.next_attempt_at.reset();
}

void Endpoint::failed(store::Delivery const& delivery, Time now) {
  if (++row_.failures == 1 || !row_.failing_since) row_.failing_since = delivery.at;
  auto const delay = retry_delay(times_, row_.failures, dice_);
  row_.next_attempt_at = now + delay;
  if (row_.disabled) return;
  auto const level = row_.failures == 1 ? spdlog::level::warn : spdlog::level::debug;
  spdlog::log(level, "webhook {} is failing since {} at event {}: {}; next try in {:.1f} s",
              named(), to_rfc3339(*row_.failing_since), delivery.seq.value, *delivery.error,
              std::chrono::duration<double>(delay).count());
}

store::WebhookProgress Endpoint::progress() {
  is_dirty_ = false;
  return {row_.id,
          row_.cursor,
          row_.failures,
          row_.failing_since,
          row_.next_attempt_at,
          std::exchange(gone_, std::nullopt),
          std::exchange(deliveries_, {}),
          std::exchange(redelivered_, {})};
}

std::vector<model::WebhookSecret> Endpoint::live_secrets(Time now) const {
  std::vector<model::WebhookSecret> live;
  for (auto const& each : row_.secrets) {
    if (each.valid_until && *each.valid_until <= now) continue;
    if (auto secret = model::WebhookSecret::parse(each.text)) live.push_back(std::move(*secret));
  }
  return live;
}

}  // namespace hotside::webhook
