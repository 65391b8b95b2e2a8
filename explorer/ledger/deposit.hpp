#pragma once
// Deposit and spend states. They are derived, never moved by hand: from what the chain says now of
// one UTXO id in the epoch being built (or just sealed), beside what is stored of it. So a fork, a
// replacement, a take-back and a catch-up are the same computation, and cannot disagree.

#include <optional>
#include <span>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/units.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"
#include "proto/model/history.hpp"

namespace hotside::ledger {

// What is stored of one UTXO id.
struct Known {
  std::optional<model::Deposit> prior;    // committed in an earlier epoch, and not finally spent
  std::optional<model::Deposit> current;  // of the epoch, in any state
  bool had_earlier = false;               // a deposit of an earlier epoch, in any state
};
Known known(std::span<model::Deposit const> rows_of_id, Epoch epoch);

// The creation of a deposit, as of its latest one within the epoch.
struct Creation {
  model::PublicPayment payment;
  std::optional<Offset> offset;  // empty: known only from the macro block
  Hash block_hash;               // the block that gives the present state
  std::optional<Hash> tx_hash;
  Time block_time, first_seen;
  bool retired = false;  // the address, now
};

// What the chain says of the id within the epoch.
struct Told {
  std::optional<Creation> created;
  bool created_spent = false;
  bool prior_spent = false;
};
// From the list of micro blocks, held ones included, in chain order. `has_prior`: an output of an
// earlier epoch with this id is unspent as of the last final epoch.
Told told_by_micros(bool has_prior, std::span<model::Occurrence const> occurrences, bool retired);
// From the two lists of a macro block (product.md section 1: an id that stands in both).
Told told_by_macro(bool has_prior, std::optional<Creation> in_outputs, bool in_inputs);

struct Event {
  model::EventType type = model::EventType::deposit_prepared;
  model::Deposit deposit;  // as of this event
};
struct Changes {
  std::vector<model::DepositChange> rows;
  std::vector<Event> events;  // deposit.* of a deposit before its spend.*
};

struct Moment {
  Epoch epoch;
  bool is_final = false;  // the epoch's macro block speaks
  Time now;
  std::optional<Hash> cause;  // the block that came; empty when blocks only went
};

// Appends what changes for one id.
void settle(Known const& known, Told const& told, Moment const& moment, Changes& changes);

// The events that tell an address registered late of a deposit in the state it has now.
void tell(model::Deposit const& deposit, std::vector<Event>& events);

}  // namespace hotside::ledger
