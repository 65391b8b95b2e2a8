// Blocks: the chain part of a write transaction.

#include "proto/base/invariant.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/write_txn.hpp"

namespace hotside::store::sqlite {
namespace {

// Where each input and output of a block stands in transaction order, and whose it is.
struct Places {
  std::vector<std::int64_t> inputs, outputs;
  std::vector<std::optional<Hash> const*> output_tx;
};

Places places_of(model::MicroBlock const& block) {
  static std::optional<Hash> const kUnknown;
  Places places;
  places.inputs.assign(block.inputs.size(), -1);
  places.outputs.assign(block.outputs.size(), -1);
  places.output_tx.assign(block.outputs.size(), &kUnknown);
  std::int64_t next = 0;
  for (auto const& tx : block.transactions) {
    invariant(tx.input_end <= block.inputs.size() && tx.output_end <= block.outputs.size(),
              "a transaction is a slice of its block");
    for (auto i = tx.input_begin; i < tx.input_end; ++i) places.inputs[i] = next++;
    for (auto i = tx.output_begin; i < tx.output_end; ++i) {
      places.outputs[i] = next++;
      places.output_tx[i] = &tx.hash;
    }
  }
  return places;
}

}  // namespace

Result<void> SqliteWriteTxn::start(model::Started const& started) {
  return db_
      .query(
          "INSERT INTO started (id, first, previous) VALUES (1, ?, ?)"
          " ON CONFLICT (id) DO UPDATE SET first = excluded.first, previous = excluded.previous")
      .epoch(started.first)
      .bytes(started.previous)
      .run();
}

Result<std::optional<Tip>> SqliteWriteTxn::tip() {
  Tip tip;
  {
    auto row = db_.query("SELECT epoch, hash FROM macro_block ORDER BY epoch DESC LIMIT 1");
    HS_TRY(found, row.step());
    if (found) {
      tip.has_final = true;
      tip.current = row.get_epoch().next();
      tip.final_hash = row.get_bytes<Hash>();
    }
  }
  if (!tip.has_final) {
    auto row = db_.query("SELECT first, previous FROM started");
    HS_TRY(found, row.step());
    if (!found) return std::optional<Tip>();
    tip.current = row.get_epoch();
    tip.final_hash = row.get_bytes<Hash>();
  }
  auto row = db_.query("SELECT \"offset\", hash FROM micro_block ORDER BY \"offset\" DESC LIMIT 1");
  HS_TRY(found, row.step());
  tip.last_hash = tip.final_hash;
  if (found) {
    tip.micros = static_cast<std::uint32_t>(row.get_integer()) + 1;
    tip.last_hash = row.get_bytes<Hash>();
  }
  return std::optional(tip);
}

Result<MicroContent> SqliteWriteTxn::cut_micros(Offset from) {
  MicroContent gone;
  {
    auto row = db_.query(
        "SELECT utxo, recipient, serno, amount FROM micro_output WHERE \"offset\" >= ?"
        " ORDER BY \"offset\", place");
    row.integer(from.value);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      gone.payments.push_back(read_payment(row));
    }
  }
  {
    auto row =
        db_.query("SELECT utxo FROM micro_input WHERE \"offset\" >= ? ORDER BY \"offset\", place");
    row.integer(from.value);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      gone.inputs.push_back(row.get_bytes<Hash>());
    }
  }
  HS_DO(db_.query("DELETE FROM micro_output WHERE \"offset\" >= ?").integer(from.value).run());
  HS_DO(db_.query("DELETE FROM micro_input WHERE \"offset\" >= ?").integer(from.value).run());
  HS_DO(db_.query("DELETE FROM micro_block WHERE \"offset\" >= ?").integer(from.value).run());
  // What was created, spent and created again may be back at its first place.
  auto place = db_.query(
      "UPDATE micro_sight SET (\"offset\", tx_hash) = (SELECT \"offset\", tx_hash FROM micro_output"
      " WHERE utxo = ?1 ORDER BY \"offset\" DESC, place DESC LIMIT 1)"
      " WHERE utxo = ?1 AND EXISTS (SELECT 1 FROM micro_output WHERE utxo = ?1)");
  for (auto const& payment : gone.payments) HS_DO(place.bytes(payment.id).run());
  return gone;
}

Result<void> SqliteWriteTxn::append_micro(model::MicroBlock const& block, Time now) {
  HS_DO(db_.query("INSERT INTO micro_block (\"offset\", hash, previous, time, held)"
                  " VALUES (?, ?, ?, ?, 0)")
            .integer(block.offset.value)
            .bytes(block.hash)
            .bytes(block.previous)
            .time(block.time)
            .run());
  return append_micro_content(block, now);
}

