// Outputs, deposits, addresses, feed and violations: the other part of a write transaction.

#include "proto/base/invariant.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/write_txn.hpp"

namespace hotside::store::sqlite {

SqliteWriteTxn::~SqliteWriteTxn() {
  db_.rollback();
  digests_.rolled_back();  // nothing when it was committed
  in_use_ = false;
}

Result<EventSeq> SqliteWriteTxn::commit() {
  auto const finish = [this]() -> Result<void> {
    HS_DO(db_.query("UPDATE feed SET head = ?").count(feed_.head.value).run());
    HS_DO(db_.query("UPDATE tally SET addresses = ?, public_outputs = ?, prepared = ?,"
                    " reverted = ?, committed = ?")
              .count(counts_.addresses)
              .count(counts_.public_outputs)
              .count(counts_.prepared)
              .count(counts_.reverted)
              .count(counts_.committed)
              .run());
    HS_DO(digests_.save());
    return db_.execute("COMMIT");
  };
  auto done = finish();
  if (!done) {
    db_.rollback();
    return fail(std::move(done.error()));
  }
  digests_.committed();
  return feed_.head;
}

// ---- public outputs

Result<std::vector<UnspentOutput>> SqliteWriteTxn::unspent(std::span<Hash const> ids) {
  auto row =
      db_.query("SELECT id, recipient FROM public_output WHERE utxo = ? AND spent_epoch IS NULL");
  std::vector<UnspentOutput> found;
  for (auto const& id : ids) {
    row.bytes(id);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      UnspentOutput output;
      output.row = row.get_integer();
      output.utxo = id;
      output.recipient = row.get_bytes<PublicKey>();
      found.push_back(output);
    }
  }
  return found;
}

Result<void> SqliteWriteTxn::mark_spent(std::span<UnspentOutput const> outputs, Epoch epoch) {
  auto update = db_.query("UPDATE public_output SET spent_epoch = ? WHERE id = ?");
  for (auto const& output : outputs) HS_DO(update.epoch(epoch).integer(output.row).run());
  return {};
}

Result<void> SqliteWriteTxn::append_outputs(std::span<model::PublicOutput const> outputs) {
  auto insert = db_.query(
      "INSERT INTO public_output (utxo, epoch, recipient, serno, amount, \"offset\", tx_hash,"
      " block_time, first_seen, spent_epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (auto const& output : outputs) {
    insert.bytes(output.payment.id)
        .epoch(output.epoch)
        .bytes(output.payment.recipient)
        .integer(output.payment.serno)
        .integer(output.payment.amount.value)
        .offset(output.offset)
        .bytes(output.tx_hash)
        .time(output.block_time)
        .time(output.first_seen);
    if (output.spent_epoch)
      insert.epoch(*output.spent_epoch);
    else
      insert.null();
    HS_DO(insert.run());
  }
  counts_.public_outputs += outputs.size();
  return {};
}

Result<std::vector<FinalOutput>> SqliteWriteTxn::final_outputs_to(std::span<PublicKey const> keys) {
  auto row = db_.query(
      "SELECT o.utxo, o.recipient, o.serno, o.amount, o.epoch, o.\"offset\", o.tx_hash,"
      " o.block_time, o.first_seen, o.spent_epoch, m.hash, m.sealed_at FROM public_output o"
      " JOIN macro_block m ON m.epoch = o.epoch WHERE o.recipient = ? ORDER BY o.id");
  std::vector<FinalOutput> found;
  for (auto const& key : keys) {
    row.bytes(key);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      FinalOutput out;
      out.output.payment = read_payment(row);
      out.output.epoch = row.get_epoch();
      out.output.offset = row.get_offset();
      out.output.tx_hash = row.get_optional_bytes<Hash>();
      out.output.block_time = row.get_time();
      out.output.first_seen = row.get_time();
      if (auto const spent = row.get_optional_integer())
        out.output.spent_epoch = Epoch(static_cast<std::uint64_t>(*spent));
      out.macro_hash = row.get_bytes<Hash>();
      out.sealed_at = row.get_time();
      found.push_back(out);
    }
  }
  return found;
}

