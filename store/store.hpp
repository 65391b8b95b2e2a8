#pragma once
// The store: one writer, any number of read-only readers, one transaction per chain event. These
// headers speak of transactions, snapshots and rows of ours; which engine keeps them is its own
// business (today SQLite; `url` names it). All calls of one Database, WriteTxn or Snapshot are made
// from one thread at a time.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/model/block.hpp"
#include "proto/model/chain_event.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"
#include "proto/model/ports.hpp"
#include "store/addresses.hpp"
#include "store/audit.hpp"
#include "store/bundles.hpp"
#include "store/certificates.hpp"
#include "store/hold.hpp"
#include "store/transactions.hpp"
#include "store/webhooks.hpp"

namespace hotside::store {

// What a store is of; a store of another identity is refused at opening.
struct Identity {
  std::string network;  // hrp
  Hash genesis;
};

// ---- reading
// -------------------------------------------------------------------------------------

struct FeedHead {
  std::string feed;  // 32 hex digits, made with the store
  EventSeq head;     // last published number
};

struct Counts {
  std::uint64_t addresses = 0, deposits = 0, public_outputs = 0;
  std::uint64_t prepared = 0, reverted = 0, committed = 0;
};

struct Violation {
  std::int64_t id = 0;
  Time at;
  model::ViolationKind kind = model::ViolationKind::macro_block;
  Epoch epoch;
  Hash stored, shown;
  std::string node;
};

// A deposit with what a reader wants beside it.
struct DepositRow {
  model::Deposit deposit;
  std::optional<std::string> reference;
};

struct DepositFilter {
  std::optional<Hash> utxo;
  std::optional<PublicKey> address;
  std::optional<std::string> reference;
  std::optional<model::DepositState> state;
  std::optional<model::SpendState> spend;
  std::optional<Epoch> epoch_from, epoch_to;
  std::optional<Amount> min_amount;
};

// Keyset position in "newest first": by epoch, then offset descending, macro-only last, then by
// UTXO id.
struct DepositKey {
  Epoch epoch;
  std::optional<Offset> offset;
  Hash utxo;
};

// One consistent view. Nobody sees an event that is not published.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Result<FeedHead> feed() = 0;
  virtual Result<std::optional<model::Position>> position() = 0;
  virtual Result<Counts> counts() = 0;
  virtual Result<std::vector<Violation>> violations() = 0;  // open ones

  // `limit` rows after `after`; the caller asks for one more than it shows to know if there is a
  // next.
  virtual Result<std::vector<DepositRow>> deposits(DepositFilter const& filter,
                                                   std::optional<DepositKey> after,
                                                   std::size_t limit) = 0;
  virtual Result<std::optional<DepositRow>> deposit(model::DepositId const& id) = 0;

  virtual Result<std::vector<AddressRow>> addresses(
      AddressFilter const& filter, std::optional<PublicKey> after,
      std::size_t limit) = 0;  // in order of key bytes
  virtual Result<std::optional<AddressRow>> address(PublicKey const& key) = 0;

  // Events with seq > after whose type is in `types`, at most `limit`, reading at most `scan`
  // numbers.
  struct Events {
    std::vector<model::OutboxEvent> events;
    EventSeq next;  // the number to pass as `after`: the last one looked at
  };
  virtual Result<Events> events(EventSeq after, model::EventTypeSet types, std::size_t limit,
                                std::size_t scan) = 0;

  // Blob fields of any public output ever seen (created, spent or only provisional).
  virtual Result<std::vector<model::PublicPayment>> public_outputs(std::span<Hash const> ids) = 0;

  // What each subject has for itself.
  virtual AuditReads& audit() = 0;
  virtual HoldReads& hold() = 0;
  virtual CertificateReads& certificates() = 0;
  virtual BundleReads& bundles() = 0;
  virtual TransactionReads& transactions() = 0;
  virtual WebhookReads& webhooks() = 0;
  virtual AddressReads& books() = 0;
};

class Reader {  // one read-only connection
 public:
  virtual ~Reader() = default;
  virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;
};

// Opens a reader of the store that `Database::open` has made. Never writes, never creates.
Result<std::unique_ptr<Reader>> open_reader(std::string const& url);

// What all connections of this process hold in memory: page caches, for the most part.
std::uint64_t memory_bytes();

}  // namespace hotside::store
