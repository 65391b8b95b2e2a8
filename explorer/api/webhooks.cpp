// Webhook endpoints. What is written here is noticed by whoever delivers when the commit rings.

#include <algorithm>

#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "explorer/api/perform.hpp"
#include "explorer/api/webhook_body.hpp"

namespace hotside::api {
namespace {

constexpr std::size_t kWebhookIdMax = 64;

void write_time(JsonWriter& json, std::optional<Time> const& time) {
  json.optional_string(time ? std::optional(to_rfc3339(*time)) : std::nullopt);
}

// Everything but the secrets themselves.
void write_webhook(JsonWriter& json, store::Webhook const& row) {
  auto const url = model::parse_webhook_url(row.url);
  json.key("id").string(row.id);
  json.key("url").string(url ? url->shown : "");
  json.key("events").begin_array();
  for (std::size_t i = 0; i < model::kEventTypes; ++i) {
    auto const type = static_cast<model::EventType>(i);
    if ((row.events & model::bit(type)) != 0) json.string(model::to_string(type));
  }
  json.end_array();
  json.key("allow_private").boolean(row.allow_private);
  json.key("configured").boolean(row.is_configured);
  json.key("enabled").boolean(!row.disabled);
  json.key("disabled_because");
  json.optional_string(row.disabled ? std::optional(std::string(to_string(*row.disabled)))
                                    : std::nullopt);
  json.key("created_at").string(to_rfc3339(row.created_at));
  json.key("delivered_through").unsigned_integer(row.cursor.value);
  json.key("failures").unsigned_integer(row.failures);
  json.key("failing_since");
  write_time(json, row.failing_since);
  json.key("next_attempt_at");
  write_time(json, row.disabled ? std::nullopt : row.next_attempt_at);
}

Answer webhook_answer(store::Webhook const& row, int status = 200,
                      std::optional<std::string> const& secret = std::nullopt) {
  JsonWriter json;
  json.begin_object();
  write_webhook(json, row);
  if (secret) json.key("secret").string(*secret);
  json.end_object();
  return json_response(json.take(), status);
}

tl::unexpected<Refusal> no_webhook() {
  return refuse(Problem::not_found, "there is no webhook of this id");
}
tl::unexpected<Refusal> configured(std::string const& what) {
  return refuse(Problem::webhook_configured,
                "this webhook is of the configuration file: " + what + " there, and reload");
}

// A change of one endpoint: `change` gets the row, and gives what is to be answered.
void perform_on(Context const& context, Call const& call, std::string action,
                std::function<Answer(store::WriteTxn&, store::Webhook&)> change,
                std::function<void(Answer)> done) {
  auto const id = call.path_parameter.substr(0, kWebhookIdMax);
  auto work = [id, change = std::move(change)](store::WriteTxn& txn) -> Answer {
    HS_ASK(row, txn.webhooks().find(id));
    if (!row) return no_webhook();
    return change(txn, *row);
  };
  perform(context, call, {std::move(action), id, std::move(work)}, std::move(done));
}

// Goes on when it is known where the name leads, as far as that can be known now: it is looked at
// again whenever it is connected to.
void located(Context const& context, std::optional<model::WebhookUrl> const& url,
             std::function<void(std::optional<std::string> not_public)> go_on) {
  if (!url || !context.ports.locate || model::forbidden_host(url->host)) return go_on(std::nullopt);
  context.ports.locate(url->text, std::move(go_on));
}

Asked<void> put(store::WriteTxn& txn, store::Webhook const& row) {
  if (auto const done = txn.webhooks().put(row); !done)
    return tl::unexpected<Refusal>(Refusal(done.error()));
  return {};
}

void write_delivery(JsonWriter& json, store::Delivery const& delivery) {
  json.begin_object();
  json.key("seq").unsigned_integer(delivery.seq.value);
  json.key("attempt").unsigned_integer(delivery.attempt);
  json.key("at").string(to_rfc3339(delivery.at));
  json.key("status");
  if (delivery.status)
    json.integer(*delivery.status);
  else
    json.null();
  json.key("latency_ms").integer(delivery.latency.count());
  json.key("error").optional_string(delivery.error);
  json.key("response").optional_string(delivery.response);
  json.end_object();
}

Answer create_webhook(store::WriteTxn& txn, model::WebhookUrl const& url, store::Webhook row,
                      std::optional<std::string> const& not_public) {
  if (auto const fit = check_target(url, not_public, row.allow_private); !fit)
    return tl::unexpected<Refusal>(fit.error());
  HS_ASK(all, txn.webhooks().all());
  if (all.size() >= store::kWebhooksMax)
    return refuse(Problem::webhook_limit,
                  "there are " + std::to_string(all.size()) + " webhooks; delete one first");
  row.cursor = txn.head();
  if (auto const written = put(txn, row); !written) return tl::unexpected<Refusal>(written.error());
  auto answer = webhook_answer(row, 201, row.secrets.front().text);
  answer->headers.emplace_back("Location", "/v1/webhooks/" + row.id);
  return answer;
}

Answer change_webhook(store::WriteTxn& txn, store::Webhook& row, WebhookBody const& change,
                      std::optional<std::string> const& not_public) {
  if (row.is_configured && (change.url || change.events))
    return configured("change its url and events");
  if (row.disabled == store::WebhookOff::removed)
    return refuse(Problem::webhook_configured,
                  "this webhook was of the configuration file and is not in it any more: add it "
                  "there again, or delete it");
  if (change.url) {
    if (auto const fit = check_target(*change.url, not_public, row.allow_private); !fit)
      return tl::unexpected<Refusal>(fit.error());
    row.url = change.url->text;
  }
  if (change.events) row.events = *change.events;
  if (change.enabled && *change.enabled) row.disabled.reset();
  if (change.enabled && !*change.enabled && !row.disabled)
    row.disabled = store::WebhookOff::by_operator;
  if (auto const written = put(txn, row); !written) return tl::unexpected<Refusal>(written.error());
  return webhook_answer(row);
}

Answer rotate(store::WriteTxn& txn, store::Webhook& row, std::chrono::seconds overlap, Time now) {
  if (row.is_configured) return configured("put the new secret above the old one in its file");
  auto const until = now + overlap;
  std::erase_if(row.secrets, [&](auto const& each) {
    return overlap.count() == 0 || (each.valid_until && *each.valid_until <= now);
  });
  for (auto& each : row.secrets)
    if (!each.valid_until) each.valid_until = until;
  if (row.secrets.size() >= store::kWebhookSecretsMax)
    return refuse(Problem::webhook_limit,
                  "too many secrets are still valid; rotate with overlap_seconds 0 to end them");
  auto const secret = model::WebhookSecret::make();
  row.secrets.insert(row.secrets.begin(), {secret.text(), std::nullopt});
  if (auto const written = put(txn, row); !written) return tl::unexpected<Refusal>(written.error());
  JsonWriter json;
  json.begin_object();
  json.key("secret").string(secret.text());
  json.key("old_valid_until").string(to_rfc3339(until));
  json.end_object();
  return json_response(json.take());
}

Answer redeliver(store::WriteTxn& txn, store::Webhook const& row, EventSeq seq) {
  if (row.disabled == store::WebhookOff::removed) return configured("add it again");
  HS_ASK(waiting, txn.webhooks().redeliveries(row.id));
  if (waiting >= store::kWebhookRedeliveriesMax)
    return refuse(Problem::webhook_limit,
                  std::to_string(waiting) + " redeliveries of this webhook are still waiting");
  HS_ASK(added, txn.webhooks().add_redelivery(row.id, seq));
  if (!added)
    return refuse(Problem::not_found, "there is no event " + std::to_string(seq.value) + " yet");
  JsonWriter json;
  json.begin_object().key("seq").unsigned_integer(seq.value).end_object();
  return json_response(json.take(), 202);
}

std::optional<std::int64_t> delivery_cursor(std::string_view text) {
  auto const bytes = from_base64url(text);
  if (!bytes || !bytes->starts_with('w')) return std::nullopt;
  return parse_i64(std::string_view(*bytes).substr(1));
}

}  // namespace

Answer get_webhooks(Context const&, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(limit, limit_parameter(call));
  auto const after = given(call, "after");
  if (after && !after->starts_with("wh_"))
    return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  HS_ASK(rows, snapshot.webhooks().webhooks(after, limit + 1));
  HS_ASK(position, snapshot.position());
  auto const next = cut_page(rows, limit, [](auto const& row) { return row.id; });
  JsonWriter json;
  json.begin_object();
  json.key("webhooks").begin_array();
  for (auto const& row : rows) {
    json.begin_object();
    write_webhook(json, row);
    json.end_object();
  }
  json.end_array();
  write_next(json, next);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

Answer get_webhook(Context const&, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(row, snapshot.webhooks().webhook(call.path_parameter));
  if (!row) return no_webhook();
  return webhook_answer(*row);
}

void post_webhook(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto body = read_new_webhook(call.body);
  if (!body) return done(tl::unexpected<Refusal>(body.error()));
  store::Webhook row;
  row.id = model::random_webhook_id();
  row.url = body->url->text;
  row.events = *body->events;
  row.allow_private = body->allow_private.value_or(false);
  row.created_at = context.ports.clock.now();
  auto const secret = body->secret ? *body->secret : model::WebhookSecret::make();
  row.secrets = {{secret.text(), std::nullopt}};
  auto const url = row.allow_private ? std::nullopt : body->url;
  located(context, url, [&context, call, url = *body->url, row, done](auto const& not_public) {
    auto work = [url, row, not_public](store::WriteTxn& txn) {
      return create_webhook(txn, url, row, not_public);
    };
    perform(context, call, {"webhook.create", row.id, std::move(work)}, done);
  });
}

void patch_webhook(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto body = read_webhook_change(call.body);
  if (!body) return done(tl::unexpected<Refusal>(body.error()));
  auto const url = body->url;
  located(context, url, [&context, call, body = std::move(*body), done](auto const& not_public) {
    auto change = [body, not_public](store::WriteTxn& txn, store::Webhook& row) {
      return change_webhook(txn, row, body, not_public);
    };
    perform_on(context, call, "webhook.change", std::move(change), done);
  });
}

void delete_webhook(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto change = [](store::WriteTxn& txn, store::Webhook& row) -> Answer {
    if (row.is_configured && row.disabled != store::WebhookOff::removed)
      return configured("take it out");
    HS_ASK(removed, txn.webhooks().remove(row.id));
    if (!removed) return no_webhook();
    return no_content();
  };
  perform_on(context, call, "webhook.delete", std::move(change), std::move(done));
}

void post_rotate(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto const overlap = read_rotation(call.body);
  if (!overlap) return done(tl::unexpected<Refusal>(overlap.error()));
  auto change = [overlap = *overlap, &clock = context.ports.clock](store::WriteTxn& txn,
                                                                   store::Webhook& row) {
    return rotate(txn, row, overlap, clock.now());
  };
  perform_on(context, call, "webhook.rotate", std::move(change), std::move(done));
}

void post_redeliver(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto const seq = read_redelivery(call.body);
  if (!seq) return done(tl::unexpected<Refusal>(seq.error()));
  auto change = [seq = *seq](store::WriteTxn& txn, store::Webhook& row) {
    return redeliver(txn, row, seq);
  };
  perform_on(context, call, "webhook.redeliver", std::move(change), std::move(done));
}

Answer get_deliveries(Context const&, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(limit, limit_parameter(call));
  std::optional<std::int64_t> before;
  if (auto const text = given(call, "after")) {
    before = delivery_cursor(*text);
    if (!before) return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  }
  HS_ASK(row, snapshot.webhooks().webhook(call.path_parameter));
  if (!row) return no_webhook();
  HS_ASK(rows, snapshot.webhooks().deliveries(row->id, before, limit + 1));
  HS_ASK(position, snapshot.position());
  auto const next = cut_page(
      rows, limit, [](auto const& each) { return base64url("w" + std::to_string(each.n)); });
  JsonWriter json;
  json.begin_object();
  json.key("deliveries").begin_array();
  for (auto const& each : rows) write_delivery(json, each.delivery);
  json.end_array();
  write_next(json, next);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

}  // namespace hotside::api
