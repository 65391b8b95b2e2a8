#pragma once
// GET /v1/events/stream: the feed as server-sent events. Nothing is kept for a client: he is given
// the next events when he has taken the former ones, from the store, and who takes too long over
// them is sent away with a last event that says so.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "explorer/api/doorbell.hpp"
#include "explorer/api/handlers.hpp"

namespace hotside::api {

class EventStream final : public BodySource {
 public:
  // `streams` counts the open ones. The asker, the bell and the count outlive the stream, the call
  // belongs to the exchange. `is_allowed` says whether the caller still is who may read this: a
  // stream can be older than the tokens.
  EventStream(Asker& asker, Doorbell& bell, std::size_t& streams, HttpLimits const& limits,
              EventsQuery query, std::shared_ptr<Exchange> exchange, std::string caller,
              std::function<bool()> is_allowed);

  // Reads for the first time: a cursor that is wrong is refused before anything is sent. Says which
  // feed it is.
  boost::asio::awaitable<Asked<std::string>> first();
  boost::asio::awaitable<Result<std::string>> next() override;

 private:
  boost::asio::awaitable<Asked<EventsBatch>> read();
  std::string last_event(Refusal const& why);

  Asker& asker_;
  Doorbell& bell_;
  Place place_;
  HttpLimits const& limits_;
  EventsQuery query_;
  std::shared_ptr<Exchange> exchange_;
  std::string caller_;
  std::function<bool()> is_allowed_;
  std::optional<Steady::time_point> given_at_;  // when the piece was made that is being sent
  bool has_ended_ = false;
};

}  // namespace hotside::api
