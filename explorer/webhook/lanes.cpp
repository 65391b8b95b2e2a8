#include "explorer/webhook/lanes.hpp"

#include <algorithm>

namespace hotside::webhook {

using store::Snapshot;

// ---- reading

bool Lanes::is_hungry() const {
  return std::ranges::any_of(lanes_, [this](auto const& each) {
    auto const& endpoint = each.second.endpoint;
    return endpoint.wants_events() && endpoint.seen() < head_;
  });
}

Result<void> Lanes::read(Snapshot& snapshot) {
  HS_TRY(feed, snapshot.feed());
  feed_ = feed.feed;
  if (feed.head > head_) {
    if (!lanes_.empty()) {
      HS_TRY(counts, snapshot.webhooks().event_counts(head_, feed.head));
      for (auto& [id, lane] : lanes_) lane.endpoint.count(counts);
    }
    head_ = feed.head;
  }
  HS_TRY(revision, snapshot.webhooks().revision());
  if (revision != revision_) {
    HS_DO(reload(snapshot));
    HS_DO(read_redeliveries(snapshot));
    revision_ = revision;
  }
  return read_events(snapshot);
}

Result<void> Lanes::reload(Snapshot& snapshot) {
  HS_TRY(rows, snapshot.webhooks().webhooks(std::nullopt, store::kWebhooksMax));
  // All that can fail comes first.
  std::map<std::string, store::EventCounts> counted;
  std::map<EventSeq, store::EventCounts> behind;  // counting takes a walk over all of them
  for (auto const& row : rows) {
    auto const known = lanes_.find(row.id);
    if (known != lanes_.end() && known->second.endpoint.row().events == row.events) continue;
    auto const cursor = known == lanes_.end() ? row.cursor : known->second.endpoint.row().cursor;
    if (!behind.contains(cursor)) {
      HS_TRY(counts, snapshot.webhooks().event_counts(cursor, head_));
      behind.emplace(cursor, counts);
    }
    counted.emplace(row.id, behind.at(cursor));
  }
  std::map<std::string, Lane> lanes;
  for (auto& row : rows) {
    auto const id = row.id;
    auto known = lanes_.extract(id);
    if (known.empty()) {
      lanes.emplace(
          id,
          Lane{Endpoint(std::move(row), options_.retry, static_cast<std::uint32_t>(dice_())), {}});
    } else {
      known.mapped().endpoint.change(std::move(row));
      lanes.insert(std::move(known));
    }
    if (auto const counts = counted.find(id); counts != counted.end())
      lanes.at(id).endpoint.recount(counts->second);
  }
  std::swap(lanes_, lanes);
  for (auto const& [id, lane] : lanes) removed_.push_back(id);
  return {};
}

Result<void> Lanes::read_redeliveries(Snapshot& snapshot) {
  while (true) {
    HS_TRY(rows, snapshot.webhooks().redeliveries(redelivery_n_, store::kWebhookRedeliveriesMax));
    if (rows.empty()) return {};
    for (auto& row : rows) {
      redelivery_n_ = row.n;
      auto const lane = lanes_.find(row.webhook);
      if (lane != lanes_.end()) lane->second.again.push_back(std::move(row));
    }
  }
}

Result<void> Lanes::read_events(Snapshot& snapshot) {
  for (auto& [id, lane] : lanes_) {
    auto& endpoint = lane.endpoint;
    if (!endpoint.wants_events() || endpoint.seen() >= head_) continue;
    HS_TRY(found,
           snapshot.events(endpoint.seen(), endpoint.row().events, options_.page, options_.scan));
    endpoint.take(std::move(found.events), found.next);
    if (endpoint.wants_events() && endpoint.seen() >= head_) endpoint.recount({});
  }
  return {};
}

// ---- sending

bool Lanes::may_send(Lane const& lane) const {
  return !lane.is_sending && lane.endpoint.unsaved() < options_.unsaved_max;
}

std::vector<Sending> Lanes::due(Time now) {
  std::vector<Sending> sendings;
  for (auto& [id, lane] : lanes_) {
    auto const& endpoint = lane.endpoint;
    // A clock that was set back must not hold anything up for longer than the longest delay.
    auto const due = endpoint.due();
    bool const is_due = due && (*due <= now || *due > now + options_.retry.longest);
    if (may_send(lane) && is_due) {
      lane.is_sending = true;
      auto const& event = endpoint.front();
      sendings.push_back({id, event.seq, event.json, now, endpoint.row().revision, std::nullopt});
    }
    if (!lane.is_resending && !lane.again.empty() && endpoint.unsaved() < options_.unsaved_max) {
      lane.is_resending = true;
      auto const again = std::move(lane.again.front());
      lane.again.pop_front();
      sendings.push_back({id, again.seq, again.json, now, endpoint.row().revision, again.n});
    }
  }
  return sendings;
}

void Lanes::settle(Sending const& sent, store::Delivery delivery, Time now) {
  auto const found = lanes_.find(sent.webhook);
  if (found == lanes_.end()) return;
  auto& lane = found->second;
  lane.endpoint.settle(std::move(delivery), now, sent.redelivery.has_value(), sent.revision);
  if (sent.redelivery) {
    lane.endpoint.redelivered(*sent.redelivery);
    lane.is_resending = false;
  } else {
    lane.is_sending = false;
  }
}

// ---- writing

std::vector<store::WebhookProgress> Lanes::progress() {
  std::vector<store::WebhookProgress> progress;
  for (auto& [id, lane] : lanes_)
    if (lane.endpoint.is_dirty()) progress.push_back(lane.endpoint.progress());
  return progress;
}

void Lanes::saved(std::vector<store::WebhookProgress> const& progress) {
  for (auto const& each : progress)
    if (auto const lane = lanes_.find(each.id); lane != lanes_.end())
      lane->second.endpoint.saved(each.deliveries.size());
}

}  // namespace hotside::webhook
