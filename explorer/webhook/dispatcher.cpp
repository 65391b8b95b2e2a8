#include "explorer/webhook/dispatcher.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <utility>

#include "explorer/webhook/signature.hpp"

namespace hotside::webhook {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kIdleMax{5'000};
constexpr milliseconds kShowEvery{1'000};
// The last batch at a stop; the cursor knows what it did not learn.
constexpr milliseconds kLastSave{3'000};
constexpr std::size_t kSearchesMax = 64;  // waiting

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
      client_(std::move(client)),
      lanes_(options_.lanes, std::random_device{}()) {}

Dispatcher::~Dispatcher() { stop(); }

void Dispatcher::wake() {
  if (!rung_.exchange(true)) client_->wake();
}

void Dispatcher::stop() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  client_->wake();
  if (thread_.joinable()) thread_.join();
}

void Dispatcher::loop() {
  while (!stopping_) {
    look();
    start_searches();
    start_due();
    for (auto& [ticket, reply] : client_->run(idle())) settle(ticket, std::move(reply));
    save();
    show();
  }
  save_the_rest();
  drop_searches();
}

// ---- looking where a name leads

void Dispatcher::locate(std::string url, Found done) {
  {
    std::lock_guard const lock(mutex_);
    if (!stopping_ && searches_.size() < kSearchesMax) {
      searches_.push_back({std::move(url), std::move(done)});
      return client_->wake();
    }
  }
  done(std::nullopt);
}

void Dispatcher::start_searches() {
  if (searching_.size() >= kSearchesMax) return;
  std::vector<Search> searches;
  {
    std::lock_guard const lock(mutex_);
    std::swap(searches, searches_);
  }
  for (auto& [url, done] : searches)
    searching_.emplace(client_->start(Post{std::move(url), {}, {}, false, true}), std::move(done));
}

void Dispatcher::drop_searches() {
  for (auto const& [ticket, done] : std::exchange(searching_, {})) done(std::nullopt);
  std::vector<Search> searches;
  {
    std::lock_guard const lock(mutex_);
    std::swap(searches, searches_);
  }
  for (auto const& [url, done] : searches) done(std::nullopt);
}

// ---- reading

void Dispatcher::look() {
  auto const now = ports_.clock.instant();
  if (now < look_at_ || (!rung_ && is_store_read_ && !lanes_.is_hungry())) return;
  rung_ = false;
  auto const done = [&]() -> Result<void> {
    HS_TRY(snapshot, reader_->snapshot());
    return lanes_.read(*snapshot);
  }();
  for (auto const& id : lanes_.take_removed()) forget(id);
  if (!done) {
    if (is_store_read_) spdlog::error("webhooks: the store cannot be read: {}", done.error().what);
    look_at_ = now + options_.store_retry;
  }
  is_store_read_ = done.has_value();
}

// It was deleted: nobody waits for what is under way.
void Dispatcher::forget(std::string const& id) {
  std::erase_if(under_way_, [&](auto const& each) {
    if (each.second.webhook == id) client_->cancel(each.first);
    return each.second.webhook == id;
  });
  ports_.metrics.forget(LabelledGauge::webhook_backlog, id);
  ports_.metrics.forget(LabelledGauge::webhook_oldest_undelivered_seconds, id);
}

// ---- sending

void Dispatcher::start_due() {
  for (auto& each : lanes_.due(ports_.clock.now())) send(std::move(each));
}

void Dispatcher::send(Sending sending) {
  auto const& endpoint = lanes_.all().at(sending.webhook).endpoint;
  auto const id = lanes_.feed() + ":" + std::to_string(sending.seq.value);
  auto const seconds = to_unix_ms(sending.at) / 1000;
  auto const secrets = endpoint.live_secrets(sending.at);
  Post post{endpoint.row().url,
            sending.json,
            {"Content-Type: application/json", "webhook-id: " + id,
             "webhook-timestamp: " + std::to_string(seconds),
             "webhook-signature: " + signature(secrets, id, seconds, sending.json)},
            endpoint.row().allow_private};
  under_way_.emplace(client_->start(std::move(post)), std::move(sending));
}

void Dispatcher::settle(Client::Ticket ticket, Reply reply) {
  if (auto const search = searching_.extract(ticket))
    return search.mapped()(std::move(reply.refused));
  auto const found = under_way_.extract(ticket);
  if (found.empty()) return;
  auto const& sent = found.mapped();
  store::Delivery delivery{sent.seq,      0,           sent.at,       reply.status,
                           reply.latency, reply.error, reply.response};
  lanes_.settle(sent, std::move(delivery), ports_.clock.now());
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
      lanes_.saved(batch_->progress);
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
    batch->progress = lanes_.progress();
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
  for (auto const& [id, lane] : lanes_.all()) {
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
  if (!is_store_read_ || lanes_.is_hungry()) until(look_at_);
  for (auto const& [id, lane] : lanes_.all()) {
    auto const& endpoint = lane.endpoint;
    if (endpoint.backlog() > 0) until(show_at_);
    if (endpoint.is_dirty() && !batch_) until(save_at_);
    auto const due = lanes_.may_send(lane) ? endpoint.due() : std::nullopt;
    if (due) until(now + std::max(milliseconds(0), *due - wall));
  }
  if (batch_) {
    std::lock_guard const lock(mutex_);
    if (batch_->state == BatchState::again) until(save_at_);
  }
  return wait;
}

}  // namespace hotside::webhook
