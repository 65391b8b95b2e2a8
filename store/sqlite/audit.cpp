#include "store/sqlite/audit.hpp"

#include "proto/base/sha3.hpp"

namespace hotside::store {

Hash audit_hash(AuditRow const& row) {
  Sha3 sha;
  sha.bytes(row.previous.view());
  sha.u64(row.n);
  sha.i64(to_unix_ms(row.at));
  auto const& e = row.entry;
  for (auto const* text : {&e.who, &e.role, &e.action, &e.target, &e.outcome, &e.request_id}) {
    sha.u64(text->size());
    sha.text(*text);
  }
  return sha.finish();
}

namespace sqlite {
namespace {
constexpr std::size_t kForgottenAtOnce = 1'000;
}

Result<void> SqliteAuditWrites::append(model::AuditEntry const& entry, Time now) {
  AuditRow row;
  row.n = 1;
  // As the store keeps it, so that the hash can be made again from what is read back.
  row.at = from_unix_ms(to_unix_ms(now));
  row.entry = entry;
  {
    auto last = db_.query("SELECT n, hash FROM audit_log ORDER BY n DESC LIMIT 1");
    HS_TRY(found, last.step());
    if (found) {
      row.n = last.get_count() + 1;
      row.previous = last.get_bytes<Hash>();
    }
  }
  return db_
      .query(
          "INSERT INTO audit_log (n, at, who, role, action, target, outcome, request_id, previous, "
          "hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .count(row.n)
      .time(row.at)
      .text(entry.who)
      .text(entry.role)
      .text(entry.action)
      .text(entry.target)
      .text(entry.outcome)
      .text(entry.request_id)
      .bytes(row.previous)
      .bytes(audit_hash(row))
      .run();
}

Result<std::optional<KeptAnswer>> SqliteAuditWrites::kept(std::string_view caller,
                                                          std::string_view key, Time now) {
  // A portion at a time: after a quiet week all that is left of a busy one is too old at once.
  HS_DO(db_.query("DELETE FROM idempotency WHERE (caller, key) IN (SELECT caller, key"
                  " FROM idempotency WHERE at < ? ORDER BY at LIMIT ?)")
            .time(now - kAnswersKept)
            .count(kForgottenAtOnce)
            .run());
  auto row = db_.query(
      "SELECT request, status, body, location FROM idempotency"
      " WHERE caller = ? AND key = ? AND at >= ?");
  row.text(caller).text(key).time(now - kAnswersKept);
  HS_TRY(found, row.step());
  if (!found) return std::optional<KeptAnswer>();
  KeptAnswer answer;
  answer.request = row.get_bytes<Hash>();
  answer.status = static_cast<int>(row.get_integer());
  answer.body = row.get_text();
  answer.location = row.get_optional_text();
  return std::optional(std::move(answer));
}

Result<void> SqliteAuditWrites::keep(std::string_view caller, std::string_view key,
                                     KeptAnswer const& answer, Time now) {
  return db_
      .query(
          "INSERT INTO idempotency (caller, key, request, at, status, body, location)"
          " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (caller, key) DO UPDATE SET"
          " request = excluded.request, at = excluded.at, status = excluded.status,"
          " body = excluded.body, location = excluded.location")
      .text(caller)
      .text(key)
      .bytes(answer.request)
      .time(now)
      .integer(answer.status)
      .text(answer.body)
      .optional_text(answer.location)
      .run();
}

Result<std::vector<AuditRow>> SqliteAuditReads::audit(std::uint64_t after, std::size_t limit) {
  std::vector<AuditRow> rows;
  auto row = db_.query(
      "SELECT n, at, who, role, action, target, outcome, request_id, previous, hash FROM audit_log "
      "WHERE n > ? ORDER BY n LIMIT ?");
  row.count(after).count(limit);
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return rows;
    AuditRow next;
    next.n = row.get_count();
    next.at = row.get_time();
    next.entry.who = row.get_text();
    next.entry.role = row.get_text();
    next.entry.action = row.get_text();
    next.entry.target = row.get_text();
    next.entry.outcome = row.get_text();
    next.entry.request_id = row.get_text();
    next.previous = row.get_bytes<Hash>();
    next.hash = row.get_bytes<Hash>();
    rows.push_back(std::move(next));
  }
}

}  // namespace sqlite
}  // namespace hotside::store
