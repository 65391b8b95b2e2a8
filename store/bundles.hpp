#pragma once
// Bundles and the reservation of inputs.
//
// An input is reserved by a row that is unique among the active ones. It stops counting when the
// bundle expires, at that instant; when the bundle is released; or when the final chain spends any
// input of the same request. Inputs of relayed transactions, of a bundle or not, count as reserved
// until the final chain spends one of them.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/bundle.hpp"

namespace hotside::store {

class WriteTxn;

// What somebody wants to have signed.
struct BundleOrder {
  struct From {  // an address, else all addresses of a reference
    std::optional<PublicKey> address;
    std::string text;  // as given
  };
  std::string id;
  std::vector<model::Payee> outputs;
  std::vector<From> from;           // empty: all registered addresses
  std::optional<PublicKey> change;  // empty: back to the source
  std::optional<Amount> fee;        // of each request; empty: the minimum
  bool split = false;
  std::chrono::seconds expires_in{0};
};

struct NewBundle {
  std::string id;
  Time created_at, expires_at;
  Hash manifest;
  std::vector<model::BundleRequest> requests;
  std::string document;  // JSON members that every answer has after `id` and `state`
};

struct BundleRow {
  std::int64_t row = 0;  // ascends in order of creation
  std::string id;
  model::BundleState state = model::BundleState::open;
  Time created_at, expires_at;
  Hash manifest;
  std::string document;
};

struct Available {
  std::uint64_t count = 0;
  Sum amount = 0;
};

// Not enough to spend, or not in a way that makes the payouts.
struct Shortage {
  Sum wanted = 0;  // payouts and the least fees
  Available available;
};

// Chooses coins and reserves them, in the caller's transaction; the coin selection and the blobs
// are not the store's business, the port is here because it needs the transaction.
struct BundleMaker {
  virtual ~BundleMaker() = default;
  // rejected, with a reason: fee_too_low, fee_too_high, unknown_source.
  virtual Result<std::variant<BundleRow, Shortage>> make(WriteTxn& txn, BundleOrder const& order,
                                                         Time now) const = 0;
};

// What a transaction is to the bundles.
struct ReservedInput {
  Hash utxo;
  std::string bundle;
};
struct BundleMatch {
  // The request whose inputs and outputs are exactly those of the transaction (order does not
  // matter); also one that has expired or was released, as long as nobody else reserves its inputs.
  std::optional<model::RequestId> own;
  std::vector<ReservedInput>
      others;  // inputs reserved by another bundle: the transaction is refused
};

class BundleWrites {
 public:
  virtual ~BundleWrites() = default;

  // -- what can be spent: committed, unspent, unreserved, not withheld; largest first
  // Of one source, or of all registered addresses.
  virtual Result<std::vector<model::Coin>> coins(std::optional<PublicKey> source, std::size_t limit,
                                                 Time now) = 0;
  virtual Result<std::vector<model::Coin>> coins_of_amount(std::optional<PublicKey> source,
                                                           Amount amount, std::size_t limit,
                                                           Time now) = 0;
  virtual Result<Available> available(std::optional<PublicKey> source, Time now) = 0;
  virtual Result<bool> is_registered(PublicKey const& key) = 0;
  virtual Result<std::vector<PublicKey>> addresses_of(std::string const& reference) = 0;

  // -- bundles
  // Reserves its inputs. rejected (reason "reserved"): one is reserved already.
  virtual Result<void> add(NewBundle const& bundle) = 0;
  virtual Result<std::optional<BundleRow>> bundle(std::string const& id, Time now) = 0;
  // Gives up what is open of it; the caller has looked that nothing is relayed.
  virtual Result<void> release(std::string const& id) = 0;

  // -- relayed transactions
  // `outputs` are the public payments; with other outputs beside them a transaction is nobody's.
  virtual Result<BundleMatch> match(std::span<Hash const> inputs,
                                    std::span<model::Payee const> outputs, bool others_beside,
                                    Time now) = 0;
  // Before a transaction leaves for the first time: its inputs stay reserved, whatever the bundle's
  // time, until the final chain spends one of them. `own` as match() gave it in this transaction.
  // rejected (reason "spent"): the final chain has spent an input of that request.
  virtual Result<void> mark_relayed(std::optional<model::RequestId> const& own, Hash const& tx,
                                    std::span<Hash const> inputs) = 0;
  // An epoch is final: these ids, ascending, were spent in it. Ends every reservation that can have
  // no use any more; what has expired by `now` has none. Called by ingest, in the transaction that
  // seals the epoch.
  virtual Result<void> settle(std::span<Hash const> spent, Time now) = 0;
};

struct UtxoFilter {
  std::optional<PublicKey> address;
  std::optional<std::string> reference;
  std::optional<Amount> min_amount;
};
// Keyset position in "largest first".
struct UtxoKey {
  Amount amount;
  std::int64_t row = 0;
};
struct UtxoRow {
  std::int64_t row = 0;
  model::Coin coin;
  std::optional<std::string> reference;
};

class BundleReads {
 public:
  virtual ~BundleReads() = default;
  // Newest first, of rows below `before`.
  virtual Result<std::vector<BundleRow>> bundles(std::optional<std::int64_t> before,
                                                 std::size_t limit, Time now) = 0;
  virtual Result<std::optional<BundleRow>> bundle(std::string const& id, Time now) = 0;
  // Largest first.
  virtual Result<std::vector<UtxoRow>> utxos(UtxoFilter const& filter, std::optional<UtxoKey> after,
                                             std::size_t limit, Time now) = 0;
};

}  // namespace hotside::store
