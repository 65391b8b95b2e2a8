#include "explorer/ingest/feed_events.hpp"

#include <unordered_set>

#include "proto/base/json_writer.hpp"
#include "proto/model/render.hpp"

namespace hotside::ingest {

using model::EventType;

namespace {

// `about` writes the key and the value of what the event is about.
template <class About>
Result<void> append(store::WriteTxn& txn, EventType type, Time at, bool backfill,
                    std::optional<model::DepositId> deposit, About&& about) {
  JsonWriter json;
  model::begin_event(json, txn.head().next(), txn.feed(), type, at, backfill);
  about(json);
  json.end_object();
  return txn.append_event({type, at, deposit, json.take()});
}

Result<void> append_deposit(store::WriteTxn& txn, EventType type, Time at, bool backfill,
                            model::DepositId const& id, std::string_view about) {
  return append(txn, type, at, backfill, id,
                [about](JsonWriter& json) { json.key("deposit").raw(about); });
}

std::vector<PublicKey> recipients_of(std::span<ledger::Event const> events) {
  std::unordered_set<PublicKey> seen;
  for (auto const& event : events) seen.insert(event.deposit.recipient);
  return {seen.begin(), seen.end()};
}

}  // namespace

Result<void> publish(store::WriteTxn& txn, std::string_view hrp,
                     std::span<ledger::Event const> events, Time at, bool backfill) {
  if (events.empty()) return {};
  HS_TRY(references, txn.references(recipients_of(events)));
  for (auto const& event : events) {
    auto const reference = references.find(event.deposit.recipient);
    std::optional<std::string> const text =
        reference == references.end() ? std::nullopt : std::optional(reference->second);
    JsonWriter about;
    model::write_deposit(about, event.deposit, text, hrp);
    auto const& id = event.deposit.id;
    HS_TRY(is_withheld, txn.hold().withholds(event.type, id));
    if (is_withheld)
      HS_DO(txn.hold().withhold({event.type, at, backfill, id, about.take()}));
    else
      HS_DO(append_deposit(txn, event.type, at, backfill, id, about.text()));
  }
  return {};
}

Result<void> publish(store::WriteTxn& txn, std::int64_t id, model::Violated const& violation,
                     Time at) {
  return append(txn, EventType::chain_finality_violation, at, false, std::nullopt,
                [&](JsonWriter& json) {
                  json.key("violation");
                  model::write_violation(json, id, at, violation);
                });
}

Result<void> publish(store::WriteTxn& txn, model::NodeChanged const& change, Time at) {
  auto const type = change.up ? EventType::node_up : EventType::node_down;
  return append(txn, type, at, false, std::nullopt, [&](JsonWriter& json) {
    json.key("node").begin_object();
    json.key("name").string(change.node);
    json.key("state").string(change.state);
    json.end_object();
  });
}

Result<void> publish(store::WriteTxn& txn, model::Stalled const& stalled, Time at) {
  HS_TRY(position, txn.position());
  return append(txn, EventType::chain_stalled, at, false, std::nullopt, [&](JsonWriter& json) {
    json.key("chain").begin_object();
    json.key("epoch");
    if (position)
      json.unsigned_integer(position->epoch.value);
    else
      json.null();
    json.key("offset");
    if (position && position->offset)
      json.unsigned_integer(position->offset->value);
    else
      json.null();
    json.key("since").string(to_rfc3339(stalled.since));
    json.end_object();
  });
}

Result<bool> release_withheld(store::WriteTxn& txn, std::size_t limit) {
  HS_TRY(has_some, txn.hold().is_releasing());
  if (!has_some) return false;
  HS_TRY(released, txn.hold().release(limit));
  for (auto const& event : released)
    HS_DO(append_deposit(txn, event.type, event.at, event.backfill, event.deposit, event.about));
  return txn.hold().is_releasing();
}

}  // namespace hotside::ingest
