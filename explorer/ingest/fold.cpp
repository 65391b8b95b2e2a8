#include "explorer/ingest/fold.hpp"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "explorer/ingest/feed_events.hpp"
#include "explorer/ledger/deposit.hpp"

namespace hotside::ingest {

using model::Deposit;
using store::WriteTxn;

// UTXO ids that an event may concern, each once, in the order met.
struct Fold::Touched {
  std::vector<Hash> ids;
  std::unordered_set<Hash> known;
  std::unordered_set<Hash> watched;  // of a watched recipient; of the others only a stored deposit
                                     // says whether they matter

  void add(Hash const& id, bool is_watched) {
    if (known.insert(id).second) ids.push_back(id);
    if (is_watched) watched.insert(id);
  }
};

namespace {

Error broken(std::string what) {
  return Error{Fault::corrupt, "ingest: " + std::move(what), "ingest"};
}

std::string name(Epoch epoch, Offset offset) {
  return "(" + std::to_string(epoch.value) + "," + std::to_string(offset.value) + ")";
}

Result<store::Tip> started_tip(WriteTxn& txn) {
  HS_TRY(tip, txn.tip());
  if (!tip) return fail(broken("a block before the start of the chain is known"));
  return *tip;
}

store::MicroContent content_of(model::MicroBlock const& block) {
  return {block.payments, block.inputs};
}

// The rows of one id in a vector that is grouped by id; `at` moves behind them.
template <class Row, class IdOf>
std::span<Row const> group(std::vector<Row> const& rows, std::size_t& at, Hash const& id,
                           IdOf id_of) {
  auto const begin = at;
  while (at < rows.size() && id_of(rows[at]) == id) ++at;
  return std::span(rows).subspan(begin, at - begin);
}
Hash const& id_of_deposit(Deposit const& deposit) { return deposit.id.utxo; }
Hash const& id_of_occurrence(model::Occurrence const& occurrence) { return occurrence.payment.id; }

Result<void> store_changes(WriteTxn& txn, std::string const& hrp, ledger::Changes const& changes,
                           Time now) {
  HS_DO(txn.put_deposits(changes.rows));
  return publish(txn, hrp, changes.events, now, false);
}

bool has(std::vector<Hash> const& sorted, Hash const& id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

// What the public payments of a macro block are from now on, watched or not.
std::vector<model::PublicOutput> final_outputs(model::MacroBlock const& block,
                                               std::vector<model::Sight> const& sights,
                                               std::vector<store::UnspentOutput> const& spent,
                                               Time now) {
  std::unordered_map<Hash, model::Sight const*> seen;
  for (auto const& sight : sights) seen.emplace(sight.utxo, &sight);
  std::unordered_set<Hash> prior;
  for (auto const& output : spent) prior.insert(output.utxo);
  std::vector<model::PublicOutput> outputs;
  outputs.reserve(block.payments.size());
  for (auto const& payment : block.payments) {
    model::PublicOutput output;
    output.payment = payment;
    output.epoch = block.epoch;
    output.block_time = block.time;
    output.first_seen = now;
    if (auto const at = seen.find(payment.id); at != seen.end()) {
      output.offset = at->second->offset;
      output.tx_hash = at->second->tx_hash;
      output.block_time = at->second->block_time;
      output.first_seen = at->second->first_seen;
    }
    // In both lists: the spend is of the older output where there was one.
    if (has(block.inputs, payment.id) && !prior.contains(payment.id))
      output.spent_epoch = block.epoch;
    outputs.push_back(output);
  }
  return outputs;
}

}  // namespace

Result<void> Fold::apply(WriteTxn& txn, model::ChainEvent const& event, Time now) const {
  return std::visit([&](auto const& what) { return on(txn, what, now); }, event);
}

Result<void> Fold::on(WriteTxn& txn, model::Started const& event, Time) const {
  HS_TRY(tip, txn.tip());
  if (tip && (tip->has_final || tip->micros > 0))
    return fail(broken("a start where the chain is already known"));
  return txn.start(event);
}

Result<void> Fold::on(WriteTxn& txn, model::Connected const& event, Time now) const {
  auto const& block = event.block;
  HS_TRY(before, started_tip(txn));
  if (block.epoch != before.current || block.offset.value > before.micros)
    return fail(broken("block " + name(block.epoch, block.offset) + " does not follow " +
                       std::to_string(before.micros) + " blocks of epoch " +
                       std::to_string(before.current.value)));
  HS_TRY(gone, txn.cut_micros(block.offset));
  HS_TRY(tip, started_tip(txn));
  if (block.previous != tip.last_hash)
    return fail(broken("block " + name(block.epoch, block.offset) + " " + block.hash.hex() +
                       " does not link to " + tip.last_hash.hex()));
  // What a block stands on is not held.
  HS_DO(txn.release_micros(block.offset));
  HS_DO(txn.append_micro(block, now));
  Touched touched;
  touch(touched, gone);
  touch(touched, content_of(block));
  HS_DO(resettle(txn, touched, block.epoch, block.hash, now));
  return follow_cut(txn, block.offset, &block, now);
}

Result<void> Fold::on(WriteTxn& txn, model::Held const& event, Time) const {
  return txn.hold_micros(event.from);
}

Result<void> Fold::on(WriteTxn& txn, model::Returned const& event, Time) const {
  return txn.release_micros(event.until);
}

Result<void> Fold::on(WriteTxn& txn, model::Undone const& event, Time now) const {
  HS_TRY(tip, started_tip(txn));
  HS_TRY(gone, txn.cut_micros(event.from));
  Touched touched;
  touch(touched, gone);
  HS_DO(resettle(txn, touched, tip.current, std::nullopt, now));
  return follow_cut(txn, event.from, nullptr, now);
}

Result<void> Fold::on(WriteTxn& txn, model::Sealed const& event, Time now) const {
  auto const& block = event.block;
  HS_TRY(tip, started_tip(txn));
  if (block.epoch != tip.current || block.previous != tip.final_hash)
    return fail(broken("macro block " + std::to_string(block.epoch.value) + " " + block.hash.hex() +
                       " does not follow " + tip.final_hash.hex()));
  if (!std::is_sorted(block.inputs.begin(), block.inputs.end()))
    return fail(broken("macro block " + std::to_string(block.epoch.value) + ": unsorted inputs"));
  HS_TRY(spent, txn.unspent(block.inputs));
  HS_TRY(sights, txn.sights());
  auto const outputs = final_outputs(block, sights, spent, now);
  HS_DO(txn.append_macro(block, now));
  HS_DO(txn.mark_spent(spent, block.epoch));
  HS_DO(txn.append_outputs(outputs));
  HS_DO(txn.bundles().settle(block.inputs, now));
  HS_DO(seal_deposits(txn, block, outputs, spent, now));
  HS_DO(follow_seal(txn, block, now));
  return certify(txn, block);
}

// Last: the certificate names the last event of the seal.
Result<void> Fold::certify(WriteTxn& txn, model::MacroBlock const& block) const {
  std::vector<model::PublicPayment> matched;
  for (auto const& payment : block.payments)
    if (watch_.contains(payment.recipient)) matched.push_back(payment);
  store::Certificate certificate;
  certificate.epoch = block.epoch;
  certificate.macro_hash = block.hash;
  certificate.public_outputs = store::certified(block.payments);
  certificate.matched = store::certified(matched);
  certificate.feed = txn.feed();
  certificate.feed_seq = txn.head();
  return txn.certificates().append(std::move(certificate), hrp_);
}

Result<void> Fold::seal_deposits(WriteTxn& txn, model::MacroBlock const& block,
                                 std::vector<model::PublicOutput> const& outputs,
                                 std::vector<store::UnspentOutput> const& spent, Time now) const {
  Touched touched;
  std::unordered_map<Hash, model::PublicOutput const*> created;
  for (auto const& output : outputs) {
    if (!watch_.contains(output.payment.recipient)) continue;
    touched.add(output.payment.id, true);
    created.emplace(output.payment.id, &output);
  }
  for (auto const& output : spent)
    if (watch_.contains(output.recipient)) touched.add(output.utxo, true);
  HS_TRY(open, txn.open_deposits(block.epoch));
  for (auto const& deposit : open) touched.add(deposit.id.utxo, true);

  HS_TRY(rows, txn.deposits_of(touched.ids));
  ledger::Moment const moment{block.epoch, true, now, block.hash};
  ledger::Changes changes;
  std::size_t at = 0;
  for (auto const& id : touched.ids) {
    auto const known = ledger::known(group(rows, at, id, id_of_deposit), block.epoch);
    std::optional<ledger::Creation> creation;
    if (auto const found = created.find(id); found != created.end()) {
      auto const& output = *found->second;
      creation = ledger::Creation{output.payment,
                                  output.offset,
                                  block.hash,
                                  output.tx_hash,
                                  output.block_time,
                                  output.first_seen,
                                  watch_.is_retired(output.payment.recipient)};
    }
    ledger::settle(
        known,
        ledger::told_by_macro(known.prior.has_value(), std::move(creation), has(block.inputs, id)),
        moment, changes);
  }
  return store_changes(txn, hrp_, changes, now);
}

Result<void> Fold::on(WriteTxn& txn, model::Violated const& event, Time now) const {
  HS_TRY(id, txn.add_violation(event, now));
  if (!id) return {};  // already told
  return publish(txn, *id, event, now);
}

Result<void> Fold::on(WriteTxn& txn, model::NodeChanged const& event, Time now) const {
  return publish(txn, event, now);
}

Result<void> Fold::on(WriteTxn& txn, model::Stalled const& event, Time now) const {
  return publish(txn, event, now);
}

void Fold::touch(Touched& touched, store::MicroContent const& content) const {
  // Spends first: what they spend was there before.
  for (auto const& input : content.inputs) touched.add(input, false);
  for (auto const& payment : content.payments)
    if (watch_.contains(payment.recipient)) touched.add(payment.id, true);
}

// Derives the deposits of the touched ids anew from the list of micro blocks as it is now.
Result<void> Fold::resettle(WriteTxn& txn, Touched const& touched, Epoch epoch,
                            std::optional<Hash> cause, Time now) const {
  HS_TRY(rows, txn.deposits_of(touched.ids));
  std::unordered_set<Hash> stored;
  for (auto const& row : rows) stored.insert(row.id.utxo);
  std::vector<Hash> ids;
  for (auto const& id : touched.ids)
    if (touched.watched.contains(id) || stored.contains(id)) ids.push_back(id);
  HS_TRY(occurrences, txn.occurrences(ids));

  ledger::Moment const moment{epoch, false, now, cause};
  ledger::Changes changes;
  std::size_t row_at = 0, occurrence_at = 0;
  for (auto const& id : ids) {
    auto const known = ledger::known(group(rows, row_at, id, id_of_deposit), epoch);
    auto const here = group(occurrences, occurrence_at, id, id_of_occurrence);
    auto const creation =
        std::find_if(here.begin(), here.end(), [](auto const& each) { return each.creates; });
    bool const retired = creation != here.end() && watch_.is_retired(creation->payment.recipient);
    ledger::settle(known, ledger::told_by_micros(known.prior.has_value(), here, retired), moment,
                   changes);
  }
  return store_changes(txn, hrp_, changes, now);
}

}  // namespace hotside::ingest
