#include "store/sqlite/transactions.hpp"

#include <set>
#include <string>
#include <unordered_map>

namespace hotside::store::sqlite {
namespace {

using model::RelayedState;
using model::RelayedTransaction;
using Row = TransactionReads::Row;
using Offsets = std::set<Offset>;

constexpr std::string_view kSelect =
    "SELECT id, hash, state, before, error, warning, fee, epoch, \"offset\", attempts, bundle,"
    " created_at FROM relayed_tx";

Row read_row(Query& row) {
  Row read;
  auto& tx = read.tx;
  read.row = row.get_integer();
  tx.hash = row.get_bytes<Hash>();
  tx.state = row.get_enum(RelayedState::conflicted);
  tx.before = row.get_optional_enum(RelayedState::unknown);
  tx.error = row.get_optional_text();
  tx.warning = row.get_optional_text();
  tx.fee = Amount(row.get_integer());
  if (auto const epoch = row.get_optional_integer())
    tx.epoch = Epoch(static_cast<std::uint64_t>(*epoch));
  tx.offset = row.get_offset();
  tx.attempts = row.get_count();
  tx.bundle = row.get_optional_text();
  tx.created_at = row.get_time();
  return read;
}

model::RelayedOutput read_output(Query& row) {
  model::RelayedOutput read;
  read.utxo = row.get_bytes<Hash>();
  read.recipient = row.get_optional_bytes<PublicKey>();
  if (auto const amount = row.get_optional_integer()) read.amount = Amount(*amount);
  return read;
}

Result<void> read_content(Connection& db, Row& into) {
  auto input = db.query("SELECT utxo FROM relayed_tx_input WHERE tx = ? ORDER BY place");
  input.integer(into.row);
  while (true) {
    HS_TRY(more, input.step());
    if (!more) break;
    into.tx.inputs.push_back(input.get_bytes<Hash>());
  }
  auto output =
      db.query("SELECT utxo, recipient, amount FROM relayed_tx_output WHERE tx = ? ORDER BY place");
  output.integer(into.row);
  while (true) {
    HS_TRY(more, output.step());
    if (!more) return {};
    into.tx.outputs.push_back(read_output(output));
  }
}

// Takes the query by value: its statement is free again before the contents are read.
Result<std::vector<Row>> read_rows(Connection& db, Query query) {
  std::vector<Row> rows;
  {
    auto row = std::move(query);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      rows.push_back(read_row(row));
    }
  }
  for (auto& row : rows) HS_DO(read_content(db, row));
  return rows;
}

Result<std::optional<RelayedTransaction>> read_one(Connection& db, Hash const& hash) {
  auto row = db.query(std::string(kSelect) + " WHERE hash = ?");
  row.bytes(hash);
  HS_TRY(rows, read_rows(db, std::move(row)));
  if (rows.empty()) return std::optional<RelayedTransaction>();
  return std::optional(std::move(rows.front().tx));
}

// The newest output of this id: of the current epoch, else of the final chain.
Result<InputRow> read_input(Connection& db, Hash const& utxo) {
  InputRow found;
  found.utxo = utxo;
  auto const take = [&](Query& row) {
    model::PublicPayment payment;
    payment.id = utxo;
    payment.recipient = row.get_bytes<PublicKey>();
    payment.serno = row.get_integer();
    payment.amount = Amount(row.get_integer());
    found.payment = payment;
  };
  {
    auto row = db.query(
        "SELECT recipient, serno, amount, spent_epoch IS NOT NULL FROM public_output"
        " WHERE utxo = ? ORDER BY id DESC LIMIT 1");
    row.bytes(utxo);
    HS_TRY(is_final, row.step());
    if (is_final) {
      take(row);
      found.state = row.get_integer() != 0 ? InputState::spent : InputState::unspent;
    }
  }
  // What the micro blocks did to it last: created (1) or spent (0).
  auto row = db.query(
      "SELECT 1, \"offset\", place, recipient, serno, amount FROM micro_output WHERE utxo = ?1"
      " UNION ALL SELECT 0, \"offset\", place, NULL, 0, 0 FROM micro_input WHERE utxo = ?1"
      " ORDER BY 2, 3");
  row.bytes(utxo);
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return found;
    bool const creates = row.get_integer() != 0;
    static_cast<void>(row.get_integer());  // offset and place: they only order
    static_cast<void>(row.get_integer());
    found.state = creates ? InputState::unspent : InputState::spend_prepared;
    if (creates) take(row);
  }
}

Result<std::vector<InputRow>> read_inputs(Connection& db, std::span<Hash const> utxos) {
  std::vector<InputRow> rows;
  for (auto const& utxo : utxos) {
    HS_TRY(row, read_input(db, utxo));
    rows.push_back(std::move(row));
  }
  return rows;
}

// The micro blocks that have it.
Result<Offsets> read_offsets(Connection& db, std::string const& table, Hash const& utxo) {
  auto row = db.query("SELECT \"offset\" FROM " + table + " WHERE utxo = ?");
  row.bytes(utxo);
  Offsets found;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return found;
    if (auto const offset = row.get_offset()) found.insert(*offset);
  }
}

template <class T>
std::optional<std::int64_t> number(std::optional<T> const& value) {
  if (!value) return std::nullopt;
  return static_cast<std::int64_t>(value->value);
}

Query& optional_integer(Query& query, std::optional<std::int64_t> value) {
  return value ? query.integer(*value) : query.null();
}

}  // namespace

