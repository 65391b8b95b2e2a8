// An address registered late gets its whole history: the final one from the public outputs, the
// rest from the micro blocks of the current epoch.

#include <unordered_map>

#include "explorer/ingest/feed_events.hpp"
#include "explorer/ingest/fold.hpp"
#include "explorer/ledger/deposit.hpp"

namespace hotside::ingest {
namespace {

using model::Deposit;

Deposit final_deposit(store::FinalOutput const& found) {
  auto const& output = found.output;
  Deposit deposit;
  deposit.id = {output.payment.id, output.epoch};
  deposit.recipient = output.payment.recipient;
  deposit.serno = output.payment.serno;
  deposit.amount = output.payment.amount;
  deposit.state = model::DepositState::committed;
  deposit.spend = output.spent_epoch ? model::SpendState::spent : model::SpendState::unspent;
  deposit.offset = output.offset;
  deposit.block_hash = found.macro_hash;
  deposit.tx_hash = output.tx_hash;
  deposit.block_time = output.block_time;
  deposit.first_seen = output.first_seen;
  deposit.committed_at = found.sealed_at;
  return deposit;
}

// What the current epoch does to final deposits, and what it adds.
Result<void> add_provisional(store::WriteTxn& txn, std::vector<PublicKey> const& keys, Time now,
                             std::vector<Deposit>& deposits) {
  HS_TRY(tip, txn.tip());
  if (!tip || tip->micros == 0) return {};
  std::unordered_map<Hash, std::vector<std::size_t>> rows_of;
  std::vector<Hash> ids;
  for (std::size_t i = 0; i < deposits.size(); ++i) {
    auto& rows = rows_of[deposits[i].id.utxo];
    if (rows.empty()) ids.push_back(deposits[i].id.utxo);
    rows.push_back(i);
  }
  HS_TRY(paid, txn.provisional_outputs_to(keys));
  for (auto const& id : paid)
    if (rows_of.try_emplace(id).second) ids.push_back(id);

  HS_TRY(occurrences, txn.occurrences(ids));
  ledger::Moment const moment{tip->current, false, now, std::nullopt};
  std::size_t at = 0;
  for (auto const& id : ids) {
    auto const begin = at;
    while (at < occurrences.size() && occurrences[at].payment.id == id) ++at;
    if (at == begin) continue;
    auto& rows = rows_of[id];
    std::vector<Deposit> stored;
    for (auto const i : rows) stored.push_back(deposits[i]);
    auto const known = ledger::known(stored, tip->current);
    ledger::Changes changes;
    ledger::settle(known,
                   ledger::told_by_micros(known.prior.has_value(),
                                          std::span(occurrences).subspan(begin, at - begin), false),
                   moment, changes);
    for (auto& change : changes.rows) {
      if (!change.before) {
        deposits.push_back(std::move(change.after));
        continue;
      }
      for (auto const i : rows)
        if (deposits[i].id == change.after.id) deposits[i] = change.after;
    }
  }
  return {};
}

}  // namespace

Result<Registration> register_addresses(store::WriteTxn& txn, std::string const& hrp,
                                        std::span<model::NewAddress const> addresses, Time now) {
  Registration done;
  HS_TRY(created, txn.add_addresses(addresses, now));
  done.created = std::move(created);
  done.count.created = done.created.size();
  done.count.existing = addresses.size() - done.created.size();

  std::vector<Deposit> deposits;
  HS_TRY(finals, txn.final_outputs_to(done.created));
  for (auto const& found : finals) deposits.push_back(final_deposit(found));
  HS_DO(add_provisional(txn, done.created, now, deposits));

  std::vector<model::DepositChange> rows;
  std::vector<ledger::Event> events;
  for (auto& deposit : deposits) {
    ledger::tell(deposit, events);
    rows.push_back({std::nullopt, std::move(deposit)});
  }
  HS_DO(txn.put_deposits(rows));
  HS_DO(publish(txn, hrp, events, now, true));
  return done;
}

}  // namespace hotside::ingest
