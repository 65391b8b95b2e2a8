#include "explorer/api/event_stream.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace hotside::api {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kHeartbeat = ":\n\n";
constexpr std::chrono::milliseconds kQueuePause{200};

std::string as_text(EventsBatch const& batch) {
  std::string out;
  for (auto const& event : batch.events)
    out.append("id: ")
        .append(std::to_string(event.seq.value))
        .append("\ndata: ")
        .append(event.json)
        .append("\n\n");
  return out;
}

}  // namespace

EventStream::EventStream(Asker& asker, Doorbell& bell, std::size_t& streams,
                         HttpLimits const& limits, EventsQuery query,
                         std::shared_ptr<Exchange> exchange, std::string caller,
                         std::function<bool()> is_allowed)
    : asker_(asker),
      bell_(bell),
      place_(streams),
      limits_(limits),
      query_(std::move(query)),
      exchange_(std::move(exchange)),
      caller_(std::move(caller)),
      is_allowed_(std::move(is_allowed)) {}

asio::awaitable<Asked<EventsBatch>> EventStream::read() {
  Work<EventsBatch> work = [asked = query_](ReaderPool::Connection& connection,
                                            Done<EventsBatch> const& done) {
    with_snapshot(connection, done,
                  [&](store::Snapshot& snapshot) { return read_batch(asked, snapshot); });
  };
  auto batch = co_await asker_.ask(std::move(work), limits_.read_answer_timeout,
                                   bell_.reads_after(query_.after));
  co_return batch;
}

asio::awaitable<Asked<std::string>> EventStream::first() {
  auto batch = co_await read();
  if (!batch) co_return tl::unexpected<Refusal>(std::move(batch.error()));
  query_.after = batch->next;
  query_.feed = batch->feed;
  given_at_ = Steady::now();
  // A client whose connection ends comes back after two seconds.
  co_return ": feed " + batch->feed + "\nretry: 2000\n\n" + as_text(*batch);
}

asio::awaitable<Result<std::string>> EventStream::next() {
  auto const now = Steady::now();
  if (has_ended_) co_return std::string();
  if (given_at_ && now - *given_at_ > limits_.stream_slow) {
    spdlog::info("event stream of {} dropped, too slow, after event {} request_id={}", caller_,
                 query_.after.value, exchange_->request.request_id);
    co_return last_event({Problem::slow_consumer, "the last events were not taken in time"});
  }
  auto const heartbeat = now + limits_.stream_heartbeat;
  while (!asker_.waits().is_stopping() && !exchange_->is_abandoned) {
    auto batch = co_await read();
    if (!batch && asker_.waits().is_stopping()) break;  // which ends the reading, too
    if (!batch && batch.error().problem == Problem::overloaded && Steady::now() < heartbeat) {
      Waits::Wait pause(asker_.waits());
      co_await pause.until(Steady::now() + kQueuePause);
      continue;
    }
    if (!batch) co_return last_event(batch.error());
    // Here, since nothing may come between this look and the waiting: the ring would be missed.
    if (!is_allowed_())
      co_return last_event({Problem::unauthenticated, "this token is not known any more"});
    query_.after = batch->next;
    given_at_ = Steady::now();
    if (!batch->events.empty()) co_return as_text(*batch);
    if (*given_at_ >= heartbeat) co_return std::string(kHeartbeat);
    if (batch->next < batch->head) continue;  // a filter passed nothing so far: look further
    co_await bell_.wait(batch->head, heartbeat, exchange_);
  }
  co_return last_event({Problem::stopping, "the service is stopping"});
}

std::string EventStream::last_event(Refusal const& why) {
  has_ended_ = true;
  auto const problem = problem_response(why.problem, why.detail, exchange_->request.request_id);
  return "event: end\ndata: " + problem.body + "\n\n";
}

}  // namespace hotside::api
