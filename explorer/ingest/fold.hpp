#pragma once
// One chain event into one open transaction: rows of the chain, deposits, and the events that tell
// of them. Holds nothing but what it was given, so a transaction that fails can simply be tried
// again.

#include <span>
#include <string>
#include <vector>

#include "explorer/ledger/watch.hpp"
#include "proto/base/result.hpp"
#include "proto/model/chain_event.hpp"
#include "store/database.hpp"

namespace hotside::ingest {

class Fold {
 public:
  Fold(ledger::WatchList const& watch, std::string hrp) : watch_(watch), hrp_(std::move(hrp)) {}

  // corrupt: the event does not continue the stored chain.
  Result<void> apply(store::WriteTxn& txn, model::ChainEvent const& event, Time now) const;

 private:
  struct Touched;

  Result<void> on(store::WriteTxn& txn, model::Started const& event, Time now) const;
  Result<void> on(store::WriteTxn& txn, model::Connected const& event, Time now) const;
  Result<void> on(store::WriteTxn& txn, model::Held const& event, Time now) const;
  Result<void> on(store::WriteTxn& txn, model::Returned const& event, Time now) const;
  Result<void> on(store::WriteTxn& txn, model::Undone const& event, Time now) const;
  Result<void> on(store::WriteTxn& txn, model::Sealed const& event, Time now) const;
  Result<void> on(store::WriteTxn& txn, model::Violated const& event, Time now) const;
  Result<void> on(store::WriteTxn& txn, model::NodeChanged const& event, Time now) const;
  Result<void> on(store::WriteTxn& txn, model::Stalled const& event, Time now) const;

  Result<void> follow_cut(store::WriteTxn& txn, Offset from, model::MicroBlock const* block,
                          Time now) const;
  Result<void> follow_seal(store::WriteTxn& txn, model::MacroBlock const& block, Time now) const;
  void touch(Touched& touched, store::MicroContent const& content) const;
  Result<void> resettle(store::WriteTxn& txn, Touched const& touched, Epoch epoch,
                        std::optional<Hash> cause, Time now) const;
  Result<void> seal_deposits(store::WriteTxn& txn, model::MacroBlock const& block,
                             std::vector<model::PublicOutput> const& outputs,
                             std::vector<store::UnspentOutput> const& spent, Time now) const;

  Result<void> certify(store::WriteTxn& txn, model::MacroBlock const& block) const;

  ledger::WatchList const& watch_;
  std::string hrp_;
};

// Registers addresses and tells of their past deposits, with what the chain holds now.
struct Registration {
  model::Registered count;
  std::vector<PublicKey> created;  // to be watched once the transaction is committed
};
Result<Registration> register_addresses(store::WriteTxn& txn, std::string const& hrp,
                                        std::span<model::NewAddress const> addresses, Time now);

}  // namespace hotside::ingest
