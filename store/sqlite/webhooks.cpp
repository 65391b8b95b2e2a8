#include "store/sqlite/webhooks.hpp"

#include "proto/base/invariant.hpp"

namespace hotside::store {

std::string_view to_string(WebhookOff why) {
  switch (why) {
    case WebhookOff::by_operator:
      return "operator";
    case WebhookOff::gone:
      return "gone";
    case WebhookOff::removed:
      return "removed";
  }
  invariant(false, "a webhook that is off for no reason");
  return "";
}

namespace sqlite {
namespace {

// A feed that was restored is told from its beginning.
constexpr std::string_view kSelect =
    "SELECT id, url, events, allow_private, is_configured, disabled, created_at, revision,"
    " CASE WHEN feed = (SELECT feed FROM feed) THEN cursor ELSE 0 END, failures, failing_since,"
    " next_attempt_at FROM webhook ";

tl::unexpected<Error> corrupt(std::string what) {
  return fail(Fault::corrupt, "store: " + std::move(what), "store");
}

std::string names_of(model::EventTypeSet types) {
  std::string names;
  for (std::size_t i = 0; i < model::kEventTypes; ++i) {
    auto const type = static_cast<model::EventType>(i);
    if ((types & model::bit(type)) == 0) continue;
    names += (names.empty() ? "" : " ") + std::string(model::to_string(type));
  }
  return names;
}

Result<model::EventTypeSet> types_of(std::string_view names) {
  model::EventTypeSet types = 0;
  while (!names.empty()) {
    auto const space = names.find(' ');
    auto const type = model::event_type(names.substr(0, space));
    if (!type) return corrupt("a webhook wants events of no known type");
    types |= model::bit(*type);
    names = space == std::string_view::npos ? std::string_view{} : names.substr(space + 1);
  }
  return types;
}

Result<std::optional<WebhookOff>> off_of(std::optional<std::string> const& text) {
  if (!text) return std::optional<WebhookOff>();
  for (auto const why : {WebhookOff::by_operator, WebhookOff::gone, WebhookOff::removed})
    if (to_string(why) == *text) return std::optional(why);
  return corrupt("a webhook is off for no known reason");
}

Query& bind(Query& query, std::optional<Time> const& time) {
  return time ? query.time(*time) : query.null();
}

Result<Webhook> read_webhook(Query& row) {
  Webhook webhook;
  webhook.id = row.get_text();
  webhook.url = row.get_text();
  HS_TRY(types, types_of(row.get_text()));
  webhook.events = types;
  webhook.allow_private = row.get_integer() != 0;
  webhook.is_configured = row.get_integer() != 0;
  HS_TRY(disabled, off_of(row.get_optional_text()));
  webhook.disabled = disabled;
  webhook.created_at = row.get_time();
  webhook.revision = row.get_count();
  webhook.cursor = EventSeq(row.get_count());
  webhook.failures = static_cast<std::uint32_t>(row.get_integer());
  webhook.failing_since = row.get_optional_time();
  webhook.next_attempt_at = row.get_optional_time();
  return webhook;
}

Result<std::vector<Webhook>> read_webhooks(Connection& db, Query row) {
  std::vector<Webhook> rows;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) break;
    HS_TRY(webhook, read_webhook(row));
    rows.push_back(std::move(webhook));
  }
  auto secrets =
      db.query("SELECT secret, valid_until FROM webhook_secret WHERE webhook = ? ORDER BY place");
  for (auto& webhook : rows) {
    secrets.text(webhook.id);
    while (true) {
      HS_TRY(more, secrets.step());
      if (!more) break;
      auto text = secrets.get_text();
      webhook.secrets.push_back({std::move(text), secrets.get_optional_time()});
    }
  }
  return rows;
}

Result<std::optional<Webhook>> read_one(Connection& db, std::string_view id) {
  auto row = db.query(std::string(kSelect) + "WHERE id = ?");
  row.text(id);
  HS_TRY(rows, read_webhooks(db, std::move(row)));
  if (rows.empty()) return std::optional<Webhook>();
  return std::optional(std::move(rows.front()));
}

}  // namespace

// ---- writing

Result<std::vector<Webhook>> SqliteWebhookWrites::all() {
  return read_webhooks(db_, db_.query(std::string(kSelect) + "ORDER BY id"));
}

Result<std::optional<Webhook>> SqliteWebhookWrites::find(std::string_view id) {
  return read_one(db_, id);
}

