#include "store/sqlite/bundles.hpp"

#include <algorithm>
#include <limits>

namespace hotside::store::sqlite {
namespace {

using model::BundleState;
using model::Coin;

constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

// What can be spent by a new bundle, of deposits `d`; the one parameter is the time. The first line
// names the partial indices, in the words of the schema.
constexpr std::string_view kSpendable =
    " d.state = 2 AND d.spend = 0"
    " AND NOT EXISTS (SELECT 1 FROM bundle_input i"
    " WHERE i.utxo = d.utxo AND i.active = 1 AND i.until > ?)"
    " AND NOT EXISTS (SELECT 1 FROM relayed_input r WHERE r.utxo = d.utxo)"
    " AND NOT EXISTS (SELECT 1 FROM withheld w WHERE w.utxo = d.utxo AND w.epoch = d.epoch)";

constexpr std::string_view kCoinColumns = "d.utxo, d.epoch, d.recipient, d.serno, d.amount";

Coin read_coin(Query& row) {
  Coin coin;
  coin.id.utxo = row.get_bytes<Hash>();
  coin.id.epoch = row.get_epoch();
  coin.recipient = row.get_bytes<PublicKey>();
  coin.serno = row.get_integer();
  coin.amount = Amount(row.get_integer());
  return coin;
}

Result<std::vector<Coin>> read_coins(Query row) {
  std::vector<Coin> coins;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return coins;
    coins.push_back(read_coin(row));
  }
}

std::string coins_sql(bool of_source, bool of_amount) {
  return "SELECT " + std::string(kCoinColumns) + " FROM deposit d INDEXED BY " +
         (of_source ? "deposit_coin" : "deposit_amount") + " WHERE" + std::string(kSpendable) +
         (of_source ? " AND d.recipient = ?" : "") + (of_amount ? " AND d.amount = ?" : "") +
         " ORDER BY d.amount DESC LIMIT ?";
}

// The states are numbered so that the least of its requests is the bundle's. What has expired
// counts as expired before a writer has noticed.
constexpr std::string_view kBundleSql =
    "SELECT b.row, b.id, b.created_at, b.expires_at, b.manifest, b.document,"
    " (SELECT min(CASE WHEN r.state = 1 AND b.expires_at <= ?1 THEN 4 ELSE r.state END)"
    " FROM bundle_request r WHERE r.bundle = b.row) FROM bundle b";

Result<std::vector<BundleRow>> read_bundles(Query row) {
  std::vector<BundleRow> bundles;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return bundles;
    BundleRow bundle;
    bundle.row = row.get_integer();
    bundle.id = row.get_text();
    bundle.created_at = row.get_time();
    bundle.expires_at = row.get_time();
    bundle.manifest = row.get_bytes<Hash>();
    bundle.document = row.get_text();
    bundle.state = row.get_enum(BundleState::expired);
    bundles.push_back(std::move(bundle));
  }
}

Result<std::optional<BundleRow>> read_bundle(Connection& db, std::string const& id, Time now) {
  auto row = db.query(std::string(kBundleSql) + " WHERE b.id = ?2");
  row.time(now).text(id);
  HS_TRY(found, read_bundles(std::move(row)));
  if (found.empty()) return std::optional<BundleRow>();
  return std::optional(std::move(found.front()));
}

}  // namespace

// ---- what can be spent

Result<std::vector<Coin>> SqliteBundleWrites::coins(std::optional<PublicKey> source,
                                                    std::size_t limit, Time now) {
  auto row = db_.query(coins_sql(source.has_value(), false));
  row.time(now);
  if (source) row.bytes(*source);
  row.count(limit);
  return read_coins(std::move(row));
}

Result<std::vector<Coin>> SqliteBundleWrites::coins_of_amount(std::optional<PublicKey> source,
                                                              Amount amount, std::size_t limit,
                                                              Time now) {
  auto row = db_.query(coins_sql(source.has_value(), true));
  row.time(now);
  if (source) row.bytes(*source);
  row.integer(amount.value).count(limit);
  return read_coins(std::move(row));
}

