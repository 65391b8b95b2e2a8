#include "store/sqlite/verify.hpp"

#include <array>
#include <filesystem>

#include "store/sqlite/addresses.hpp"
#include "store/sqlite/audit.hpp"
#include "store/sqlite/certificates.hpp"
#include "store/sqlite/digest.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/schema.hpp"

namespace hotside::store {
namespace sqlite {
namespace {

// The invariants that are queries: each row is a contradiction, its first column says where. The
// events of a deposit are found by index, newest first; one that is withheld is newer still.
struct Rule {
  char const* what;
  char const* sql;
};

constexpr std::array kFeedRules{
    Rule{"an event's text does not say its own number, type, feed or deposit",
         "SELECT 'event ' || seq FROM event WHERE NOT json_valid(json)"
         " OR json_extract(json, '$.seq') IS NOT seq OR json_extract(json, '$.type') IS NOT type"
         " OR json_extract(json, '$.feed') IS NOT (SELECT feed FROM feed)"
         " OR json_extract(json, '$.deposit.utxo') IS NOT lower(hex(utxo)) AND utxo IS NOT NULL"
         " OR json_extract(json, '$.deposit.epoch') IS NOT epoch"
         " OR (utxo IS NULL) <> (epoch IS NULL)"},
    Rule{"an event is about a deposit that is not there",
         "SELECT 'event ' || seq FROM event e WHERE utxo IS NOT NULL AND NOT EXISTS"
         " (SELECT 1 FROM deposit d WHERE d.utxo = e.utxo AND d.epoch = e.epoch)"},
    Rule{"a withheld event is about a deposit that is not committed",
         "SELECT 'withheld ' || id FROM withheld w WHERE NOT EXISTS (SELECT 1 FROM deposit d"
         " WHERE d.utxo = w.utxo AND d.epoch = w.epoch AND d.state = 2)"},
    Rule{"the feed does not come to what the table says",
         "WITH told AS (SELECT d.*, coalesce("
         "(SELECT about FROM withheld w WHERE w.utxo = d.utxo AND w.epoch = d.epoch"
         " ORDER BY id DESC LIMIT 1),"
         "(SELECT json_extract(json, '$.deposit') FROM event e WHERE e.utxo = d.utxo"
         " AND e.epoch = d.epoch ORDER BY seq DESC LIMIT 1)) AS last FROM deposit d)"
         " SELECT 'deposit ' || lower(hex(utxo)) || ':' || epoch FROM told WHERE last IS NULL"
         " OR json_extract(last, '$.state') IS NOT"
         "    CASE state WHEN 0 THEN 'prepared' WHEN 1 THEN 'reverted' ELSE 'committed' END"
         " OR json_extract(last, '$.spend') IS NOT"
         "    CASE spend WHEN 0 THEN 'unspent' WHEN 1 THEN 'spend_prepared' ELSE 'spent' END"
         " OR json_extract(last, '$.amount') IS NOT amount"},
    Rule{"deposit.committed is not told exactly once",
         "SELECT 'deposit ' || lower(hex(d.utxo)) || ':' || d.epoch FROM deposit d"
         " WHERE (d.state = 2) <> (SELECT count(*) FROM event e WHERE e.utxo = d.utxo"
         " AND e.epoch = d.epoch AND e.type = 'deposit.committed') + (SELECT count(*) FROM withheld"
         " w WHERE w.utxo = d.utxo AND w.epoch = d.epoch AND w.type = 'deposit.committed')"},
};

constexpr std::array kDepositRules{
    Rule{"a final payment to a registered address is no committed deposit, or another one",
         "SELECT 'public_output ' || o.id FROM public_output o JOIN address a ON a.key ="
         " o.recipient JOIN macro_block m ON m.epoch = o.epoch LEFT JOIN deposit d"
         " ON d.utxo = o.utxo AND d.epoch = o.epoch WHERE d.id IS NULL OR d.state <> 2"
         " OR d.amount <> o.amount OR d.serno <> o.serno OR d.recipient <> o.recipient"
         " OR d.\"offset\" IS NOT o.\"offset\" OR d.tx_hash IS NOT o.tx_hash"
         " OR d.block_hash <> m.hash OR d.committed_at IS NOT m.sealed_at"
         " OR (d.spend = 2) <> (o.spent_epoch IS NOT NULL)"},
    Rule{"a committed deposit is no payment of the final chain",
         "SELECT 'deposit ' || lower(hex(d.utxo)) || ':' || d.epoch FROM deposit d"
         " WHERE d.state = 2 AND NOT EXISTS (SELECT 1 FROM public_output o WHERE o.utxo = d.utxo"
         " AND o.epoch = d.epoch)"},
    Rule{"a prepared deposit is in no micro block of the current epoch",
         "SELECT 'deposit ' || lower(hex(d.utxo)) || ':' || d.epoch FROM deposit d"
         " WHERE d.state = 0 AND NOT EXISTS (SELECT 1 FROM micro_output o JOIN micro_block b"
         " ON b.\"offset\" = o.\"offset\" WHERE o.utxo = d.utxo AND b.hash = d.block_hash)"},
    Rule{"an output is spent before it is there",
         "SELECT 'public_output ' || id FROM public_output WHERE spent_epoch < epoch"
         " OR spent_epoch > (SELECT max(epoch) FROM macro_block)"},
    Rule{"a payment of a micro block was never seen",
         "SELECT 'micro_output ' || \"offset\" || ' ' || place FROM micro_output o WHERE NOT EXISTS"
         " (SELECT 1 FROM micro_sight s WHERE s.utxo = o.utxo)"},
};

constexpr std::array kTallyRules{
    Rule{"counts differ from their rows",
         "SELECT 'tally' FROM tally WHERE addresses <> (SELECT count(*) FROM address)"
         " OR public_outputs <> (SELECT count(*) FROM public_output)"
         " OR prepared <> (SELECT count(*) FROM deposit WHERE state = 0)"
         " OR reverted <> (SELECT count(*) FROM deposit WHERE state = 1)"
         " OR committed <> (SELECT count(*) FROM deposit WHERE state = 2)"},
    Rule{"the sums of an address are not those of its deposits",
         "SELECT 'address_total ' || lower(hex(t.key)) FROM address_total t WHERE"
         " (prepared_count, prepared_high, prepared_low, committed_count, committed_high,"
         " committed_low, unspent_count, unspent_high, unspent_low) IS NOT"
         " (SELECT count(*) FILTER (WHERE state = 0),"
         " ifnull(sum(amount >> 32) FILTER (WHERE state = 0), 0),"
         " ifnull(sum(amount & 4294967295) FILTER (WHERE state = 0), 0),"
         " count(*) FILTER (WHERE state = 2),"
         " ifnull(sum(amount >> 32) FILTER (WHERE state = 2), 0),"
         " ifnull(sum(amount & 4294967295) FILTER (WHERE state = 2), 0),"
         " count(*) FILTER (WHERE state = 2 AND spend = 0),"
         " ifnull(sum(amount >> 32) FILTER (WHERE state = 2 AND spend = 0), 0),"
         " ifnull(sum(amount & 4294967295) FILTER (WHERE state = 2 AND spend = 0), 0)"
         " FROM deposit d WHERE d.recipient = t.key)"},
    Rule{"an address with deposits has no sums",
         "SELECT DISTINCT 'address_total ' || lower(hex(recipient)) FROM deposit"
         " WHERE recipient NOT IN (SELECT key FROM address_total)"},
    Rule{"its head is not the last event, or numbers have holes",
         "SELECT 'feed' FROM feed WHERE head <> (SELECT count(*) FROM event)"
         " OR head <> (SELECT ifnull(max(seq), 0) FROM event)"},
    Rule{"they certify other public payments than there are",
         "SELECT 'certificate' WHERE (SELECT ifnull(sum(public_count), 0) FROM certificate) <>"
         " (SELECT count(*) FROM public_output)"},
    Rule{"a macro block without evidence",
         "SELECT 'macro_block ' || epoch FROM macro_block WHERE epoch NOT IN"
         " (SELECT epoch FROM macro_evidence)"},
};

}  // namespace

void Verifier::found(std::string where, std::string what) {
  if (of_step_++ < options_.findings_max) findings_.push_back({std::move(where), std::move(what)});
}

Result<void> Verifier::none(std::string const& sql, std::string const& what) {
  auto row = db_.query(sql + " LIMIT " + std::to_string(options_.findings_max));
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return {};
    found(row.get_text(), what);
  }
}

Result<void> Verifier::step(std::size_t n, std::string const& name,
                            Result<void> (Verifier::*check)()) {
  if (options_.progress) options_.progress(name, n, steps());
  of_step_ = 0;
  auto done = (this->*check)();
  // What cannot be read is what this is about; being unable to look at all is not.
  if (!done && done.error().fault == Fault::transient) return done;
  if (!done) found(name, done.error().what);
  return {};
}

Result<void> Verifier::run() {
  std::size_t n = 0;
  HS_DO(step(n++, "file", &Verifier::file));
  HS_DO(step(n++, "digests", &Verifier::digests));
  HS_DO(step(n++, "one-row tables", &Verifier::singles));
  HS_DO(step(n++, "macro blocks", &Verifier::macro_chain));
  HS_DO(step(n++, "micro blocks", &Verifier::micro_chain));
  HS_DO(step(n++, "counts", &Verifier::tallies));
  HS_DO(step(n++, "feed", &Verifier::feed));
  HS_DO(step(n++, "deposits", &Verifier::deposits));
  HS_DO(step(n++, "checkpoints", &Verifier::checkpoints));
  HS_DO(step(n++, "audit log", &Verifier::audit_log));
  HS_DO(step(n++, "certificates", &Verifier::certificates));
  if (options_.deep) HS_DO(step(n++, "output ids", &Verifier::output_ids));
  if (options_.progress) options_.progress("done", steps(), steps());
  return {};
}

// Pages, rows against their indices (when deep) and constraints, and references.
Result<void> Verifier::file() {
  {
    auto row = db_.query(options_.deep ? "PRAGMA integrity_check" : "PRAGMA quick_check");
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      if (auto text = row.get_text(); text != "ok") found("file", std::move(text));
    }
  }
  return none("SELECT \"table\" || ' row ' || ifnull(rowid, '?') FROM pragma_foreign_key_check",
              "refers to a row that is not there");
}