Result<std::uint64_t> SqliteWebhookWrites::next_revision() {
  HS_DO(db_.query("UPDATE webhook_revision SET revision = revision + 1").run());
  HS_TRY(revision, db_.scalar("SELECT revision FROM webhook_revision"));
  return static_cast<std::uint64_t>(revision);
}

Result<void> SqliteWebhookWrites::put(Webhook const& webhook) {
  HS_TRY(revision, next_revision());
  auto query = db_.query(
      "INSERT INTO webhook (id, url, events, allow_private, is_configured, disabled, created_at,"
      " revision, feed, cursor, failures, failing_since, next_attempt_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT feed FROM feed), ?, 0, NULL, NULL)"
      " ON CONFLICT (id) DO UPDATE SET url = excluded.url, events = excluded.events,"
      " allow_private = excluded.allow_private, is_configured = excluded.is_configured,"
      " disabled = excluded.disabled, revision = excluded.revision, next_attempt_at = NULL");
  query.text(webhook.id).text(webhook.url).text(names_of(webhook.events));
  query.integer(webhook.allow_private ? 1 : 0).integer(webhook.is_configured ? 1 : 0);
  if (webhook.disabled)
    query.text(to_string(*webhook.disabled));
  else
    query.null();
  HS_DO(query.time(webhook.created_at).count(revision).count(webhook.cursor.value).run());
  return put_secrets(webhook);
}

Result<void> SqliteWebhookWrites::put_secrets(Webhook const& webhook) {
  HS_DO(db_.query("DELETE FROM webhook_secret WHERE webhook = ?").text(webhook.id).run());
  auto query = db_.query(
      "INSERT INTO webhook_secret (webhook, place, secret, valid_until) VALUES (?, ?, ?, ?)");
  for (std::size_t i = 0; i < webhook.secrets.size(); ++i) {
    query.text(webhook.id).count(i).text(webhook.secrets[i].text);
    HS_DO(bind(query, webhook.secrets[i].valid_until).run());
  }
  return {};
}

Result<bool> SqliteWebhookWrites::remove(std::string_view id) {
  HS_DO(next_revision());
  HS_DO(db_.query("DELETE FROM webhook_secret WHERE webhook = ?").text(id).run());
  HS_DO(db_.query("DELETE FROM webhook_delivery WHERE webhook = ?").text(id).run());
  HS_DO(db_.query("DELETE FROM webhook_redelivery WHERE webhook = ?").text(id).run());
  HS_DO(db_.query("DELETE FROM webhook WHERE id = ?").text(id).run());
  return db_.changes() > 0;
}

Result<std::size_t> SqliteWebhookWrites::redeliveries(std::string_view id) {
  auto row = db_.query("SELECT count(*) FROM webhook_redelivery WHERE webhook = ?");
  HS_TRY(found, row.text(id).step());
  return found ? static_cast<std::size_t>(row.get_count()) : 0;
}

Result<bool> SqliteWebhookWrites::add_redelivery(std::string_view id, EventSeq seq) {
  HS_DO(next_revision());
  HS_DO(db_.query("INSERT INTO webhook_redelivery (webhook, seq) SELECT ?, seq FROM event"
                  " WHERE seq = ?")
            .text(id)
            .count(seq.value)
            .run());
  return db_.changes() > 0;
}

Result<void> SqliteWebhookWrites::append(std::string_view id, Delivery const& delivery) {
  auto query = db_.query(
      "INSERT INTO webhook_delivery (webhook, seq, attempt, at, status, latency_ms, error,"
      " response) VALUES (?1, ?2, 1 + (SELECT ifnull(max(attempt), 0) FROM webhook_delivery"
      " WHERE webhook = ?1 AND seq = ?2), ?3, ?4, ?5, ?6, ?7)");
  query.text(id).count(delivery.seq.value).time(delivery.at);
  if (delivery.status)
    query.integer(*delivery.status);
  else
    query.null();
  query.integer(delivery.latency.count()).optional_text(delivery.error);
  if (delivery.response)
    query.blob(as_bytes(*delivery.response));
  else
    query.null();
  return query.run();
}

Result<void> SqliteWebhookWrites::trim(std::string_view id, Time now) {
  HS_DO(db_.query("DELETE FROM webhook_delivery WHERE webhook = ?1 AND n <= (SELECT n FROM"
                  " webhook_delivery WHERE webhook = ?1 ORDER BY n DESC LIMIT 1 OFFSET ?2)")
            .text(id)
            .count(kWebhookDeliveriesKept)
            .run());
  // The oldest only, and as many as one batch adds: never a long walk.
  return db_
      .query(
          "DELETE FROM webhook_delivery WHERE n IN (SELECT n FROM webhook_delivery"
          " WHERE webhook = ? ORDER BY n LIMIT 100) AND at < ?")
      .text(id)
      .time(now - kWebhookDeliveriesKeptFor)
      .run();
}