Result<Available> SqliteBundleWrites::available(std::optional<PublicKey> source, Time now) {
  // The halves of the amounts cannot overflow where their sum could.
  auto row = db_.query(
      "SELECT count(*), ifnull(sum(d.amount >> 32), 0), ifnull(sum(d.amount & 4294967295), 0)"
      " FROM deposit d INDEXED BY " +
      std::string(source ? "deposit_coin" : "deposit_amount") + " WHERE" + std::string(kSpendable) +
      (source ? " AND d.recipient = ?" : ""));
  row.time(now);
  if (source) row.bytes(*source);
  HS_TRY(found, row.step());
  Available available;
  if (!found) return available;
  available.count = row.get_count();
  Sum const high = row.get_integer();
  available.amount = high * (Sum{1} << 32) + row.get_integer();
  return available;
}

Result<bool> SqliteBundleWrites::is_registered(PublicKey const& key) {
  auto row = db_.query("SELECT 1 FROM address WHERE key = ?");
  row.bytes(key);
  return row.step();
}

Result<std::vector<PublicKey>> SqliteBundleWrites::addresses_of(std::string const& reference) {
  auto row = db_.query("SELECT key FROM address WHERE reference = ? ORDER BY key");
  row.text(reference);
  std::vector<PublicKey> keys;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return keys;
    keys.push_back(row.get_bytes<PublicKey>());
  }
}

// ---- bundles

Result<void> SqliteBundleWrites::expire(Time now) {
  // Both in one go, so that no open request is without its reservations.
  HS_DO(db_.query("UPDATE bundle_request SET state = 4 WHERE state = 1 AND (bundle, request) IN"
                  " (SELECT bundle, request FROM bundle_input WHERE active = 1 AND until <= ?)")
            .time(now)
            .run());
  return db_.query("UPDATE bundle_input SET active = 0 WHERE active = 1 AND until <= ?")
      .time(now)
      .run();
}

Result<std::optional<std::int64_t>> SqliteBundleWrites::row_of(std::string const& id) {
  auto row = db_.query("SELECT row FROM bundle WHERE id = ?");
  row.text(id);
  HS_TRY(found, row.step());
  return found ? std::optional(row.get_integer()) : std::nullopt;
}

Result<void> SqliteBundleWrites::add(NewBundle const& bundle) {
  HS_DO(expire(bundle.created_at));
  HS_DO(db_.query("INSERT INTO bundle (id, created_at, expires_at, manifest, document)"
                  " VALUES (?, ?, ?, ?, ?)")
            .text(bundle.id)
            .time(bundle.created_at)
            .time(bundle.expires_at)
            .bytes(bundle.manifest)
            .text(bundle.document)
            .run());
  auto const row = db_.last_row();
  for (std::size_t i = 0; i < bundle.requests.size(); ++i)
    HS_DO(add_request(row, i, bundle.requests[i], bundle.expires_at));
  return {};
}

Result<void> SqliteBundleWrites::add_request(std::int64_t bundle, std::size_t number,
                                             model::BundleRequest const& request, Time until) {
  HS_DO(db_.query("INSERT INTO bundle_request (bundle, request, state) VALUES (?, ?, 1)")
            .integer(bundle)
            .count(number)
            .run());
  auto taken = db_.query("SELECT 1 FROM bundle_input WHERE utxo = ? AND active = 1");
  auto input = db_.query(
      "INSERT INTO bundle_input (bundle, request, place, utxo, epoch, active, until)"
      " VALUES (?, ?, ?, ?, ?, 1, ?)");
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    auto const& id = request.inputs[i].id;
    HS_TRY(is_taken, taken.bytes(id.utxo).step());
    if (is_taken) return fail(Fault::rejected, "input " + id.text() + " is reserved", "reserved");
    HS_DO(input.integer(bundle)
              .count(number)
              .count(i)
              .bytes(id.utxo)
              .epoch(id.epoch)
              .time(until)
              .run());
  }
  auto output = db_.query(
      "INSERT INTO bundle_output (bundle, request, place, recipient, amount)"
      " VALUES (?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < request.outputs.size(); ++i)
    HS_DO(output.integer(bundle)
              .count(number)
              .count(i)
              .bytes(request.outputs[i].recipient)
              .integer(request.outputs[i].amount.value)
              .run());
  return {};
}

Result<std::optional<BundleRow>> SqliteBundleWrites::bundle(std::string const& id, Time now) {
  HS_DO(expire(now));
  return read_bundle(db_, id, now);
}

Result<void> SqliteBundleWrites::finish(std::int64_t bundle, std::int64_t request,
                                        BundleState state) {
  HS_DO(db_.query("UPDATE bundle_request SET state = ? WHERE bundle = ? AND request = ?")
            .integer(static_cast<int>(state))
            .integer(bundle)
            .integer(request)
            .run());
  return db_.query("UPDATE bundle_input SET active = 0 WHERE bundle = ? AND request = ?")
      .integer(bundle)
      .integer(request)
      .run();
}