Result<void> Verifier::digests() {
  HS_TRY(stored, stored_digests(db_));
  HS_TRY(tables, digested_tables(db_));
  for (auto const& table : tables) {
    HS_TRY(made, digest_of(db_, table));
    auto const known = stored.extract(table);
    if (known.empty())
      found("digest", "has no row for " + table);
    else if (known.mapped().rows != made.rows)
      found(table, std::to_string(made.rows) + " rows, " + std::to_string(known.mapped().rows) +
                       " were written");
    else if (!(known.mapped() == made))
      found(table, "a value is not the one that was written");
  }
  for (auto const& [name, digest] : stored) found("digest", "has a row for " + name);
  return {};
}

Result<void> Verifier::singles() {
  for (auto const* const table : {"meta", "feed", "tally"}) {
    HS_TRY(rows, db_.scalar("SELECT count(*) FROM " + std::string(table)));
    if (rows != 1) found(table, "has " + std::to_string(rows) + " rows instead of one");
  }
  return {};
}

Result<void> Verifier::macro_chain() {
  auto row = db_.query(
      "SELECT m.epoch, m.previous, m.hash, s.first, s.previous FROM macro_block m"
      " LEFT JOIN started s ON s.id = 1 ORDER BY m.epoch");
  std::optional<std::uint64_t> next;
  Hash link;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return {};
    auto const epoch = row.get_count();
    auto const previous = row.get_bytes<Hash>();
    auto const hash = row.get_bytes<Hash>();
    auto const first = row.get_count();
    if (!next) link = row.get_bytes<Hash>();
    auto const where = "macro_block " + std::to_string(epoch);
    if (epoch != next.value_or(first)) found(where, "does not follow the epoch before");
    if (previous != link) found(where, "does not link to the block before");
    next = epoch + 1;
    link = hash;
  }
}

