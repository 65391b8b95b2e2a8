#pragma once
// The rules a block must keep, applied while its parts pass: each output is hashed and forgotten,
// so that the largest block costs no more memory than its list of ids.

#include <optional>
#include <span>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/model/block.hpp"
#include "proto/wire/merkle.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::wire {

// What a header says about a list of the block: its length and its root.
struct Commitment {
  std::uint32_t length = 0;
  Hash root;
};

class OutputCheck {
 public:
  // `claimed`: the id that stands beside the output, absent where the form has none.
  Result<void> add(RawOutput const& output, std::optional<Hash> const& claimed);
  Result<void> finish(Commitment const& outputs, Hash const& canaries_root) const;

  std::vector<Hash> ids;
  std::vector<model::PublicPayment> payments;

 private:
  MerkleTree outputs_, canaries_;
};

class MicroCheck {
 public:
  struct Claims {                      // what JSON says beside a transaction's fields
    std::optional<Hash> tx_hash;       // dev and v1.3
    std::span<Hash const> output_ids;  // empty, or one for each output
  };
  Result<void> add(RawTransaction const& tx, Claims const& claims);
  Result<model::MicroBlock> finish(RawMicroHeader const& header, Hash const& claimed_hash,
                                   bool hash_is_checkable);

 private:
  model::MicroBlock block_;
  OutputCheck outputs_;
  MerkleTree inputs_, transactions_;
  bool transactions_are_checkable_ = true;
};

class MacroCheck {
 public:
  Result<void> add_input(Hash const& id);
  Result<void> add_output(RawOutput const& output, std::optional<Hash> const& claimed);
  // `head` is the block without inputs and outputs; its activity map is padded here.
  Result<model::MacroBlock> finish(RawMacroBlock head, Hash const& claimed_hash,
                                   bool hash_is_checkable, std::uint32_t activity_length);

 private:
  std::vector<Hash> input_ids_;
  OutputCheck outputs_;
  MerkleTree inputs_;
};

}  // namespace hotside::wire
