#include "explorer/webhook/dispatcher.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "explorer/webhook/signature.hpp"

namespace hotside::webhook {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kIdleMax{5'000};
constexpr milliseconds kShowEvery{1'000};
// The last batch at a stop; the cursor knows what it did not learn.
constexpr milliseconds kLastSave{3'000};

}  // namespace

Result<std::unique_ptr<Dispatcher>> Dispatcher::start(DispatcherPorts ports,
                                                      DispatcherOptions options) {
  HS_TRY(reader, ports.open_reader());
  HS_TRY(client, Client::make(options.within, ports.user_agent));
  std::unique_ptr<Dispatcher> dispatcher(
      new Dispatcher(std::move(ports), options, std::move(reader), std::move(client)));
  dispatcher->thread_ = std::thread(&Dispatcher::loop, dispatcher.get());
  return dispatcher;
}

Dispatcher::Dispatcher(DispatcherPorts ports, DispatcherOptions options,
                       std::unique_ptr<store::Reader> reader, std::unique_ptr<Client> client)
    : ports_(std::move(ports)),
      options_(options),
      reader_(std::move(reader)),
      client_(std::move(client)) {}

Dispatcher::~Dispatcher() { stop(); }

void Dispatcher::wake() {
  if (!rung_.exchange(true)) client_->wake();
}

void Dispatcher::stop() {
  stopping_ = true;
  client_->wake();
  if (thread_.joinable()) thread_.join();
}

void Dispatcher::loop() {
  while (!stopping_) {
    look();
    start_due();
    for (auto& [ticket, reply] : client_->run(idle())) settle(ticket, std::move(reply));
    save();
    show();
  }
  save_the_rest();
}

// ---- reading

void Dispatcher::look() {
  auto const now = ports_.clock.instant();
  if (now < look_at_ || (!rung_ && is_store_read_ && !is_hungry())) return;
  rung_ = false;
  auto const done = read_store();
  if (!done) {
    if (is_store_read_) spdlog::error("webhooks: the store cannot be read: {}", done.error().what);
    look_at_ = now + options_.store_retry;
  }
  is_store_read_ = done.has_value();
}

bool Dispatcher::is_hungry() const {
  return std::ranges::any_of(lanes_, [this](auto const& each) {
    auto const& endpoint = each.second.endpoint;
    return endpoint.wants_events() && endpoint.seen() < head_;
  });
}

Result<void> Dispatcher::read_store() {
  HS_TRY(snapshot, reader_->snapshot());
  HS_TRY(feed, snapshot->feed());
  feed_ = feed.feed;
  if (feed.head > head_) {
    if (!lanes_.empty()) {
      HS_TRY(counts, snapshot->webhooks().event_counts(head_, feed.head));
      for (auto& [id, lane] : lanes_) lane.endpoint.count(counts);
    }
    head_ = feed.head;
  }
  HS_TRY(revision, snapshot->webhooks().revision());
  if (revision != revision_) {
    HS_DO(reload(*snapshot));
    HS_DO(read_redeliveries(*snapshot));
    revision_ = revision;
  }
  return read_events(*snapshot);
}

Result<void> Dispatcher::reload(store::Snapshot& snapshot) {
  HS_TRY(rows, snapshot.webhooks().webhooks(std::nullopt, store::kWebhooksMax));
  // All that can fail comes first.
  std::map<std::string, store::EventCounts> counted;
  for (auto const& row : rows) {
    auto const known = lanes_.find(row.id);
    if (known != lanes_.end() && known->second.endpoint.row().events == row.events) continue;
    auto const cursor = known == lanes_.end() ? row.cursor : known->second.endpoint.row().cursor;
    HS_TRY(counts, snapshot.webhooks().event_counts(cursor, head_));
    counted.emplace(row.id, counts);
  }
  std::map<std::string, Lane> lanes;
  for (auto& row : rows) {
    auto const id = row.id;
    auto known = lanes_.extract(id);
    if (known.empty()) {
      lanes.emplace(id, Lane{Endpoint(std::move(row), options_.retry), {}});
    } else {
      known.mapped().endpoint.change(std::move(row));
      lanes.insert(std::move(known));
    }
    if (auto const counts = counted.find(id); counts != counted.end())
      lanes.at(id).endpoint.recount(counts->second);
  }
  std::swap(lanes_, lanes);
  for (auto const& [id, lane] : lanes) forget(id);
  show_at_ = {};
  return {};
}

// It was deleted: nobody waits for what is under way.
void Dispatcher::forget(std::string const& id) {
  std::erase_if(under_way_, [&](auto const& each) {
    if (each.second.id == id) client_->cancel(each.first);
    return each.second.id == id;
  });
  ports_.metrics.forget(LabelledGauge::webhook_backlog, id);
  ports_.metrics.forget(LabelledGauge::webhook_oldest_undelivered_seconds, id);
}

Result<void> Dispatcher::read_redeliveries(store::Snapshot& snapshot) {
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

Result<void> Dispatcher::read_events(store::Snapshot& snapshot) {
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

bool Dispatcher::may_send(Lane const& lane) const {
  return !lane.is_sending && lane.endpoint.unsaved() < options_.unsaved_max;
}

void Dispatcher::start_due() {
  auto const now = ports_.clock.now();
  for (auto& [id, lane] : lanes_) {
    auto const& endpoint = lane.endpoint;
    // A clock that was set back must not hold anything up for longer than the longest delay.
    auto const due = endpoint.due();
    bool const is_due = due && (*due <= now || *due > now + options_.retry.longest);
    if (may_send(lane) && is_due) {
      lane.is_sending = true;
      send(lane, endpoint.front().seq, endpoint.front().json, std::nullopt);
    }
    if (!lane.is_resending && !lane.again.empty() && endpoint.unsaved() < options_.unsaved_max) {
      lane.is_resending = true;
      auto const again = std::move(lane.again.front());
      lane.again.pop_front();
      send(lane, again.seq, again.json, again.n);
    }
  }
}

void Dispatcher::send(Lane& lane, EventSeq seq, std::string const& body,
                      std::optional<std::int64_t> n) {
  auto const& row = lane.endpoint.row();
  auto const now = ports_.clock.now();
  auto const id = feed_ + ":" + std::to_string(seq.value);
  auto const seconds = to_unix_ms(now) / 1000;
  auto const secrets = lane.endpoint.live_secrets(now);
  Post post{row.url,
            body,
            {"Content-Type: application/json", "webhook-id: " + id,
             "webhook-timestamp: " + std::to_string(seconds),
             "webhook-signature: " + signature(secrets, id, seconds, body)},
            row.allow_private};
  under_way_.emplace(client_->start(std::move(post)), UnderWay{row.id, seq, now, n});
}

void Dispatcher::settle(Client::Ticket ticket, Reply reply) {
  auto const found = under_way_.extract(ticket);
  if (found.empty()) return;
  auto const& sent = found.mapped();
  auto& lane = lanes_.at(sent.id);  // forget() takes what is under way with the lane
  store::Delivery delivery{sent.seq,      0,           sent.at,       reply.status,
                           reply.latency, reply.error, reply.response};
  lane.endpoint.settle(std::move(delivery), ports_.clock.now(), sent.redelivery.has_value());
  if (sent.redelivery) {
    lane.endpoint.redelivered(*sent.redelivery);
    lane.is_resending = false;
  } else {
    lane.is_sending = false;
  }
}

// ---- writing

void Dispatcher::save() {
  if (!is_answered() || ports_.clock.instant() < save_at_) return;
  hand_over();
}

bool Dispatcher::is_answered() {
  if (!batch_) return true;
  std::lock_guard const lock(mutex_);
  switch (batch_->state) {
    case BatchState::waiting:
      return false;
    case BatchState::written:
      for (auto const& progress : batch_->progress)
        if (auto const lane = lanes_.find(progress.id); lane != lanes_.end())
          lane->second.endpoint.saved(progress.deliveries.size());
      batch_.reset();
      return true;
    case BatchState::failed:
      batch_->state = BatchState::again;
      save_at_ = ports_.clock.instant() + options_.store_retry;
      return true;
    case BatchState::again:
      return true;
  }
  return true;
}

void Dispatcher::hand_over() {
  if (!batch_) {
    auto batch = std::make_shared<Batch>();
    for (auto& [id, lane] : lanes_)
      if (lane.endpoint.is_dirty()) batch->progress.push_back(lane.endpoint.progress());
    if (batch->progress.empty()) return;
    batch_ = std::move(batch);
  }
  save_at_ = ports_.clock.instant() + options_.save_every;
  batch_->state = BatchState::waiting;
  auto const work = [batch = batch_, &clock = ports_.clock](store::WriteTxn& txn) -> Result<void> {
    for (auto const& progress : batch->progress) HS_DO(txn.webhooks().note(progress, clock.now()));
    return {};
  };
  auto const done = [this, batch = batch_](Result<void> const& result) {
    {
      std::lock_guard const lock(mutex_);
      batch->state = result ? BatchState::written : BatchState::failed;
    }
    client_->wake();
  };
  ports_.desk.write(work, done);
}

// What was not yet handed over when the thread ends.
void Dispatcher::save_the_rest() {
  auto const end = ports_.clock.instant() + kLastSave;
  auto const wait = [&] {
    while (!is_answered() && ports_.clock.instant() < end) client_->run(kLastSave / 60);
  };
  wait();
  if (batch_) return;  // the store fails: the cursor in it is where deliveries go on
  hand_over();
  wait();
}

// ---- showing

void Dispatcher::show() {
  auto const now = ports_.clock.instant();
  if (now < show_at_) return;
  show_at_ = now + kShowEvery;
  for (auto const& [id, lane] : lanes_) {
    auto const& endpoint = lane.endpoint;
    ports_.metrics.set(LabelledGauge::webhook_backlog, id, static_cast<double>(endpoint.backlog()));
    auto const oldest = endpoint.oldest();
    std::chrono::duration<double> const age =
        oldest ? ports_.clock.now() - *oldest : milliseconds(0);
    ports_.metrics.set(LabelledGauge::webhook_oldest_undelivered_seconds, id,
                       std::max(age.count(), 0.0));
  }
}

// Until there is something to do that nothing wakes us for.
milliseconds Dispatcher::idle() {
  auto const now = ports_.clock.instant();
  auto const wall = ports_.clock.now();
  auto wait = kIdleMax;
  auto const until = [&](Instant at) {
    wait = std::min(wait, std::max(milliseconds(0), std::chrono::ceil<milliseconds>(at - now)));
  };
  if (!is_store_read_ || is_hungry()) until(look_at_);
  for (auto const& [id, lane] : lanes_) {
    auto const& endpoint = lane.endpoint;
    if (endpoint.backlog() > 0) until(show_at_);
    if (endpoint.is_dirty() && !batch_) until(save_at_);
    auto const due = may_send(lane) ? endpoint.due() : std::nullopt;
    if (due) until(now + std::max(milliseconds(0), *due - wall));
  }
  if (batch_) {
    std::lock_guard const lock(mutex_);
    if (batch_->state == BatchState::again) until(save_at_);
  }
  return wait;
}

}  // namespace hotside::webhook