Result<void> SqliteWriteTxn::append_micro_content(model::MicroBlock const& block, Time now) {
  auto const places = places_of(block);
  auto inputs = db_.query("INSERT INTO micro_input (\"offset\", place, utxo) VALUES (?, ?, ?)");
  for (std::size_t i = 0; i < block.inputs.size(); ++i)
    HS_DO(
        inputs.integer(block.offset.value).integer(places.inputs[i]).bytes(block.inputs[i]).run());
  auto outputs = db_.query(
      "INSERT INTO micro_output (\"offset\", place, utxo, recipient, serno, amount, tx_hash)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)");
  auto sights = db_.query(
      "INSERT INTO micro_sight (utxo, \"offset\", tx_hash, block_time, first_seen)"
      " VALUES (?, ?, ?, ?, ?) ON CONFLICT (utxo) DO UPDATE SET"
      " \"offset\" = excluded.\"offset\", tx_hash = excluded.tx_hash");
  for (auto const& payment : block.payments) {
    invariant(payment.output < block.outputs.size(), "a payment is an output of its block");
    auto const& tx = *places.output_tx[payment.output];
    HS_DO(outputs.integer(block.offset.value)
              .integer(places.outputs[payment.output])
              .bytes(payment.id)
              .bytes(payment.recipient)
              .integer(payment.serno)
              .integer(payment.amount.value)
              .bytes(tx)
              .run());
    HS_DO(sights.bytes(payment.id)
              .integer(block.offset.value)
              .bytes(tx)
              .time(block.time)
              .time(now)
              .run());
  }
  return {};
}

Result<void> SqliteWriteTxn::hold_micros(Offset from) {
  return db_.query("UPDATE micro_block SET held = 1 WHERE \"offset\" >= ?")
      .integer(from.value)
      .run();
}

Result<void> SqliteWriteTxn::release_micros(Offset until) {
  return db_.query("UPDATE micro_block SET held = 0 WHERE \"offset\" < ?")
      .integer(until.value)
      .run();
}

Result<void> SqliteWriteTxn::append_macro(model::MacroBlock const& block, Time sealed_at) {
  HS_DO(
      db_.query("INSERT INTO macro_block (epoch, hash, previous, time, sealed_at, inputs, outputs)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)")
          .epoch(block.epoch)
          .bytes(block.hash)
          .bytes(block.previous)
          .time(block.time)
          .time(sealed_at)
          .integer(static_cast<std::int64_t>(block.inputs.size()))
          .integer(static_cast<std::int64_t>(block.outputs.size()))
          .run());
  HS_DO(db_.query("INSERT INTO macro_evidence (epoch, evidence) VALUES (?, ?)")
            .epoch(block.epoch)
            .blob(block.evidence)
            .run());
  HS_DO(db_.query("DELETE FROM micro_output").run());
  HS_DO(db_.query("DELETE FROM micro_input").run());
  HS_DO(db_.query("DELETE FROM micro_sight").run());
  return db_.query("DELETE FROM micro_block").run();
}

Result<std::optional<model::Position>> SqliteWriteTxn::position() { return read_position(db_); }

Result<std::vector<model::Occurrence>> SqliteWriteTxn::occurrences(std::span<Hash const> ids) {
  auto row = db_.query(
      "SELECT 1, o.\"offset\", o.place, b.hash, o.recipient, o.serno, o.amount, o.tx_hash,"
      " s.block_time, s.first_seen FROM micro_output o"
      " JOIN micro_block b ON b.\"offset\" = o.\"offset\" JOIN micro_sight s ON s.utxo = o.utxo"
      " WHERE o.utxo = ?1 UNION ALL"
      " SELECT 0, i.\"offset\", i.place, b.hash, NULL, 0, 0, NULL, 0, 0 FROM micro_input i"
      " JOIN micro_block b ON b.\"offset\" = i.\"offset\" WHERE i.utxo = ?1 ORDER BY 2, 3");
  std::vector<model::Occurrence> found;
  for (auto const& id : ids) {
    row.bytes(id);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      model::Occurrence occurrence;
      occurrence.creates = row.get_integer() != 0;
      occurrence.payment.id = id;
      occurrence.offset = Offset(static_cast<std::uint32_t>(row.get_integer()));
      static_cast<void>(row.get_integer());  // place: only orders
      occurrence.block_hash = row.get_bytes<Hash>();
      occurrence.payment.recipient = row.get_optional_bytes<PublicKey>().value_or(PublicKey{});
      occurrence.payment.serno = row.get_integer();
      occurrence.payment.amount = Amount(row.get_integer());
      occurrence.tx_hash = row.get_optional_bytes<Hash>();
      occurrence.block_time = row.get_time();
      occurrence.first_seen = row.get_time();
      found.push_back(occurrence);
    }
  }
  return found;
}

Result<std::vector<model::Sight>> SqliteWriteTxn::sights() {
  auto row = db_.query("SELECT utxo, \"offset\", tx_hash, block_time, first_seen FROM micro_sight");
  std::vector<model::Sight> found;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return found;
    model::Sight sight;
    sight.utxo = row.get_bytes<Hash>();
    sight.offset = Offset(static_cast<std::uint32_t>(row.get_integer()));
    sight.tx_hash = row.get_optional_bytes<Hash>();
    sight.block_time = row.get_time();
    sight.first_seen = row.get_time();
    found.push_back(sight);
  }
}

}  // namespace hotside::store::sqlite
