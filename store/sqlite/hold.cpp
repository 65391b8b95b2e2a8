#include "store/sqlite/hold.hpp"

namespace hotside::store::sqlite {

Result<std::optional<Hold>> read_hold(Connection& db) {
  auto row = db.query("SELECT since, by, reason FROM hold");
  HS_TRY(found, row.step());
  if (!found) return std::optional<Hold>();
  Hold hold;
  hold.since = row.get_time();
  hold.by = row.get_text();
  hold.reason = row.get_text();
  HS_DO(row.whole());
  return std::optional(std::move(hold));
}

Result<SqliteHoldWrites::State*> SqliteHoldWrites::state() {
  if (!state_) {
    HS_TRY(is_set, db_.scalar("SELECT EXISTS (SELECT 1 FROM hold)"));
    HS_TRY(has_events, db_.scalar("SELECT EXISTS (SELECT 1 FROM withheld)"));
    state_ = State{is_set != 0, has_events != 0};
  }
  return &*state_;
}

Result<void> SqliteHoldWrites::set(Hold const& hold) {
  HS_DO(db_.query("INSERT INTO hold (id, since, by, reason) VALUES (1, ?, ?, ?)")
            .time(hold.since)
            .text(hold.by)
            .text(hold.reason)
            .run());
  state_.reset();
  return {};
}

Result<bool> SqliteHoldWrites::lift() {
  HS_DO(db_.query("DELETE FROM hold").run());
  state_.reset();
  return db_.changes() != 0;
}

Result<bool> SqliteHoldWrites::withholds(model::EventType type, model::DepositId const& deposit) {
  HS_TRY(now, state());
  if (now->is_set && type == model::EventType::deposit_committed) return true;
  if (!now->has_events) return false;
  auto row = db_.query("SELECT 1 FROM withheld WHERE utxo = ? AND epoch = ? LIMIT 1");
  row.bytes(deposit.utxo).epoch(deposit.epoch);
  return row.step();
}

Result<void> SqliteHoldWrites::withhold(Withheld const& event) {
  HS_TRY(now, state());
  now->has_events = true;
  return db_
      .query(
          "INSERT INTO withheld (type, at, backfill, utxo, epoch, about)"
          " VALUES (?, ?, ?, ?, ?, ?)")
      .text(model::to_string(event.type))
      .time(event.at)
      .integer(event.backfill ? 1 : 0)
      .bytes(event.deposit.utxo)
      .epoch(event.deposit.epoch)
      .text(event.about)
      .run();
}

Result<bool> SqliteHoldWrites::is_releasing() {
  HS_TRY(now, state());
  return !now->is_set && now->has_events;
}

Result<std::vector<Withheld>> SqliteHoldWrites::release(std::size_t limit) {
  std::vector<Withheld> released;
  std::int64_t last = 0;
  {
    auto row = db_.query(
        "SELECT id, type, at, backfill, utxo, epoch, about FROM withheld ORDER BY id LIMIT ?");
    row.count(limit);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      last = row.get_integer();
      auto const type = model::event_type(row.get_text());
      if (!type) return fail(Fault::corrupt, "store: a withheld event of no known type", "store");
      Withheld event;
      event.type = *type;
      event.at = row.get_time();
      event.backfill = row.get_integer() != 0;
      event.deposit.utxo = row.get_bytes<Hash>();
      event.deposit.epoch = row.get_epoch();
      event.about = row.get_text();
      released.push_back(std::move(event));
    }
  }
  HS_DO(db_.query("DELETE FROM withheld WHERE id <= ?").integer(last).run());
  state_.reset();
  return released;
}

Result<std::uint64_t> SqliteHoldReads::withheld() {
  // Rows leave from the front only.
  HS_TRY(count, db_.scalar("SELECT ifnull(max(id) - min(id) + 1, 0) FROM withheld"));
  return static_cast<std::uint64_t>(count);
}

}  // namespace hotside::store::sqlite
