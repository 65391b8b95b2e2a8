#pragma once
// The write side of the store. One process holds a Database, and one thread of it writes. All
// methods work on sets, so that an engine behind a network needs one round trip for each.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/block.hpp"
#include "proto/model/chain_event.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"
#include "proto/model/history.hpp"
#include "proto/model/ports.hpp"
#include "store/addresses.hpp"
#include "store/audit.hpp"
#include "store/bundles.hpp"
#include "store/certificates.hpp"
#include "store/hold.hpp"
#include "store/store.hpp"
#include "store/transactions.hpp"
#include "store/webhooks.hpp"

namespace hotside::store {

// Where the chain stands inside a transaction.
struct Tip {
  bool has_final = false;  // otherwise final_epoch and final_hash are what comes before the first
  Epoch current;           // the epoch being built: one after the last final one
  Hash final_hash;         // what the next macro block links to
  std::uint32_t micros = 0;
  Hash last_hash;  // what the next micro block links to, held or not
};

// What micro blocks that left the list created and spent, in chain order.
struct MicroContent {
  std::vector<model::PublicPayment> payments;
  std::vector<Hash> inputs;
};

struct UnspentOutput {
  std::int64_t row = 0;  // only for mark_spent in the same transaction
  Hash utxo;
  PublicKey recipient;
};

// A public payment of the final chain with the block that made it final.
struct FinalOutput {
  model::PublicOutput output;
  Hash macro_hash;
  Time sealed_at;
};

struct NewEvent {
  model::EventType type = model::EventType::deposit_prepared;
  Time at;
  std::optional<model::DepositId> deposit;
  std::string json;
};

using References = std::unordered_map<PublicKey, std::string>;

class WriteTxn {
 public:
  virtual ~WriteTxn() = default;  // rolls back unless committed

  // The last number published by it. After a failure the transaction is rolled back.
  virtual Result<EventSeq> commit() = 0;

  // -- chain
  virtual Result<void> start(model::Started const& started) = 0;
  virtual Result<std::optional<Tip>> tip() = 0;  // empty: not started
  virtual Result<MicroContent> cut_micros(Offset from) = 0;
  virtual Result<void> append_micro(model::MicroBlock const& block, Time now) = 0;
  virtual Result<void> hold_micros(Offset from) = 0;
  virtual Result<void> release_micros(Offset until) = 0;
  // The epoch is final: its macro block is appended, its list of micro blocks and their sights go.
  virtual Result<void> append_macro(model::MacroBlock const& block, Time sealed_at) = 0;
  virtual Result<std::optional<model::Position>> position() = 0;

  // Grouped by id in the order asked for, each group in chain order.
  virtual Result<std::vector<model::Occurrence>> occurrences(std::span<Hash const> ids) = 0;
  virtual Result<std::vector<model::Sight>> sights() = 0;  // all of the current epoch

  // -- public outputs of the final chain
  virtual Result<std::vector<UnspentOutput>> unspent(std::span<Hash const> ids) = 0;
  virtual Result<void> mark_spent(std::span<UnspentOutput const> outputs, Epoch epoch) = 0;
  virtual Result<void> append_outputs(std::span<model::PublicOutput const> outputs) = 0;
  virtual Result<std::vector<FinalOutput>> final_outputs_to(std::span<PublicKey const> keys) = 0;
  // Ids of what the current list of micro blocks pays to these keys.
  virtual Result<std::vector<Hash>> provisional_outputs_to(std::span<PublicKey const> keys) = 0;

  // -- deposits
  virtual Result<std::vector<model::Deposit>> deposits_of(std::span<Hash const> utxos) = 0;
  // What the end of `epoch` may change: its own, and those whose spend is prepared.
  virtual Result<std::vector<model::Deposit>> open_deposits(Epoch epoch) = 0;
  virtual Result<void> put_deposits(std::span<model::DepositChange const> changes) = 0;

