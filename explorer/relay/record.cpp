#include "explorer/relay/record.hpp"

#include <utility>
#include <vector>

namespace hotside::relay {

using model::RelayedTransaction;
using store::CheckedTransaction;
using store::InputState;

tl::unexpected<Error> refuse(std::string what, std::string reason) {
  return fail(Fault::rejected, "transaction: " + std::move(what), std::move(reason));
}

void warn(RelayedTransaction& tx, std::string const& text) {
  tx.warning = tx.warning ? *tx.warning + "; " + text : text;
}

Result<store::RecordedTransaction> record(store::WriteTxn& txn, std::string_view hrp,
                                          CheckedTransaction const& checked, Time now) {
  HS_TRY(known, txn.transactions().find(checked.tx.hash));
  if (known) return store::RecordedTransaction{std::move(*known), false};
  auto tx = checked.tx;
  // The chain may have moved since the check, and a conflict that has passed would never be seen.
  HS_TRY(inputs, txn.transactions().inputs(tx.inputs));
  HS_TRY(place, txn.transactions().place(tx));
  for (auto const& input : inputs) {
    if (input.state == InputState::spent)
      return refuse("input " + input.utxo.hex() + " is spent in the final chain", "spent_input");
    if (input.state == InputState::spend_prepared && !place)
      warn(tx, "input " + input.utxo.hex() + " is spent in a micro block");
  }
  HS_TRY(position, txn.position());
  if (checked.has_private_inputs && position && checked.final_epoch != position->final_epoch)
    return fail(Fault::transient, "an epoch ended during the check; send it again", "moved");
  std::vector<model::Payee> payees;
  for (auto const& output : tx.outputs)
    if (output.recipient && output.amount) payees.push_back({*output.recipient, *output.amount});
  HS_TRY(match, txn.bundles().match(tx.inputs, payees, payees.size() != tx.outputs.size(), now));
  if (!match.others.empty())
    return refuse("input " + match.others.front().utxo.hex() + " is reserved by bundle " +
                      match.others.front().bundle,
                  "reserved");
  if (match.own) tx.bundle = match.own->bundle;
  HS_DO(txn.transactions().add(tx, checked.data));
  HS_DO(txn.bundles().mark_relayed(match.own, tx.hash, tx.inputs));
  // Somebody else has sent it, or this store is a restored one.
  if (place && position) {
    auto const event = model::included(tx, position->final_epoch.next(), *place);
    HS_DO(store::put_transaction(txn, hrp, tx, event, now));
  }
  return store::RecordedTransaction{std::move(tx), true};
}

Result<RelayedTransaction> put_verdict(store::WriteTxn& txn, std::string_view hrp, Hash const& hash,
                                       Verdict const& verdict, Time now) {
  HS_TRY(found, txn.transactions().find(hash));
  if (!found) return fail(Fault::corrupt, "a transaction that was sent is not in the store");
  auto& tx = *found;
  auto const before = tx;
  if (verdict.was_sent) ++tx.attempts;
  auto const event = model::answered(tx, verdict.outcome, verdict.error);
  if (tx != before) HS_DO(store::put_transaction(txn, hrp, tx, event, now));
  return std::move(tx);
}

}  // namespace hotside::relay