Result<void> SqliteBundleWrites::release(std::string const& id) {
  HS_TRY(bundle, row_of(id));
  if (!bundle) return {};
  std::vector<std::int64_t> open;
  {
    auto row = db_.query("SELECT request FROM bundle_request WHERE bundle = ? AND state = 1");
    row.integer(*bundle);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      open.push_back(row.get_integer());
    }
  }
  for (auto const request : open) HS_DO(finish(*bundle, request, BundleState::released));
  return {};
}

// ---- relayed transactions

Result<std::optional<model::RequestId>> SqliteBundleWrites::request_of(
    std::span<Hash const> inputs, std::span<model::Payee const> outputs) {
  // Candidates hold the first input; the one that still reserves it comes first, then the newest.
  struct Candidate {
    std::int64_t bundle, request;
    std::string id;
  };
  std::vector<Candidate> candidates;
  {
    auto row = db_.query(
        "SELECT i.bundle, i.request, b.id FROM bundle_input i JOIN bundle b ON b.row = i.bundle"
        " WHERE i.utxo = ? ORDER BY i.active DESC, i.bundle DESC");
    row.bytes(inputs.front());
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      auto const bundle = row.get_integer();
      auto const request = row.get_integer();
      candidates.push_back({bundle, request, row.get_text()});
    }
  }
  std::vector<Hash> wanted_inputs(inputs.begin(), inputs.end());
  std::vector<model::Payee> wanted_outputs(outputs.begin(), outputs.end());
  std::ranges::sort(wanted_inputs);
  std::ranges::sort(wanted_outputs);
  for (auto const& candidate : candidates) {
    std::vector<Hash> has_inputs;
    std::vector<model::Payee> has_outputs;
    auto input = db_.query("SELECT utxo FROM bundle_input WHERE bundle = ? AND request = ?");
    input.integer(candidate.bundle).integer(candidate.request);
    while (true) {
      HS_TRY(more, input.step());
      if (!more) break;
      has_inputs.push_back(input.get_bytes<Hash>());
    }
    auto output =
        db_.query("SELECT recipient, amount FROM bundle_output WHERE bundle = ? AND request = ?");
    output.integer(candidate.bundle).integer(candidate.request);
    while (true) {
      HS_TRY(more, output.step());
      if (!more) break;
      auto const recipient = output.get_bytes<PublicKey>();
      has_outputs.push_back({recipient, Amount(output.get_integer())});
    }
    std::ranges::sort(has_inputs);
    std::ranges::sort(has_outputs);
    if (has_inputs == wanted_inputs && has_outputs == wanted_outputs)
      return std::optional(
          model::RequestId{candidate.id, static_cast<std::uint32_t>(candidate.request)});
  }
  return std::optional<model::RequestId>();
}

Result<BundleMatch> SqliteBundleWrites::match(std::span<Hash const> inputs,
                                              std::span<model::Payee const> outputs,
                                              bool others_beside, Time now) {
  HS_DO(expire(now));
  BundleMatch match;
  if (!inputs.empty() && !others_beside) {
    HS_TRY(own, request_of(inputs, outputs));
    match.own = std::move(own);
  }
  auto row = db_.query(
      "SELECT b.id, i.request FROM bundle_input i JOIN bundle b ON b.row = i.bundle"
      " WHERE i.utxo = ? AND i.active = 1");
  for (auto const& utxo : inputs) {
    row.bytes(utxo);
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      model::RequestId holder;
      holder.bundle = row.get_text();
      holder.request = static_cast<std::uint32_t>(row.get_integer());
      if (holder != match.own) match.others.push_back({utxo, holder.bundle});
    }
  }
  return match;
}

