#include "explorer/ledger/deposit.hpp"

#include <utility>

#include "proto/base/invariant.hpp"

namespace hotside::ledger {

using model::Deposit;
using model::DepositState;
using model::EventType;
using model::SpendState;

namespace {

EventType event_of(DepositState state) {
  switch (state) {
    case DepositState::prepared:
      return EventType::deposit_prepared;
    case DepositState::reverted:
      return EventType::deposit_reverted;
    case DepositState::committed:
      return EventType::deposit_committed;
  }
  invariant(false, "a deposit in no state");
  return EventType::deposit_prepared;
}

EventType event_of(SpendState state) {
  switch (state) {
    case SpendState::unspent:
      return EventType::spend_reverted;
    case SpendState::spend_prepared:
      return EventType::spend_prepared;
    case SpendState::spent:
      return EventType::spend_committed;
  }
  invariant(false, "a spend in no state");
  return EventType::spend_reverted;
}

SpendState spend_of(bool spent, bool is_final) {
  if (!spent) return SpendState::unspent;
  return is_final ? SpendState::spent : SpendState::spend_prepared;
}

void move_spend(Deposit& deposit, SpendState spend, std::vector<Event>& events) {
  if (deposit.spend == spend) return;
  deposit.spend = spend;
  events.push_back({event_of(spend), deposit});
}

Deposit new_deposit(Creation const& creation, Moment const& moment) {
  Deposit deposit;
  deposit.id = {creation.payment.id, moment.epoch};
  deposit.recipient = creation.payment.recipient;
  deposit.serno = creation.payment.serno;
  deposit.amount = creation.payment.amount;
  deposit.block_time = creation.block_time;
  deposit.first_seen = creation.first_seen;
  deposit.retired = creation.retired;
  return deposit;
}

void contain(Known const& known, Told const& told, Moment const& moment, Changes& changes) {
  auto const& creation = *told.created;
  Deposit after = known.current ? *known.current : new_deposit(creation, moment);
  auto const state = moment.is_final ? DepositState::committed : DepositState::prepared;
  bool const moved = !known.current || known.current->state != state;
  after.state = state;
  after.offset = creation.offset;
  after.block_hash = creation.block_hash;
  after.tx_hash = creation.tx_hash;
  if (moment.is_final) after.committed_at = moment.now;
  if (moved) changes.events.push_back({event_of(state), after});
  if (!known.current && known.had_earlier)
    changes.events.push_back({EventType::chain_output_recreated, after});
  move_spend(after, spend_of(told.created_spent, moment.is_final), changes.events);
  if (!known.current)
    changes.rows.push_back({std::nullopt, std::move(after)});
  else if (after != *known.current)
    changes.rows.push_back({known.current->state, std::move(after)});
}

void revert(Deposit const& before, Moment const& moment, Changes& changes) {
  Deposit after = before;
  after.state = DepositState::reverted;
  if (moment.cause) after.block_hash = *moment.cause;
  changes.events.push_back({EventType::deposit_reverted, after});
  move_spend(after, SpendState::unspent, changes.events);
  changes.rows.push_back({before.state, std::move(after)});
}

}  // namespace

Known known(std::span<Deposit const> rows_of_id, Epoch epoch) {
  Known known;
  for (auto const& row : rows_of_id) {
    if (row.id.epoch == epoch) known.current = row;
    if (row.id.epoch >= epoch) continue;
    known.had_earlier = true;
    if (row.state == DepositState::committed && row.spend != SpendState::spent) known.prior = row;
  }
  return known;
}

Told told_by_micros(bool has_prior, std::span<model::Occurrence const> occurrences, bool retired) {
  Told told;
  bool prior_unspent = has_prior;
  for (auto const& occurrence : occurrences) {
    if (occurrence.creates) {
      // Created, spent and created again within one epoch stays one deposit, unspent again.
      told.created = Creation{occurrence.payment,
                              occurrence.offset,
                              occurrence.block_hash,
                              occurrence.tx_hash,
                              occurrence.block_time,
                              occurrence.first_seen,
                              retired};
      told.created_spent = false;
    } else if (prior_unspent) {
      prior_unspent = false;
      told.prior_spent = true;
    } else {
      // A spend of what we do not know (before the start) tells nothing.
      told.created_spent = told.created.has_value();
    }
  }
  return told;
}

Told told_by_macro(bool has_prior, std::optional<Creation> in_outputs, bool in_inputs) {
  Told told;
  told.created = std::move(in_outputs);
  told.prior_spent = in_inputs && has_prior;
  told.created_spent = in_inputs && !has_prior && told.created.has_value();
  return told;
}

void settle(Known const& known, Told const& told, Moment const& moment, Changes& changes) {
  invariant(!known.current || known.current->state != DepositState::committed,
            "a deposit is not committed while its epoch is open");
  if (known.prior) {
    Deposit after = *known.prior;
    move_spend(after, spend_of(told.prior_spent, moment.is_final), changes.events);
    if (after != *known.prior) changes.rows.push_back({known.prior->state, std::move(after)});
  }
  if (told.created)
    contain(known, told, moment, changes);
  else if (known.current && known.current->state == DepositState::prepared)
    revert(*known.current, moment, changes);
}

void tell(Deposit const& deposit, std::vector<Event>& events) {
  Deposit as_of = deposit;
  as_of.spend = SpendState::unspent;
  events.push_back({event_of(deposit.state), as_of});
  if (deposit.spend != SpendState::unspent) events.push_back({event_of(deposit.spend), deposit});
}

}  // namespace hotside::ledger
