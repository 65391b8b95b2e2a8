#include <limits>

#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"

namespace hotside::api {
namespace {

constexpr std::uint64_t kWaitSecondsMax = 60;
// Numbers looked at in one answer when a filter passes nothing: bounds the time of one snapshot.
constexpr std::size_t kScan = 20'000;

Asked<model::EventTypeSet> read_types(std::string_view text) {
  model::EventTypeSet types = 0;
  while (true) {
    auto const comma = text.find(',');
    auto const name = text.substr(0, comma);
    auto const type = model::event_type(name);
    if (!type)
      return refuse(Problem::unknown_event_type,
                    "types: '" + std::string(name.substr(0, 64)) + "' is not an event type");
    types |= model::bit(*type);
    if (comma == std::string_view::npos) return types;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

Asked<EventsQuery> parse_events_query(Call const& call) {
  EventsQuery query;
  HS_ASK(after, u64_parameter(call, "after", 0, std::numeric_limits<std::int64_t>::max()));
  HS_ASK(limit, limit_parameter(call));
  HS_ASK(wait, u64_parameter(call, "wait", 0, kWaitSecondsMax));
  query.after = EventSeq(after.value_or(0));
  query.limit = limit;
  query.wait = std::chrono::seconds(wait.value_or(0));
  query.feed = given(call, "feed");
  if (auto const text = given(call, "types")) {
    HS_ASK(types, read_types(*text));
    query.types = types;
  }
  return query;
}

Asked<EventsQuery> parse_stream_query(Call const& call) {
  EventsQuery query;
  std::uint64_t constexpr max = std::numeric_limits<std::int64_t>::max();
  HS_ASK(after, u64_parameter(call, "after", 0, max));
  query.after = EventSeq(after.value_or(0));
  if (!call.last_event_id.empty()) {
    auto const last = parse_u64(call.last_event_id);
    if (!last || *last > max)
      return refuse(Problem::invalid_parameter, "Last-Event-ID is not the number of an event");
    query.after = EventSeq(*last);
  }
  query.feed = given(call, "feed");
  if (auto const text = given(call, "types")) {
    HS_ASK(types, read_types(*text));
    query.types = types;
  }
  return query;
}

Asked<EventsBatch> read_batch(EventsQuery const& query, store::Snapshot& snapshot) {
  HS_ASK(feed, snapshot.feed());
  if (query.feed && *query.feed != feed.feed)
    return refuse(Problem::feed_changed, "this feed is " + feed.feed);
  if (query.after > feed.head)
    return refuse(Problem::cursor_beyond_head, "after is " + std::to_string(query.after.value) +
                                                   ", the head of feed " + feed.feed + " is " +
                                                   std::to_string(feed.head.value));
  HS_ASK(found, snapshot.events(query.after, query.types, query.limit, kScan));
  return EventsBatch{feed.feed, std::move(found.events), std::max(found.next, query.after),
                     feed.head};
}

Asked<EventsPage> read_events(EventsQuery const& query, store::Snapshot& snapshot) {
  HS_ASK(batch, read_batch(query, snapshot));
  HS_ASK(position, snapshot.position());
  JsonWriter json;
  json.begin_object();
  json.key("feed").string(batch.feed);
  json.key("events").begin_array();
  for (auto const& event : batch.events) json.raw(event.json);
  json.end_array();
  json.key("next").unsigned_integer(batch.next.value);
  json.key("head").unsigned_integer(batch.head.value);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return EventsPage{json_response(json.take()), !batch.events.empty(), batch.next, batch.head};
}

Answer get_checkpoint(Context const&, Call const& call, store::Snapshot& snapshot) {
  auto const seq = parse_u64(call.path_parameter);
  if (!seq) return refuse(Problem::invalid_parameter, "seq: an event number, digits only");
  HS_ASK(feed, snapshot.feed());
  if (EventSeq(*seq) > feed.head)
    return refuse(Problem::cursor_beyond_head, "seq is " + std::to_string(*seq) +
                                                   ", the head of feed " + feed.feed + " is " +
                                                   std::to_string(feed.head.value));
  HS_ASK(found, snapshot.books().checkpoint(EventSeq(*seq)));
  JsonWriter json;
  json.begin_object();
  json.key("seq").unsigned_integer(*seq);
  json.key("count").unsigned_integer(found.count);
  json.key("amount").sum(found.amount);
  json.key("hash").string(found.hash.hex());
  json.end_object();
  return json_response(json.take());
}

}  // namespace hotside::api
