#pragma once
// The endpoints of the configuration file, brought into the store.

#include <span>
#include <string>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/feed.hpp"
#include "store/database.hpp"

namespace hotside::webhook {

struct Configured {
  std::string url;
  std::vector<std::string> secrets;  // one or two, the present one first
  model::EventTypeSet events = model::kAllEventTypes;
  bool allow_private = false;
};

// A new one begins behind the head of the feed. One that is no longer in the file is off, without
// secrets, and goes on where it was when it comes back. What a receiver's 410 or an operator has
// switched off stays off.
Result<void> configure(store::WriteTxn& txn, std::span<Configured const> wanted, Time now);

}  // namespace hotside::webhook