Result<void> SqliteTransactionWrites::add(RelayedTransaction const& tx, ByteView data) {
  auto insert = db_.query(
      "INSERT INTO relayed_tx (hash, data, state, warning, fee, attempts, bundle, created_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  HS_DO(insert.bytes(tx.hash)
            .blob(data)
            .integer(static_cast<std::int64_t>(tx.state))
            .optional_text(tx.warning)
            .integer(tx.fee.value)
            .count(tx.attempts)
            .optional_text(tx.bundle)
            .time(tx.created_at)
            .run());
  auto const id = db_.last_row();
  auto input = db_.query("INSERT INTO relayed_tx_input (tx, place, utxo) VALUES (?, ?, ?)");
  for (std::size_t i = 0; i < tx.inputs.size(); ++i)
    HS_DO(input.integer(id).count(i).bytes(tx.inputs[i]).run());
  auto output = db_.query(
      "INSERT INTO relayed_tx_output (tx, place, utxo, recipient, amount) VALUES (?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < tx.outputs.size(); ++i) {
    auto const& made = tx.outputs[i];
    output.integer(id).count(i).bytes(made.utxo).bytes(made.recipient);
    HS_DO(optional_integer(output, number(made.amount)).run());
  }
  return {};
}

Result<std::optional<RelayedTransaction>> SqliteTransactionWrites::find(Hash const& hash) {
  return read_one(db_, hash);
}

// Read at every block, so with one query for each table, and with one alone where nothing is open.
Result<std::vector<RelayedTransaction>> SqliteTransactionWrites::open() {
  std::vector<RelayedTransaction> open;
  std::unordered_map<std::int64_t, std::size_t> place;  // in `open`, by row
  {
    auto row = db_.query(std::string(kSelect) + " WHERE state < 5 ORDER BY id");
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      auto read = read_row(row);
      place.emplace(read.row, open.size());
      open.push_back(std::move(read.tx));
    }
  }
  if (open.empty()) return open;
  auto input = db_.query(
      "SELECT i.tx, i.utxo FROM relayed_tx t JOIN relayed_tx_input i ON i.tx = t.id"
      " WHERE t.state < 5 ORDER BY i.tx, i.place");
  while (true) {
    HS_TRY(more, input.step());
    if (!more) break;
    auto& tx = open[place.at(input.get_integer())];
    tx.inputs.push_back(input.get_bytes<Hash>());
  }
  auto output = db_.query(
      "SELECT o.tx, o.utxo, o.recipient, o.amount FROM relayed_tx t"
      " JOIN relayed_tx_output o ON o.tx = t.id WHERE t.state < 5 ORDER BY o.tx, o.place");
  while (true) {
    HS_TRY(more, output.step());
    if (!more) return open;
    auto& tx = open[place.at(output.get_integer())];
    tx.outputs.push_back(read_output(output));
  }
}

Result<void> SqliteTransactionWrites::put(RelayedTransaction const& tx) {
  auto update = db_.query(
      "UPDATE relayed_tx SET state = ?, before = ?, error = ?, epoch = ?, \"offset\" = ?,"
      " attempts = ? WHERE hash = ?");
  update.integer(static_cast<std::int64_t>(tx.state));
  tx.before ? update.integer(static_cast<std::int64_t>(*tx.before)) : update.null();
  update.optional_text(tx.error);
  return optional_integer(update, number(tx.epoch))
      .offset(tx.offset)
      .count(tx.attempts)
      .bytes(tx.hash)
      .run();
}

Result<std::vector<InputRow>> SqliteTransactionWrites::inputs(std::span<Hash const> utxos) {
  return read_inputs(db_, utxos);
}

Result<std::optional<Offset>> SqliteTransactionWrites::place(RelayedTransaction const& tx) {
  std::optional<Offsets> places;
  auto const narrow = [&](Offsets const& to) {
    if (!places) places = to;
    std::erase_if(*places, [&](Offset at) { return !to.contains(at); });
  };
  for (auto const& output : tx.outputs) {
    if (!output.recipient) continue;
    HS_TRY(made, read_offsets(db_, "micro_output", output.utxo));
    narrow(made);
  }
  for (auto const& input : tx.inputs) {
    if (!places) break;
    HS_TRY(spent, read_offsets(db_, "micro_input", input));
    narrow(spent);
  }
  if (!places || places->empty()) return std::optional<Offset>();
  return std::optional(*places->rbegin());
}

Result<std::vector<Row>> SqliteTransactionReads::transactions(std::optional<RelayedState> state,
                                                              std::optional<std::int64_t> before,
                                                              std::size_t limit) {
  auto row = db_.query(std::string(kSelect) + (state ? " WHERE state = ? AND" : " WHERE") +
                       " id < ? ORDER BY id DESC LIMIT ?");
  if (state) row.integer(static_cast<std::int64_t>(*state));
  row.integer(before.value_or(INT64_MAX)).count(limit);
  return read_rows(db_, std::move(row));
}

Result<std::optional<RelayedTransaction>> SqliteTransactionReads::transaction(Hash const& hash) {
  return read_one(db_, hash);
}

Result<std::vector<WaitingTransaction>> SqliteTransactionReads::waiting(std::int64_t after,
                                                                        std::size_t limit) {
  auto row = db_.query(
      "SELECT id, hash, data FROM relayed_tx WHERE state < 5 AND state <> 4 AND id > ?"
      " ORDER BY id LIMIT ?");
  row.integer(after).count(limit);
  std::vector<WaitingTransaction> found;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return found;
    WaitingTransaction next;
    next.row = row.get_integer();
    next.hash = row.get_bytes<Hash>();
    next.data = row.get_blob();
    found.push_back(std::move(next));
  }
}

Result<std::vector<InputRow>> SqliteTransactionReads::inputs(std::span<Hash const> utxos) {
  return read_inputs(db_, utxos);
}

}  // namespace hotside::store::sqlite
