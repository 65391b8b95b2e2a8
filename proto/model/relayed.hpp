#pragma once
// A transaction that was given to us signed, and what became of it. The same bytes are sent until
// the final chain has decided: the node publishes before it validates, so neither a rejection nor a
// lost answer says that it will not be mined.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/json_writer.hpp"
#include "proto/base/units.hpp"
#include "proto/model/feed.hpp"

namespace hotside::model {

enum class RelayedState : std::uint8_t {
  created,    // recorded, not yet sent
  accepted,   // so the node said
  rejected,   // so the node said; not final
  unknown,    // no answer that says anything
  prepared,   // in a micro block
  committed,  // in a macro block: final
  conflicted  // a macro block spends one of its inputs otherwise: final
};
inline constexpr std::size_t kRelayedStates = 7;
std::string_view to_string(RelayedState state);
std::optional<RelayedState> relayed_state(std::string_view text);
constexpr bool is_final(RelayedState state) {
  return state == RelayedState::committed || state == RelayedState::conflicted;
}

struct RelayedOutput {
  Hash utxo;
  std::optional<PublicKey> recipient;  // empty where private
  std::optional<Amount> amount;
  bool operator==(RelayedOutput const&) const = default;
};

struct RelayedTransaction {
  Hash hash;
  RelayedState state = RelayedState::created;
  // While prepared: what it was before, and is again when its block goes.
  std::optional<RelayedState> before;
  std::optional<std::string> error;    // why it is rejected, unknown or conflicted
  std::optional<std::string> warning;  // what could not be checked, or looks wrong
  std::vector<Hash> inputs;
  std::vector<RelayedOutput> outputs;
  Amount fee;
  std::optional<Epoch> epoch;  // of the block that prepared, committed or contradicted it
  std::optional<Offset> offset;
  std::uint64_t attempts = 0;  // how often it was sent
  std::optional<std::string> bundle;
  Time created_at;

  bool operator==(RelayedTransaction const&) const = default;
};

// What sending it came to.
enum class SendOutcome : std::uint8_t { accepted, rejected, unanswered };

// Each changes `tx` and gives the event that tells of it, if any does.

// An answer that comes when the chain has already shown more says nothing; a lost one takes nothing
// back.
std::optional<EventType> answered(RelayedTransaction& tx, SendOutcome outcome, std::string error);
// In a micro block. In another one than before: no event.
std::optional<EventType> included(RelayedTransaction& tx, Epoch epoch, Offset offset);
// Its micro block is gone, and what followed is without it.
std::optional<EventType> taken_back(RelayedTransaction& tx);
// The epoch is final. `inputs` and `outputs` are the macro block's, sorted.
std::optional<EventType> sealed(RelayedTransaction& tx, Epoch epoch,
                                std::vector<Hash> const& inputs, std::vector<Hash> const& outputs);

// The JSON of product.md section 4.
void write_transaction(JsonWriter& json, RelayedTransaction const& tx, std::string_view hrp);

}  // namespace hotside::model
