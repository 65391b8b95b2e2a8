#include "proto/model/relayed.hpp"

#include <algorithm>

#include "proto/model/address.hpp"

namespace hotside::model {
namespace {

constexpr std::array<std::string_view, kRelayedStates> kNames{
    "created", "accepted", "rejected", "unknown", "prepared", "committed", "conflicted"};

bool has(std::vector<Hash> const& sorted, Hash const& id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

}  // namespace

std::string_view to_string(RelayedState state) {
  return kNames.at(static_cast<std::size_t>(state));
}

std::optional<RelayedState> relayed_state(std::string_view text) {
  auto const* const found = std::ranges::find(kNames, text);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<RelayedState>(found - kNames.begin());
}

std::optional<EventType> answered(RelayedTransaction& tx, SendOutcome outcome, std::string error) {
  if (tx.state == RelayedState::prepared || is_final(tx.state)) return std::nullopt;
  auto const was = tx.state;
  switch (outcome) {
    case SendOutcome::accepted:
      tx.state = RelayedState::accepted;
      tx.error.reset();
      return was == tx.state ? std::nullopt : std::optional(EventType::transaction_accepted);
    case SendOutcome::rejected:
      tx.state = RelayedState::rejected;
      tx.error = std::move(error);
      return was == tx.state ? std::nullopt : std::optional(EventType::transaction_rejected);
    case SendOutcome::unanswered:
      if (was != RelayedState::created && was != RelayedState::unknown) return std::nullopt;
      tx.state = RelayedState::unknown;
      tx.error = std::move(error);
      return was == tx.state ? std::nullopt : std::optional(EventType::transaction_unknown);
  }
  return std::nullopt;
}

std::optional<EventType> included(RelayedTransaction& tx, Epoch epoch, Offset offset) {
  if (is_final(tx.state)) return std::nullopt;
  tx.epoch = epoch;
  tx.offset = offset;
  if (tx.state == RelayedState::prepared) return std::nullopt;
  tx.before = tx.state;
  tx.state = RelayedState::prepared;
  return EventType::transaction_prepared;
}

std::optional<EventType> taken_back(RelayedTransaction& tx) {
  if (tx.state != RelayedState::prepared) return std::nullopt;
  tx.state = tx.before.value_or(RelayedState::unknown);
  tx.before.reset();
  tx.epoch.reset();
  tx.offset.reset();
  return EventType::transaction_reverted;
}

std::optional<EventType> sealed(RelayedTransaction& tx, Epoch epoch,
                                std::vector<Hash> const& inputs, std::vector<Hash> const& outputs) {
  if (is_final(tx.state)) return std::nullopt;
  bool const spends_all =
      std::ranges::all_of(tx.inputs, [&](Hash const& id) { return has(inputs, id); });
  bool const makes_all =
      std::ranges::all_of(tx.outputs, [&](RelayedOutput const& o) { return has(outputs, o.utxo); });
  auto const settle = [&](RelayedState state, EventType type) {
    tx.state = state;
    tx.before.reset();
    tx.epoch = epoch;
    return std::optional(type);
  };
  if (spends_all && makes_all) {
    tx.error.reset();
    return settle(RelayedState::committed, EventType::transaction_committed);
  }
  auto const spent =
      std::ranges::find_if(tx.inputs, [&](Hash const& id) { return has(inputs, id); });
  if (spent == tx.inputs.end()) return taken_back(tx);
  tx.error = "input " + spent->hex() + " was spent by another transaction";
  tx.offset.reset();
  return settle(RelayedState::conflicted, EventType::transaction_conflicted);
}

void write_transaction(JsonWriter& json, RelayedTransaction const& tx, std::string_view hrp) {
  json.begin_object();
  json.key("hash").string(tx.hash.hex());
  json.key("state").string(to_string(tx.state));
  if (tx.error) json.key("error").string(*tx.error);
  if (tx.warning) json.key("warning").string(*tx.warning);
  json.key("inputs").begin_array();
  for (auto const& input : tx.inputs) json.string(input.hex());
  json.end_array().key("outputs").begin_array();
  for (auto const& output : tx.outputs) {
    json.begin_object().key("utxo").string(output.utxo.hex());
    json.key("recipient");
    output.recipient ? json.string(to_address(hrp, *output.recipient)) : json.null();
    json.key("amount");
    output.amount ? json.integer(output.amount->value) : json.null();
    json.end_object();
  }
  json.end_array();
  json.key("fee").integer(tx.fee.value);
  if (tx.epoch) json.key("epoch").unsigned_integer(tx.epoch->value);
  if (tx.offset) json.key("offset").unsigned_integer(tx.offset->value);
  json.key("attempts").unsigned_integer(tx.attempts);
  if (tx.bundle) json.key("bundle").string(*tx.bundle);
  json.end_object();
}

}  // namespace hotside::model