Result<void> Verifier::micro_chain() {
  HS_TRY(position, read_position(db_));
  auto row = db_.query("SELECT \"offset\", previous, hash, held FROM micro_block ORDER BY 1");
  std::uint64_t next = 0;
  bool is_held = false;
  Hash link = position ? position->final_hash : Hash{};
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return {};
    auto const offset = row.get_count();
    auto const where = "micro_block " + std::to_string(offset);
    if (offset != next++) found(where, "does not follow the one before");
    if (row.get_bytes<Hash>() != link) found(where, "does not link to the block before");
    link = row.get_bytes<Hash>();
    bool const held = row.get_integer() != 0;
    if (is_held && !held) found(where, "stands on a held block");
    is_held = held;
  }
}

Result<void> Verifier::tallies() {
  for (auto const& rule : kTallyRules) HS_DO(none(rule.sql, rule.what));
  return {};
}
Result<void> Verifier::feed() {
  for (auto const& rule : kFeedRules) HS_DO(none(rule.sql, rule.what));
  return {};
}
Result<void> Verifier::deposits() {
  for (auto const& rule : kDepositRules) HS_DO(none(rule.sql, rule.what));
  return {};
}

// One for each deposit.committed event, each made of the one before.
Result<void> Verifier::checkpoints() {
  auto row = db_.query(
      "SELECT e.seq, e.utxo, e.epoch, d.amount, c.count, c.high, c.low, c.hash FROM event e"
      " JOIN deposit d ON d.utxo = e.utxo AND d.epoch = e.epoch"
      " JOIN checkpoint c ON c.seq = e.seq WHERE e.type = 'deposit.committed' ORDER BY e.seq");
  Checkpoint last;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) break;
    auto const where = "checkpoint " + std::to_string(row.get_count());
    model::DepositId id;
    id.utxo = row.get_bytes<Hash>();
    id.epoch = row.get_epoch();
    auto const expected = next_checkpoint(last, id, Amount(row.get_integer()));
    last = read_checkpoint(row);
    if (!(last == expected)) found(where, "does not follow from the one before and its event");
  }
  return none(
      "SELECT 'checkpoint ' || seq FROM (SELECT seq FROM event WHERE type ="
      " 'deposit.committed' UNION ALL SELECT seq FROM checkpoint) GROUP BY seq"
      " HAVING count(*) <> 2",
      "is not there for each deposit.committed event, and for nothing else");
}