Result<std::vector<Hash>> SqliteWriteTxn::provisional_outputs_to(std::span<PublicKey const> keys) {
  auto row =
      db_.query("SELECT utxo FROM micro_output WHERE recipient = ? ORDER BY \"offset\", place");
  std::vector<Hash> found;
  for (auto const& key : keys) {
    row.bytes(key);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      found.push_back(row.get_bytes<Hash>());
    }
  }
  return found;
}

// ---- deposits

Result<std::vector<model::Deposit>> SqliteWriteTxn::deposits_of(std::span<Hash const> utxos) {
  auto row = db_.query("SELECT " + std::string(kDepositColumns) +
                       " FROM deposit d WHERE d.utxo = ? ORDER BY d.epoch");
  std::vector<model::Deposit> found;
  for (auto const& utxo : utxos) {
    row.bytes(utxo);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      found.push_back(read_deposit(row));
    }
  }
  return found;
}

Result<std::vector<model::Deposit>> SqliteWriteTxn::open_deposits(Epoch epoch) {
  // Two statements: an OR over two indices would scan the table.
  std::vector<model::Deposit> found;
  auto const collect = [&found](Query row) -> Result<void> {
    while (true) {
      HS_TRY(more, row.step());
      if (!more) return {};
      found.push_back(read_deposit(row));
    }
  };
  auto of_epoch = db_.query("SELECT " + std::string(kDepositColumns) +
                            " FROM deposit d WHERE d.rank_epoch = -?1"
                            " ORDER BY d.rank_place DESC, d.utxo");
  of_epoch.epoch(epoch);
  HS_DO(collect(std::move(of_epoch)));
  auto being_spent = db_.query("SELECT " + std::string(kDepositColumns) +
                               " FROM deposit d WHERE d.spend = 1 AND d.epoch <> ?1"
                               " ORDER BY d.rank_epoch DESC, d.rank_place DESC, d.utxo");
  being_spent.epoch(epoch);
  HS_DO(collect(std::move(being_spent)));
  return found;
}

std::uint64_t& SqliteWriteTxn::count_of(model::DepositState state) {
  switch (state) {
    case model::DepositState::prepared:
      return counts_.prepared;
    case model::DepositState::reverted:
      return counts_.reverted;
    case model::DepositState::committed:
      return counts_.committed;
  }
  invariant(false, "a deposit in no state");
  return counts_.prepared;
}

Result<void> SqliteWriteTxn::put_deposits(std::span<model::DepositChange const> changes) {
  auto put = db_.query(
      "INSERT INTO deposit (utxo, epoch, recipient, serno, amount, state, spend, \"offset\","
      " block_hash, tx_hash, block_time, first_seen, committed_at, retired)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (utxo, epoch) DO UPDATE SET state = excluded.state, spend = excluded.spend,"
      " \"offset\" = excluded.\"offset\", block_hash = excluded.block_hash,"
      " tx_hash = excluded.tx_hash, committed_at = excluded.committed_at"
      // Committed is terminal; no statement of ours can take it back.
      " WHERE deposit.state <> 2 OR excluded.state = 2");
  for (auto const& [before, after] : changes) {
    put.bytes(after.id.utxo)
        .epoch(after.id.epoch)
        .bytes(after.recipient)
        .integer(after.serno)
        .integer(after.amount.value)
        .integer(static_cast<int>(after.state))
        .integer(static_cast<int>(after.spend))
        .offset(after.offset)
        .bytes(after.block_hash)
        .bytes(after.tx_hash)
        .time(after.block_time)
        .time(after.first_seen);
    if (after.committed_at)
      put.time(*after.committed_at);
    else
      put.null();
    HS_DO(put.integer(after.retired ? 1 : 0).run());
    if (db_.changes() != 1)
      return fail(Fault::corrupt, "store: " + after.id.text() + " would leave committed", "store");
    if (before) --count_of(*before);
    ++count_of(after.state);
  }
  return {};
}

// ---- addresses

