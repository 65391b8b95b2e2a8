#pragma once
// What is kept of public payments whether or not anybody watches them, so that an address
// registered late gets the same deposits as one registered early.

#include <optional>

#include "proto/base/bytes.hpp"
#include "proto/base/units.hpp"
#include "proto/model/block.hpp"

namespace hotside::model {

// A public payment seen in a micro block of the current epoch, also when that block is gone.
struct Sight {
  Hash utxo;
  Offset offset;                // of the last block that contains it; when none does, contained it
  std::optional<Hash> tx_hash;  // there
  Time block_time;              // of the first block that contained it
  Time first_seen;              // by our clock

  bool operator==(Sight const&) const = default;
};

// One creation or one spend of a UTXO id in the current list of micro blocks.
struct Occurrence {
  bool creates = false;
  PublicPayment payment;  // only `id` where it is a spend; `output` is not kept
  Offset offset;
  Hash block_hash;
  std::optional<Hash> tx_hash;  // as the other fields below: creations only
  Time block_time, first_seen;  // of the first sight
};

// A public payment of the final chain.
struct PublicOutput {
  PublicPayment payment;  // `output` is not kept
  Epoch epoch;
  std::optional<Offset> offset;  // empty: known only from the macro block
  std::optional<Hash> tx_hash;
  Time block_time, first_seen;
  std::optional<Epoch> spent_epoch;
};

}  // namespace hotside::model
