// What the desk is asked for, and how it is written: each in one transaction with its line in the
// audit log, as the API does it.

#include <algorithm>
#include <limits>
#include <utility>

#include "explorer/cold/bundle_maker.hpp"
#include "explorer/relay/record.hpp"
#include "tests/sim/simulation.hpp"

namespace hotside::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kMaxFee = 1'000'000;
constexpr auto kAnyHistory = std::numeric_limits<std::size_t>::max() - 1;

// Of no other output.
std::int64_t any_serno(Dice& dice) { return static_cast<std::int64_t>(dice.below(1ULL << 62U)); }

}  // namespace

Result<void> Simulation::write(store::WriteTxn& txn, Job const& job,
                               model::AuditEntry const& entry) {
  auto const now = clock_.now();
  if (std::holds_alternative<SetHold>(job)) {
    HS_TRY(hold, txn.hold().hold());  // one that is set stays as it is
    if (!hold) HS_DO(txn.hold().set({now, "alice", "an audit"}));
  } else if (std::holds_alternative<LiftHold>(job)) {
    HS_DO(txn.hold().lift());
  } else if (auto const* add = std::get_if<Register>(&job)) {
    HS_TRY(made, writer_->add(txn, add->addresses, kAnyHistory));
    expect(made.taken == add->addresses.size(), "any history is told in one transaction");
  } else if (auto const* retire = std::get_if<Retire>(&job)) {
    HS_TRY(known, writer_->retire(txn, retire->key));
    if (!known) return {};
  } else if (auto const* relay = std::get_if<Relay>(&job)) {
    store::CheckedTransaction checked;
    checked.tx = relay->tx;
    checked.data = Bytes(relay->tx.hash.bytes.begin(), relay->tx.hash.bytes.end());
    HS_TRY(recorded, relay::record(txn, shadow_.hrp(), checked, now));
    expect(recorded.is_new != shadow_.relays().has(plain(relay->tx.hash)),
           "a transaction is new once");
  } else if (auto const* order = std::get_if<Order>(&job)) {
    HS_DO(make(txn, *order));
  } else if (auto const* gone = std::get_if<ReleaseBundle>(&job)) {
    HS_DO(release(txn, gone->id));
  } else if (auto const* hook = std::get_if<PutHook>(&job)) {
    HS_TRY(row, txn.webhooks().find(hook->id));
    if (!row) row = store::Webhook{};
    row->id = hook->id;
    row->url = "https://" + hook->id + ".example/";
    row->events = hook->types;
    row->disabled = hook->disabled;
    row->created_at = now;
    HS_DO(txn.webhooks().put(*row));
  } else if (auto const* note = std::get_if<Note>(&job)) {
    for (auto const& each : note->progress) HS_DO(txn.webhooks().note(each, now));
    return {};
  } else if (auto const* again = std::get_if<Redeliver>(&job)) {
    HS_TRY(is_event, txn.webhooks().add_redelivery(again->webhook, again->seq));
    expect(is_event, "an event that was told is there");
  } else {
    auto const& said = std::get<Answered>(job);
    auto const tx = relay::put_verdict(txn, shadow_.hrp(), said.hash,
                                       {said.outcome, said.error, said.was_sent}, now);
    if (!tx) return fail(tx.error());
    return {};
  }
  return txn.audit().append(entry, now);
}

Result<void> Simulation::make(store::WriteTxn& txn, Order const& order) {
  *order.made = {};
  cold::BundleMaker const maker(follower_options_.network, kMaxFee);
  HS_TRY(made, maker.make(txn, order.order, clock_.now()));
  if (auto const* row = std::get_if<store::BundleRow>(&made)) {
    order.made->bundle = read_bundle(*row, addresses_);
    return {};
  }
  order.made->shortage = std::get<store::Shortage>(made);
  return fail(Fault::rejected, "there is not enough", "insufficient_funds");
}

Result<void> Simulation::release(store::WriteTxn& txn, std::string const& id) {
  HS_TRY(row, txn.bundles().bundle(id, clock_.now()));
  if (!row) return fail(Fault::rejected, "no such bundle", "not_found");
  if (row->state == model::BundleState::relayed)
    return fail(Fault::rejected, "it was relayed", "bundle_relayed");
  return txn.bundles().release(id);
}

// ---- what is asked for