Result<void> SqliteBundleWrites::mark_relayed(std::optional<model::RequestId> const& own,
                                              Hash const& tx, std::span<Hash const> inputs) {
  if (own) {
    HS_TRY(bundle, row_of(own->bundle));
    if (!bundle) return fail(Fault::rejected, "there is no bundle " + own->bundle, "no_bundle");
    HS_DO(db_.query("UPDATE bundle_request SET state = 0, tx_hash = ?"
                    " WHERE bundle = ? AND request = ? AND state <> 2")
              .bytes(tx)
              .integer(*bundle)
              .count(own->request)
              .run());
    if (db_.changes() != 1)
      return fail(
          Fault::rejected,
          "the inputs of this request of bundle " + own->bundle + " are spent in the final chain",
          "spent");
    HS_DO(db_.query("UPDATE bundle_input SET active = 1, until = ?"
                    " WHERE bundle = ? AND request = ?")
              .integer(kNoEnd)
              .integer(*bundle)
              .count(own->request)
              .run());
  }
  auto insert = db_.query("INSERT OR IGNORE INTO relayed_input (utxo, tx_hash) VALUES (?, ?)");
  for (auto const& utxo : inputs) HS_DO(insert.bytes(utxo).bytes(tx).run());
  return {};
}

// What is reserved is little; what an epoch spends may be tens of thousands.
Result<std::vector<Hash>> SqliteBundleWrites::reserved_among(std::span<Hash const> ids) {
  std::vector<Hash> found;
  auto row = db_.query(
      "SELECT utxo FROM relayed_input UNION SELECT utxo FROM bundle_input WHERE active = 1");
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return found;
    auto const utxo = row.get_bytes<Hash>();
    if (std::binary_search(ids.begin(), ids.end(), utxo)) found.push_back(utxo);
  }
}

Result<void> SqliteBundleWrites::settle(std::span<Hash const> spent, Time now) {
  HS_TRY(reserved, reserved_among(spent));
  if (reserved.empty()) return {};
  HS_DO(expire(now));  // else its state would say which of the two a writer had noticed first
  auto transactions = db_.query(
      "DELETE FROM relayed_input WHERE tx_hash IN (SELECT tx_hash FROM relayed_input"
      " WHERE utxo = ?)");
  auto holder = db_.query("SELECT bundle, request FROM bundle_input WHERE utxo = ? AND active = 1");
  for (auto const& utxo : reserved) {
    HS_DO(transactions.bytes(utxo).run());
    HS_TRY(held, holder.bytes(utxo).step());
    if (!held) continue;
    auto const bundle = holder.get_integer();
    auto const request = holder.get_integer();
    HS_TRY(more, holder.step());
    if (more) return fail(Fault::corrupt, "store: an output is reserved twice", "store");
    HS_DO(finish(bundle, request, BundleState::spent));
  }
  return {};
}

// ---- reading

Result<std::vector<BundleRow>> SqliteBundleReads::bundles(std::optional<std::int64_t> before,
                                                          std::size_t limit, Time now) {
  auto row = db_.query(std::string(kBundleSql) + " WHERE b.row < ?2 ORDER BY b.row DESC LIMIT ?3");
  row.time(now).integer(before.value_or(kNoEnd)).count(limit);
  return read_bundles(std::move(row));
}

Result<std::optional<BundleRow>> SqliteBundleReads::bundle(std::string const& id, Time now) {
  return read_bundle(db_, id, now);
}

Result<std::vector<UtxoRow>> SqliteBundleReads::utxos(UtxoFilter const& filter,
                                                      std::optional<UtxoKey> after,
                                                      std::size_t limit, Time now) {
  // Each page is a range of an index; only the addresses of a reference are sorted together.
  bool const of_keys = filter.address || filter.reference;
  std::string sql = "SELECT d.id, a.reference, " + std::string(kCoinColumns) +
                    " FROM deposit d INDEXED BY " + (of_keys ? "deposit_coin" : "deposit_amount") +
                    " CROSS JOIN address a ON a.key = d.recipient WHERE" + std::string(kSpendable);
  if (filter.address) sql += " AND d.recipient = ?";
  if (filter.reference) sql += " AND d.recipient IN (SELECT key FROM address WHERE reference = ?)";
  if (filter.min_amount) sql += " AND d.amount >= ?";
  if (after) sql += " AND (d.amount, d.id) < (?, ?)";
  sql += " ORDER BY d.amount DESC, d.id DESC LIMIT ?";
  auto row = db_.query(sql);
  row.time(now);
  if (filter.address) row.bytes(*filter.address);
  if (filter.reference) row.text(*filter.reference);
  if (filter.min_amount) row.integer(filter.min_amount->value);
  if (after) row.integer(after->amount.value).integer(after->row);
  row.count(limit);
  std::vector<UtxoRow> rows;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return rows;
    UtxoRow found;
    found.row = row.get_integer();
    found.reference = row.get_optional_text();
    found.coin = read_coin(row);
    rows.push_back(std::move(found));
  }
}

}  // namespace hotside::store::sqlite