Result<void> Verifier::audit_log() {
  SqliteAuditReads log(db_);
  AuditRow last;
  while (true) {
    constexpr std::size_t page = 1000;
    HS_TRY(rows, log.audit(last.n, page));
    for (auto& row : rows) {
      auto const where = "audit_log " + std::to_string(row.n);
      if (row.n != last.n + 1 || row.previous != last.hash)
        found(where, "does not follow the entry before");
      if (audit_hash(row) != row.hash) found(where, "does not hash to its hash");
      last = std::move(row);
    }
    if (rows.size() < page) return {};
  }
}

Result<void> Verifier::certificates() {
  HS_TRY(missing, db_.scalar("SELECT (SELECT count(*) FROM macro_block) - count(*)"
                             " FROM certificate"));
  if (missing != 0) found("certificate", "not one for each final epoch");
  std::string network;
  {
    auto meta = db_.query("SELECT network FROM meta");
    HS_TRY(known, meta.step());
    if (known) network = meta.get_text();
  }
  SqliteCertificateReads reads(db_);
  auto const macro_is = [this](Certificate const& of) -> Result<bool> {
    auto row = db_.query("SELECT 1 FROM macro_block WHERE epoch = ? AND hash = ?");
    row.epoch(of.epoch).bytes(of.macro_hash);
    return row.step();
  };
  Hash link;
  for (Epoch from(0);;) {
    constexpr std::size_t page = 1000;
    HS_TRY(rows, reads.certificates(from, page));
    for (auto const& row : rows) {
      auto const where = "certificate " + std::to_string(row.epoch.value);
      if (row.previous != link) found(where, "does not link to the one before");
      if (certificate_hash(row, network) != row.hash) found(where, "does not hash to its hash");
      link = row.hash;
      from = row.epoch.next();
      HS_TRY(same, macro_is(row));
      if (!same) found(where, "is of another macro block");
    }
    if (rows.size() < page) break;
  }
  return certified_outputs();
}