void Simulation::order_some() {
  Order job{{}, std::make_shared<Made>()};
  auto& order = job.order;
  order.id = "bundle-" + std::to_string(orders_.size() + 1);
  for (auto count = 1 + dice_.below(3); count > 0; --count) {
    constexpr std::int64_t kAmounts[] = {1, 1'000'000, 399'998'500, 700'000'000};
    order.outputs.push_back({test::key_of(dice_.below(Contents::kEverybody)),
                             Amount(kAmounts[dice_.one_in(6) ? dice_.below(4) : 1])});
  }
  for (auto count = dice_.one_in(3) ? 1 + dice_.below(2) : 0; count > 0; --count) {
    auto key = dice_.below(Contents::kKeys);
    while (!shadow_.book().has(plain(test::key_of(key))) && !dice_.one_in(8))
      key = dice_.below(Contents::kKeys);
    if (dice_.one_in(2))
      order.from.push_back({test::key_of(key), "key " + std::to_string(key)});
    else
      order.from.push_back({std::nullopt, "user-" + std::to_string(key)});
  }
  if (dice_.one_in(4)) order.change = test::key_of(dice_.below(Contents::kEverybody));
  if (dice_.one_in(4)) order.fee = Amount(5'000);
  order.split = dice_.one_in(3);
  // What was ordered before, when it is free again, is the same request in another bundle.
  if (!orders_.empty() && dice_.one_in(4)) {
    auto id = std::move(order.id);
    order = orders_[dice_.below(orders_.size())];
    order.id = std::move(id);
  }
  constexpr std::chrono::seconds kTimes[] = {1s, 5s, 30s, 600s, 24h};
  order.expires_in = kTimes[dice_.below(5)];
  orders_.push_back(order);
  submit(std::move(job));
}

void Simulation::release_one() {
  auto const& bundles = shadow_.bundles().all();
  bool const is_none = bundles.empty() || dice_.one_in(8);
  submit(ReleaseBundle{is_none ? "none" : bundles[dice_.below(bundles.size())].id});
}

// The transaction of one request, at any time, also when it is late. Several of one are others,
// whose outputs have other numbers.
void Simulation::sign_one() {
  auto const& bundles = shadow_.bundles().all();
  if (bundles.empty()) return;
  auto const& bundle = bundles[dice_.below(bundles.size())];
  auto const& request = bundle.requests[dice_.below(bundle.requests.size())];
  model::RelayedTransaction tx;
  Contents::Tx mined;
  for (auto const& id : request.inputs) tx.inputs.push_back(*Hash::from_bytes(as_bytes(id)));
  if (dice_.one_in(2)) std::reverse(tx.inputs.begin(), tx.inputs.end());
  for (auto const& [to, amount] : request.outputs) {
    std::uint64_t key = 0;
    while (plain(test::key_of(key)) != to) ++key;
    mined.pays.push_back(Contents::payment(key, any_serno(dice_), amount));
  }
  relay(std::move(tx), std::move(mined));
}

void Simulation::relay(model::RelayedTransaction tx, Contents::Tx mined) {
  for (auto const& paid : mined.pays) tx.outputs.push_back({paid.id, paid.recipient, paid.amount});
  for (auto const& id : mined.privates) tx.outputs.push_back({id, std::nullopt, std::nullopt});
  tx.hash = dice_.hash();
  tx.fee = Amount(1000 * static_cast<std::int64_t>(tx.outputs.size()));
  tx.created_at = clock_.now();
  mined.hash = tx.hash;
  mined.spends = tx.inputs;
  contents_.offer(std::move(mined));
  signed_.push_back(tx);
  submit(Relay{std::move(tx)});
}

// A transaction of outputs that the chain may have, to whomever. Sometimes one that is known.
void Simulation::relay_one() {
  if (!signed_.empty() && dice_.one_in(6))
    return submit(Relay{signed_[dice_.below(signed_.size())]});
  model::RelayedTransaction tx;
  Contents::Tx mined;
  auto const unspent = contents_.unspent();
  for (auto count = 1 + dice_.below(3); count > 0 && !unspent.empty(); --count) {
    auto const at =
        std::next(unspent.begin(), static_cast<std::ptrdiff_t>(dice_.below(unspent.size())));
    auto const is_in = std::find(tx.inputs.begin(), tx.inputs.end(), at->first);
    if (is_in == tx.inputs.end()) tx.inputs.push_back(at->first);
  }
  // What a bundle has reserved is refused, and what is spent long since.
  auto const& bundles = shadow_.bundles().all();
  if (!bundles.empty() && dice_.one_in(5)) {
    auto const& request = bundles[dice_.below(bundles.size())].requests.front();
    tx.inputs = {*Hash::from_bytes(as_bytes(request.inputs.front()))};
  }
  auto const& rows = shadow_.book().rows();
  if (tx.inputs.empty() || (!rows.empty() && dice_.one_in(8))) {
    if (rows.empty()) return;
    auto const at = std::next(rows.begin(), static_cast<std::ptrdiff_t>(dice_.below(rows.size())));
    tx.inputs = {*Hash::from_bytes(as_bytes(at->second.utxo))};
  }
  for (auto count = 1 + dice_.below(2); count > 0; --count)
    mined.pays.push_back(
        Contents::payment(dice_.below(Contents::kKeys), any_serno(dice_), 1'000'000));
  if (dice_.one_in(3)) mined.privates.push_back(dice_.hash());
  relay(std::move(tx), std::move(mined));
}

void Simulation::answer_one() {
  auto const& known = shadow_.relays().rows();
  if (known.empty()) return;
  auto const at = std::next(known.begin(), static_cast<std::ptrdiff_t>(dice_.below(known.size())));
  Answered said;
  said.hash = *Hash::from_bytes(as_bytes(at->first));
  said.outcome = static_cast<model::SendOutcome>(dice_.below(3));
  if (said.outcome != model::SendOutcome::accepted)
    said.error = "error " + std::to_string(dice_.below(2));
  // A node that could not be asked was told nothing.
  said.was_sent = said.outcome != model::SendOutcome::unanswered || dice_.one_in(2);
  submit(said);
}

}  // namespace hotside::sim
