#include "store/sqlite/rows.hpp"

namespace hotside::store::sqlite {

model::Deposit read_deposit(Query& row) {
  model::Deposit deposit;
  deposit.id.utxo = row.get_bytes<Hash>();
  deposit.id.epoch = row.get_epoch();
  deposit.recipient = row.get_bytes<PublicKey>();
  deposit.serno = row.get_integer();
  deposit.amount = Amount(row.get_integer());
  deposit.state = row.get_enum(model::DepositState::committed);
  deposit.spend = row.get_enum(model::SpendState::spent);
  deposit.offset = row.get_offset();
  deposit.block_hash = row.get_bytes<Hash>();
  deposit.tx_hash = row.get_optional_bytes<Hash>();
  deposit.block_time = row.get_time();
  deposit.first_seen = row.get_time();
  deposit.committed_at = row.get_optional_time();
  deposit.retired = row.get_integer() != 0;
  return deposit;
}

model::PublicPayment read_payment(Query& row) {
  model::PublicPayment payment;
  payment.id = row.get_bytes<Hash>();
  payment.recipient = row.get_bytes<PublicKey>();
  payment.serno = row.get_integer();
  payment.amount = Amount(row.get_integer());
  return payment;
}

Result<std::optional<model::Position>> read_position(Connection& connection) {
  model::Position position;
  bool known = false;
  {
    auto macro =
        connection.query("SELECT epoch, hash, time FROM macro_block ORDER BY epoch DESC LIMIT 1");
    HS_TRY(found, macro.step());
    if (found) {
      known = true;
      position.final_epoch = macro.get_epoch();
      position.final_hash = macro.get_bytes<Hash>();
      position.block_time = macro.get_time();
      HS_DO(macro.whole());
    }
  }
  if (!known) {
    auto started = connection.query("SELECT first, previous FROM started");
    HS_TRY(found, started.step());
    if (!found) return std::optional<model::Position>();
    // Only reached when the first epoch to take in is the one being built.
    position.final_epoch = started.get_epoch().previous();
    position.final_hash = started.get_bytes<Hash>();
    HS_DO(started.whole());
  }
  position.epoch = position.final_epoch;
  position.block_hash = position.final_hash;
  // Held blocks stand at the end of the list and are never named.
  auto micro = connection.query(
      "SELECT \"offset\", hash, time FROM micro_block WHERE held = 0 ORDER BY \"offset\" DESC"
      " LIMIT 1");
  HS_TRY(found, micro.step());
  if (found) {
    known = true;
    position.epoch = position.final_epoch.next();
    position.offset = micro.get_offset();
    position.block_hash = micro.get_bytes<Hash>();
    position.block_time = micro.get_time();
    HS_DO(micro.whole());
  }
  return known ? std::optional(position) : std::nullopt;
}

Result<Counts> read_counts(Connection& connection) {
  auto row = connection.query(
      "SELECT addresses, public_outputs, prepared, reverted, committed FROM tally");
  HS_TRY(found, row.step());
  if (!found) return fail(Fault::corrupt, "store: the row of counts is missing", "store");
  Counts counts;
  counts.addresses = row.get_count();
  counts.public_outputs = row.get_count();
  counts.prepared = row.get_count();
  counts.reverted = row.get_count();
  counts.committed = row.get_count();
  counts.deposits = counts.prepared + counts.reverted + counts.committed;
  return counts;
}

Result<FeedHead> read_feed(Connection& connection) {
  auto row = connection.query("SELECT feed, head FROM feed");
  HS_TRY(found, row.step());
  if (!found) return fail(Fault::corrupt, "store: the row of the feed is missing", "store");
  FeedHead head;
  head.feed = row.get_text();
  head.head = EventSeq(row.get_count());
  return head;
}

Result<std::vector<Violation>> read_violations(Connection& connection) {
  auto row = connection.query(
      "SELECT id, at, kind, epoch, stored, shown, node FROM violation WHERE cleared_at IS NULL"
      " ORDER BY id");
  std::vector<Violation> violations;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return violations;
    Violation violation;
    violation.id = row.get_integer();
    violation.at = row.get_time();
    violation.kind = row.get_enum(model::ViolationKind::genesis);
    violation.epoch = row.get_epoch();
    violation.stored = row.get_bytes<Hash>();
    violation.shown = row.get_bytes<Hash>();
    violation.node = row.get_text();
    violations.push_back(std::move(violation));
  }
}

}  // namespace hotside::store::sqlite