Result<std::vector<PublicKey>> SqliteWriteTxn::add_addresses(
    std::span<model::NewAddress const> addresses, Time now) {
  auto insert = db_.query(
      "INSERT INTO address (key, reference, label, retired, created_at) VALUES (?, ?, ?, 0, ?)"
      " ON CONFLICT (key) DO NOTHING");
  auto update = db_.query(
      "UPDATE address SET reference = ifnull(?1, reference), label = ifnull(?2, label)"
      // Saying again what is known writes nothing.
      " WHERE key = ?3 AND (reference IS NOT ifnull(?1, reference)"
      " OR label IS NOT ifnull(?2, label))");
  std::vector<PublicKey> created;
  for (auto const& address : addresses) {
    HS_DO(insert.bytes(address.key)
              .optional_text(address.reference)
              .optional_text(address.label)
              .time(now)
              .run());
    if (db_.changes() == 1) {
      created.push_back(address.key);
    } else if (address.reference || address.label) {
      HS_DO(update.optional_text(address.reference)
                .optional_text(address.label)
                .bytes(address.key)
                .run());
    }
  }
  counts_.addresses += created.size();
  return created;
}

Result<bool> SqliteWriteTxn::retire_address(PublicKey const& key) {
  HS_DO(db_.query("UPDATE address SET retired = 1 WHERE key = ?").bytes(key).run());
  return db_.changes() == 1;
}

Result<References> SqliteWriteTxn::references(std::span<PublicKey const> keys) {
  auto row = db_.query("SELECT reference FROM address WHERE key = ? AND reference IS NOT NULL");
  References found;
  for (auto const& key : keys) {
    row.bytes(key);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      found.insert_or_assign(key, row.get_text());
    }
  }
  return found;
}

// ---- feed and violations

Result<void> SqliteWriteTxn::append_event(NewEvent const& event) {
  auto insert =
      db_.query("INSERT INTO event (seq, type, at, utxo, epoch, json) VALUES (?, ?, ?, ?, ?, ?)");
  auto const seq = feed_.head.next();
  insert.count(seq.value).text(model::to_string(event.type)).time(event.at);
  if (event.deposit)
    insert.bytes(event.deposit->utxo).epoch(event.deposit->epoch);
  else
    insert.null().null();
  HS_DO(insert.text(event.json).run());
  feed_.head = seq;
  if (event.type != model::EventType::deposit_committed) return {};
  if (!event.deposit)
    return fail(Fault::corrupt, "store: a deposit.committed event without its deposit", "store");
  return append_checkpoint(db_, seq, *event.deposit);
}

Result<std::optional<std::int64_t>> SqliteWriteTxn::add_violation(model::Violated const& violation,
                                                                  Time at) {
  HS_DO(db_.query("INSERT INTO violation (at, kind, epoch, stored, shown, node)"
                  " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM violation"
                  " WHERE cleared_at IS NULL AND kind = ?2 AND epoch = ?3 AND stored = ?4"
                  " AND shown = ?5 AND node = ?6)")
            .time(at)
            .integer(static_cast<int>(violation.kind))
            .epoch(violation.epoch)
            .bytes(violation.stored)
            .bytes(violation.shown)
            .text(violation.node)
            .run());
  if (db_.changes() == 0) return std::optional<std::int64_t>();
  return std::optional(db_.last_row());
}

Result<std::uint64_t> SqliteWriteTxn::clear_violations(std::string_view who,
                                                       std::string_view reason, Time at) {
  HS_DO(db_.query("UPDATE violation SET cleared_at = ?, cleared_by = ?, reason = ?"
                  " WHERE cleared_at IS NULL")
            .time(at)
            .text(who)
            .text(reason)
            .run());
  return static_cast<std::uint64_t>(db_.changes());
}

Result<bool> SqliteWriteTxn::has_violation() {
  HS_TRY(open, db_.scalar("SELECT EXISTS (SELECT 1 FROM violation WHERE cleared_at IS NULL)"));
  return open != 0;
}

}  // namespace hotside::store::sqlite
