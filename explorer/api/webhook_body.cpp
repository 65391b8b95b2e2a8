#include "explorer/api/webhook_body.hpp"

#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <set>
#include <span>

namespace hotside::api {
namespace {

namespace sj = simdjson::dom;

constexpr std::chrono::seconds kOverlapDefault{86'400}, kOverlapMax{30 * 86'400};

tl::unexpected<Refusal> bad(std::string what) {
  return refuse(Problem::invalid_body, std::move(what));
}

// Calls `take` for each field, once each; only `names` are known.
template <class Take>
Asked<void> read_object(std::string_view body, std::span<std::string_view const> names,
                        Take&& take) {
  sj::parser parser;
  sj::element root;
  if (auto const code = parser.parse(simdjson::padded_string(body)).get(root))
    return bad(std::string("not valid JSON: ") + simdjson::error_message(code));
  sj::object object;
  if (root.get(object)) return bad("the body is not a JSON object");
  std::set<std::string_view> seen;
  for (auto const field : object) {
    std::string const name(field.key.substr(0, 64));
    if (std::ranges::find(names, field.key) == names.end())
      return bad("unknown field '" + name + "'");
    if (!seen.insert(field.key).second) return bad(name + ": given twice");
    if (Asked<void> const taken = take(field.key, field.value); !taken) return taken;
  }
  return {};
}

Asked<std::string> read_text(std::string_view name, sj::element value) {
  std::string_view text;
  if (value.get(text)) return bad(std::string(name) + ": a text");
  return std::string(text);
}

Asked<bool> read_flag(std::string_view name, sj::element value) {
  bool flag = false;
  if (value.get(flag)) return bad(std::string(name) + ": true or false");
  return flag;
}

Asked<std::uint64_t> read_number(std::string_view name, sj::element value, std::uint64_t min,
                                 std::uint64_t max) {
  std::uint64_t number = 0;
  if (value.type() == sj::element_type::DOUBLE || value.get(number) || number < min || number > max)
    return bad(std::string(name) + ": an integer from " + std::to_string(min) + " to " +
               std::to_string(max));
  return number;
}

Asked<model::EventTypeSet> read_events(sj::element value) {
  sj::array array;
  if (value.get(array)) return bad("events: an array");
  model::EventTypeSet types = 0;
  for (auto const element : array) {
    HS_ASK(name, read_text("events", element));
    auto const type = model::event_type(name);
    if (!type)
      return refuse(Problem::webhook_event_type,
                    "events: '" + name.substr(0, 64) + "' is not an event type");
    if ((types & model::bit(*type)) != 0) return bad("events: '" + name + "' stands there twice");
    types |= model::bit(*type);
  }
  if (types == 0) return bad("events: at least one type");
  return types;
}

Asked<void> read_field(WebhookBody& into, std::string_view name, sj::element value) {
  if (name == "events") {
    HS_ASK(events, read_events(value));
    into.events = events;
  } else if (name == "allow_private" || name == "enabled") {
    HS_ASK(flag, read_flag(name, value));
    (name == "enabled" ? into.enabled : into.allow_private) = flag;
  } else {
    HS_ASK(text, read_text(name, value));
    if (name == "url") {
      auto url = model::parse_webhook_url(text);
      if (!url) return bad("url: " + url.error().what);
      into.url = std::move(*url);
    } else {
      auto secret = model::WebhookSecret::parse(text);
      if (!secret) return bad("secret: " + secret.error().what);
      into.secret = std::move(*secret);
    }
  }
  return {};
}

Asked<WebhookBody> read_webhook(std::string_view body, std::span<std::string_view const> names) {
  WebhookBody read;
  auto const done = read_object(body, names, [&](std::string_view name, sj::element value) {
    return read_field(read, name, value);
  });
  if (!done) return tl::unexpected<Refusal>(done.error());
  return read;
}

}  // namespace

Asked<WebhookBody> read_new_webhook(std::string_view body) {
  constexpr std::array<std::string_view, 4> names{"url", "events", "allow_private", "secret"};
  HS_ASK(read, read_webhook(body, names));
  if (!read.url) return bad("url: missing");
  if (!read.events) return bad("events: missing");
  return read;
}

Asked<WebhookBody> read_webhook_change(std::string_view body) {
  constexpr std::array<std::string_view, 3> names{"url", "events", "enabled"};
  HS_ASK(read, read_webhook(body, names));
  if (!read.url && !read.events && !read.enabled)
    return bad("nothing to change: url, events or enabled is expected");
  return read;
}

Asked<std::chrono::seconds> read_rotation(std::string_view body) {
  constexpr std::array<std::string_view, 1> names{"overlap_seconds"};
  auto overlap = kOverlapDefault;
  if (body.empty()) return overlap;
  auto const done =
      read_object(body, names, [&](std::string_view name, sj::element value) -> Asked<void> {
        HS_ASK(seconds,
               read_number(name, value, 0, static_cast<std::uint64_t>(kOverlapMax.count())));
        overlap = std::chrono::seconds(seconds);
        return {};
      });
  if (!done) return tl::unexpected<Refusal>(done.error());
  return overlap;
}

Asked<EventSeq> read_redelivery(std::string_view body) {
  constexpr std::array<std::string_view, 1> names{"seq"};
  std::optional<EventSeq> seq;
  auto const done =
      read_object(body, names, [&](std::string_view name, sj::element value) -> Asked<void> {
        HS_ASK(number, read_number(name, value, 1, std::numeric_limits<std::int64_t>::max()));
        seq = EventSeq(number);
        return {};
      });
  if (!done) return tl::unexpected<Refusal>(done.error());
  if (!seq) return bad("seq: missing");
  return *seq;
}

Asked<void> check_target(model::WebhookUrl const& url, std::optional<std::string> const& not_public,
                         bool allow_private) {
  if (allow_private) return {};
  auto why = model::forbidden_host(url.host);
  if (!why && not_public)
    why = url.host + " leads to " + *not_public + ", which is not a public address";
  if (!why) return {};
  return refuse(Problem::webhook_target, "url: " + *why + "; it needs allow_private");
}

}  // namespace hotside::api
