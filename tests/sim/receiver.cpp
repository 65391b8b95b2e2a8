#include "tests/sim/receiver.hpp"

#include <algorithm>
#include <stdexcept>

#include "tests/support/feed_reading.hpp"

namespace hotside::sim {
namespace {

void expect(bool holds, std::string const& what) {
  if (!holds) throw std::runtime_error("webhook: " + what);
}

}  // namespace

// ---- what it sees

void Receiver::take(std::string const& webhook_id, std::string const& json) {
  auto const [at, is_new] = taken_.try_emplace(webhook_id, json);
  expect(at->second == json, "event " + webhook_id + " is another than before");
  if (!is_new) return;
  auto const type = test::field(json, "type");
  auto const id = test::field(json, "id");
  auto const seq = std::stoull(test::field(json, "seq"));
  // What was asked for again may come before its turn, and what it followed after it.
  if (type == "deposit.reverted" && credited_by_.contains(id))
    expect(seq < credited_by_.at(id), "a deposit that was credited is reverted: " + id);
  if (type != "deposit.committed") return;
  Exchange::Credit const credit{test::field(json, "address"),
                                std::stoll(test::field(json, "amount"))};
  credited_by_[id] = seq;
  expect(credits_.emplace(id, credit).second, "a deposit is committed twice: " + id);
}

// ---- what the service does

bool Receiver::is_through(Feed const& feed) {
  auto const is_done = [&](model::OutboxEvent const& event) {
    return (types_ & model::bit(event.type)) == 0 || delivered_.contains(event.seq.value);
  };
  while (through_ < feed.size() && is_done(feed[through_])) ++through_;
  return through_ == feed.size();
}

void Receiver::sent(webhook::Sending const& sending, Feed const& feed) {
  auto const seq = sending.seq.value;
  auto const what = "event " + std::to_string(seq);
  ++attempts_;
  (sending.redelivery ? again_under_ : under_) = changes_;
  expect(exists_, what + " is sent where nobody asked for it");
  expect(seq >= 1 && seq <= feed.size() && feed[seq - 1].json == sending.json,
         what + " is what the feed says");
  if (sending.redelivery) {
    expect(asked_.contains(seq) || perhaps_asked_.contains(seq),
           what + " is sent again, but nobody asked");
    sent_again_.insert(seq);
    return;
  }
  expect((types_ & model::bit(feed[seq - 1].type)) != 0, what + " is of another type");
  is_through(feed);
  expect(through_ + 1 >= seq, what + " is sent before an earlier one was delivered");
  expect(!delivered_now_.contains(seq), what + " is sent again although it was delivered");
  expect(!off_, what + " is sent to an endpoint that is disabled");
  if (!failed_at_) return;
  auto least = times_.first;
  for (std::uint32_t i = 1; i < failures_ && least < times_.longest; ++i) least *= 2;
  least = std::min(least, times_.longest) / 2;
  expect(sending.at >= *failed_at_ + least, what + " is tried again too early");
}

void Receiver::answered(webhook::Sending const& sending, std::optional<int> status, Time now) {
  bool const is_present = (sending.redelivery ? again_under_ : under_) == changes_;
  if (status == 410 && is_present && !off_) {
    off_ = true;
    gone_under_ = changes_;
  }
  if (sending.redelivery) return;
  if (status && *status >= 200 && *status < 300) {
    delivered_.insert(sending.seq.value);
    delivered_now_.insert(sending.seq.value);
    failures_ = 0;
    failed_at_.reset();
  } else if (is_present) {
    ++failures_;
    failed_at_ = now;
  }
}

bool Receiver::is_even() const {
  return std::includes(sent_again_.begin(), sent_again_.end(), asked_.begin(), asked_.end());
}

// ---- what is committed

void Receiver::put(std::optional<store::WebhookOff> disabled) {
  exists_ = true;
  ++changes_;
  off_ = off_saved_ = disabled.has_value();
  failed_at_.reset();  // an operator's change is a reason to try
}

void Receiver::to_be_saved(store::WebhookProgress const& progress) {
  if (progress.gone) gone_noted_ = gone_under_;
}

void Receiver::saved(store::WebhookProgress const& progress) {
  cursor_saved_ = std::max(cursor_saved_, progress.cursor);
  if (!progress.gone || gone_noted_ != changes_) return;
  off_saved_ = true;
  ++changes_;
}

void Receiver::restarted(std::optional<store::Webhook> const& row, Feed const& feed,
                         bool may_differ) {
  expect(!exists_ || row, "it is still there");
  failures_ = 0;
  failed_at_.reset();
  delivered_now_.clear();
  if (!row) return;
  is_through(feed);
  expect(exists_ || may_differ, "it is of somebody");
  expect(row->cursor >= cursor_saved_, "what was saved is saved");
  expect(row->cursor.value <= through_, "what is saved as delivered was delivered");
  expect(row->disabled || !off_saved_ || may_differ, "who is gone stays gone");
  exists_ = true;
  off_ = off_saved_ = row->disabled.has_value();
  cursor_saved_ = row->cursor;
}

}  // namespace hotside::sim