  // -- addresses
  // Those that are new. One that is known stays as it is, but takes a reference or label given.
  virtual Result<std::vector<PublicKey>> add_addresses(std::span<model::NewAddress const> addresses,
                                                       Time now) = 0;
  virtual Result<bool> retire_address(PublicKey const& key) = 0;
  virtual Result<References> references(std::span<PublicKey const> keys) = 0;

  // -- feed
  virtual std::string const& feed() const = 0;
  virtual EventSeq head() const = 0;  // with what this transaction has appended
  // Its `json` was rendered with seq = head().next().
  virtual Result<void> append_event(NewEvent const& event) = 0;

  // -- violations
  // Its id; empty: the same contradiction is already open.
  virtual Result<std::optional<std::int64_t>> add_violation(model::Violated const& violation,
                                                            Time at) = 0;
  virtual Result<std::uint64_t> clear_violations(std::string_view who, std::string_view reason,
                                                 Time at) = 0;
  virtual Result<bool> has_violation() = 0;
  virtual Result<Counts> counts() = 0;

  // -- what each subject has for itself
  virtual AuditWrites& audit() = 0;
  virtual HoldWrites& hold() = 0;
  virtual CertificateWrites& certificates() = 0;
  virtual BundleWrites& bundles() = 0;
  virtual TransactionWrites& transactions() = 0;
  virtual WebhookWrites& webhooks() = 0;
  virtual AddressWrites& addresses() = 0;
};

// One transaction for somebody else than the chain, run on the writer's thread between blocks.
// `work` may fail, then nothing of it is kept; `done` is called once, on any thread, after the
// commit or with what went wrong. What `work` reads is what it changes: nobody else writes.
struct WriteDesk {
  virtual ~WriteDesk() = default;
  virtual void write(std::function<Result<void>(WriteTxn&)> work,
                     std::function<void(Result<void>)> done) = 0;
};

// What registering some addresses gave; those behind the first `taken` are not yet done.
struct Registering {
  std::size_t taken = 0;
  model::Registered count;
};

// Registers and retires inside a transaction of the WriteDesk, and nowhere else: past deposits and
// their events (backfill) are written in it, and they are watched from its commit on.
struct AddressBook {
  virtual ~AddressBook() = default;
  // Stops early, but never before the first address, when the history of those taken exceeds
  // `history` payments: what bounds the time of the transaction is what it has to tell.
  virtual Result<Registering> add(WriteTxn& txn, std::span<model::NewAddress const> addresses,
                                  std::size_t history) = 0;
  virtual Result<bool> retire(WriteTxn& txn, PublicKey const& key) = 0;  // false: no such address
};

// The chain as it must be known to go on with it.
struct ChainState {
  std::optional<model::Started> started;
  std::vector<Hash> macro_hashes;  // of epochs started->first, first+1, …
  struct Micro {
    Hash hash, previous;
    Time time;
    bool held = false;
  };
  std::vector<Micro> micros;
  bool violated = false;
};

struct OpenOptions {
  std::chrono::milliseconds busy_timeout{5'000};
  std::int64_t checkpoint_pages = 20'000;
  std::int64_t cache_bytes = 64 << 20;
};

class Database {
 public:
  virtual ~Database() = default;

  // Opens or creates, migrates, and holds the store against a second writer. A store of another
  // network or genesis, of a newer schema, or one that is no store of ours is refused (rejected).
  static Result<std::unique_ptr<Database>> open(std::string const& url, Identity const& identity,
                                                Clock const& clock, OpenOptions options = {});

  // Whether the store is of this identity, as far as that can be seen without writing or locking;
  // one that is not there yet is.
  static Result<void> check(std::string const& url, Identity const& identity);

  // At most one at a time.
  virtual Result<std::unique_ptr<WriteTxn>> begin() = 0;

  virtual Result<ChainState> chain() = 0;
  virtual Result<void> for_each_address(
      std::function<void(PublicKey const& key, bool retired)> const& take) = 0;
  virtual std::uint64_t wal_bytes() const = 0;
  virtual Identity const& identity() const = 0;
};

}  // namespace hotside::store
