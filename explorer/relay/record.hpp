#pragma once
// What is written of a relayed transaction by whoever relays it, each in the caller's transaction.
// What the chain makes of it is ingest's.

#include <string>
#include <string_view>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/relayed.hpp"
#include "store/database.hpp"
#include "store/transactions.hpp"

namespace hotside::relay {

tl::unexpected<Error> refuse(std::string what, std::string reason);
void warn(model::RelayedTransaction& tx, std::string const& text);  // beside earlier warnings

struct Verdict {  // of the node, on one attempt
  model::SendOutcome outcome = model::SendOutcome::unanswered;
  std::string error;
  bool was_sent = true;
};

// As store::TransactionRelay::record(). Prepared at once, with its event, where a micro block holds
// it already.
Result<store::RecordedTransaction> record(store::WriteTxn& txn, std::string_view hrp,
                                          store::CheckedTransaction const& checked, Time now);

// The transaction as it is then. It is recorded.
Result<model::RelayedTransaction> put_verdict(store::WriteTxn& txn, std::string_view hrp,
                                              Hash const& hash, Verdict const& verdict, Time now);

}  // namespace hotside::relay