// The outputs of an epoch stand together, in the order of epochs.
Result<void> Verifier::certified_outputs() {
  auto row =
      db_.query("SELECT utxo, recipient, serno, amount, epoch FROM public_output ORDER BY id");
  SqliteCertificateReads reads(db_);
  std::vector<model::PublicPayment> payments;
  std::optional<Epoch> epoch;
  auto const compare = [&]() -> Result<void> {
    if (!epoch) return {};
    HS_TRY(of_epoch, reads.certificates(*epoch, 1));
    if (of_epoch.empty() || of_epoch.front().epoch != *epoch ||
        !(of_epoch.front().public_outputs == certified(payments)))
      found("public_output", "those of epoch " + std::to_string(epoch->value) +
                                 " are not what its certificate says");
    payments.clear();
    return {};
  };
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return compare();
    auto payment = read_payment(row);
    auto const of = row.get_epoch();
    if (epoch && *epoch != of) HS_DO(compare());
    epoch = of;
    payments.push_back(payment);
  }
}

Result<void> Verifier::output_ids() {
  for (auto const* const table : {"public_output", "micro_output", "deposit"}) {
    auto row = db_.query("SELECT utxo, recipient, serno, amount FROM " + std::string(table));
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      auto const payment = read_payment(row);
      if (options_.output_id(payment) != payment.id)
        found(std::string(table) + " " + payment.id.hex(), "is not what its fields hash to");
    }
  }
  return {};
}

}  // namespace sqlite

Result<std::vector<Finding>> verify(std::string const& url, VerifyOptions const& options) {
  using namespace sqlite;
  HS_TRY(path, path_of(url));
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return fail(Fault::rejected, "there is no store at " + path, "store");
  HS_TRY(db, Connection::open(path, Connection::Mode::read_only, 5'000));
  auto const damaged = [](Error error) -> Result<std::vector<Finding>> {
    if (error.fault == Fault::transient) return fail(std::move(error));
    return std::vector<Finding>{{"file", std::move(error.what)}};
  };
  auto application = db->scalar("PRAGMA application_id");
  auto version = db->scalar("PRAGMA user_version");
  if (!application) return damaged(std::move(application.error()));
  if (*application != kApplicationId)
    return fail(Fault::rejected, path + " is not a store of Hotside", "store");
  if (!version || *version != kSchemaVersion)
    return fail(Fault::rejected,
                path + " has schema " + std::to_string(version.value_or(0)) +
                    ", this version has " + std::to_string(kSchemaVersion),
                "store");
  if (auto begun = db->execute("BEGIN; PRAGMA cache_size = -65536"); !begun)
    return damaged(std::move(begun.error()));
  Verifier verifier(*db, options);
  HS_DO(verifier.run());
  return verifier.take();
}

Result<std::string> fingerprint(std::string const& url) {
  using namespace sqlite;
  HS_TRY(path, path_of(url));
  HS_TRY(db, Connection::open(path, Connection::Mode::read_only, 5'000));
  return db->text(
      "SELECT group_concat(name || ' ' || rows || ' ' || hex(sum), char(10))"
      " FROM (SELECT * FROM digest ORDER BY name)");
}

}  // namespace hotside::store
