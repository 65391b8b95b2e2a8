#pragma once
// The operator's hold. While it is set, `deposit.committed` events and whatever follows about those
// deposits are kept back without a number; tables show the truth. When it is lifted they get their
// numbers in order, in bounded portions: until the last one has its number, later events of the
// same deposits queue behind it, so that the order of each deposit's events is kept.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"

namespace hotside::store {

struct Hold {
  Time since;
  std::string by, reason;
};

// An event that has everything but its number.
struct Withheld {
  model::EventType type = model::EventType::deposit_committed;
  Time at;
  bool backfill = false;
  model::DepositId deposit;
  std::string about;  // the JSON of the deposit as of the event
};

class HoldWrites {
 public:
  virtual ~HoldWrites() = default;
  virtual Result<std::optional<Hold>> hold() = 0;
  virtual Result<void> set(Hold const& hold) = 0;  // none is set
  virtual Result<bool> lift() = 0;                 // false: none was set

  // Whether an event of this type about this deposit gets no number now.
  virtual Result<bool> withholds(model::EventType type, model::DepositId const& deposit) = 0;
  virtual Result<void> withhold(Withheld const& event) = 0;
  virtual Result<bool> is_releasing() = 0;  // no hold, and events that still have no number
  // Takes out the oldest, at most `limit`.
  virtual Result<std::vector<Withheld>> release(std::size_t limit) = 0;
};

class HoldReads {
 public:
  virtual ~HoldReads() = default;
  virtual Result<std::optional<Hold>> hold() = 0;
  virtual Result<std::uint64_t> withheld() = 0;  // events without a number
};

}  // namespace hotside::store
