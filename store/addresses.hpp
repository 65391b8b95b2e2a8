#pragma once
// Registered addresses, what they and the exchange's references were paid, and the checkpoints that
// a consumer compares his books with.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/deposit.hpp"

namespace hotside::store {

struct Total {
  std::uint64_t count = 0;
  Sum amount = 0;
  bool operator==(Total const&) const = default;
};
struct Totals {
  Total prepared, committed, unspent;  // unspent: committed and unspent
  bool operator==(Totals const&) const = default;
};
struct AddressRow {
  model::Address address;
  Totals totals;
};
struct AddressFilter {
  std::optional<std::string> reference;
};

// The outer optional: whether to change it at all; the inner: what to, empty clears it.
struct AddressChange {
  std::optional<std::optional<std::string>> reference, label;
};

// Over all `deposit.committed` events up to `seq`: h(0) is 32 zero bytes, and
// h(n) = SHA3-256(h(n-1) || utxo || u64le epoch || i64le amount).
struct Checkpoint {
  std::uint64_t count = 0;
  Sum amount = 0;
  Hash hash;
  bool operator==(Checkpoint const&) const = default;
};

class AddressWrites {
 public:
  virtual ~AddressWrites() = default;
  // As it is after the change; empty: no such address.
  virtual Result<std::optional<AddressRow>> change(PublicKey const& key,
                                                   AddressChange const& change) = 0;
  // Final public payments to this key, counted up to `stop`.
  virtual Result<std::size_t> history_of(PublicKey const& key, std::size_t stop) = 0;
};

class AddressReads {
 public:
  virtual ~AddressReads() = default;
  // Over all addresses of the reference; empty: it has none.
  virtual Result<std::optional<Totals>> totals_of(std::string_view reference) = 0;
  virtual Result<Checkpoint> checkpoint(EventSeq seq) = 0;
};

}  // namespace hotside::store