Result<void> SqliteWebhookWrites::note(WebhookProgress const& progress, Time now) {
  auto query = db_.query(
      "UPDATE webhook SET feed = (SELECT feed FROM feed), cursor = ?, failures = ?,"
      " failing_since = ?, next_attempt_at = ? WHERE id = ?");
  query.count(progress.cursor.value).integer(progress.failures);
  bind(query, progress.failing_since);
  HS_DO(bind(query, progress.next_attempt_at).text(progress.id).run());
  if (db_.changes() == 0) return {};
  if (progress.gone) {
    HS_TRY(revision, next_revision());
    // Whoever was changed since then is not the one that is gone.
    HS_DO(db_.query("UPDATE webhook SET disabled = 'gone', revision = ? WHERE id = ?"
                    " AND revision = ? AND disabled IS NULL")
              .count(revision)
              .text(progress.id)
              .count(*progress.gone)
              .run());
  }
  for (auto const& delivery : progress.deliveries) HS_DO(append(progress.id, delivery));
  for (auto const n : progress.redelivered)
    HS_DO(db_.query("DELETE FROM webhook_redelivery WHERE n = ?").integer(n).run());
  return progress.deliveries.empty() ? Result<void>() : trim(progress.id, now);
}

// ---- reading

Result<std::uint64_t> SqliteWebhookReads::revision() {
  HS_TRY(revision, db_.scalar("SELECT revision FROM webhook_revision"));
  return static_cast<std::uint64_t>(revision);
}

Result<std::vector<Webhook>> SqliteWebhookReads::webhooks(std::optional<std::string> const& after,
                                                          std::size_t limit) {
  auto row = db_.query(std::string(kSelect) + "WHERE id > ? ORDER BY id LIMIT ?");
  row.text(after.value_or("")).count(limit);
  return read_webhooks(db_, std::move(row));
}

Result<std::optional<Webhook>> SqliteWebhookReads::webhook(std::string_view id) {
  return read_one(db_, id);
}

Result<std::vector<DeliveryRow>> SqliteWebhookReads::deliveries(std::string_view id,
                                                                std::optional<std::int64_t> before,
                                                                std::size_t limit) {
  auto row = db_.query(
      "SELECT n, seq, attempt, at, status, latency_ms, error, response FROM webhook_delivery"
      " WHERE webhook = ? AND n < ? ORDER BY n DESC LIMIT ?");
  row.text(id).integer(before.value_or(INT64_MAX)).count(limit);
  std::vector<DeliveryRow> rows;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return rows;
    DeliveryRow found;
    found.n = row.get_integer();
    auto& delivery = found.delivery;
    delivery.seq = EventSeq(row.get_count());
    delivery.attempt = static_cast<std::uint32_t>(row.get_integer());
    delivery.at = row.get_time();
    if (auto const status = row.get_optional_integer()) delivery.status = static_cast<int>(*status);
    delivery.latency = std::chrono::milliseconds(row.get_integer());
    delivery.error = row.get_optional_text();
    delivery.response = row.get_optional_text();
    rows.push_back(std::move(found));
  }
}

Result<std::vector<Redelivery>> SqliteWebhookReads::redeliveries(std::int64_t after,
                                                                 std::size_t limit) {
  auto row = db_.query(
      "SELECT r.n, r.webhook, r.seq, e.json FROM webhook_redelivery r JOIN event e ON e.seq = r.seq"
      " WHERE r.n > ? ORDER BY r.n LIMIT ?");
  row.integer(after).count(limit);
  std::vector<Redelivery> rows;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return rows;
    Redelivery found;
    found.n = row.get_integer();
    found.webhook = row.get_text();
    found.seq = EventSeq(row.get_count());
    found.json = row.get_text();
    rows.push_back(std::move(found));
  }
}

Result<EventCounts> SqliteWebhookReads::event_counts(EventSeq after, EventSeq through) {
  EventCounts counts{};
  auto row = db_.query("SELECT type, count(*) FROM event WHERE seq > ? AND seq <= ? GROUP BY type");
  row.count(after.value).count(through.value);
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return counts;
    auto const type = model::event_type(row.get_text());
    if (!type) return corrupt("an event is of no known type");
    counts[static_cast<std::size_t>(*type)] = row.get_count();
  }
}

}  // namespace sqlite
}  // namespace hotside::store
