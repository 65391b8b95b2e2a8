#pragma once
// Merkle root of stegos-protocol.md 10.1, leaf by leaf: memory grows with the height of the tree.

#include <cstddef>
#include <optional>
#include <vector>

#include "proto/base/bytes.hpp"

namespace hotside::wire {

class MerkleTree {
 public:
  void add(ByteView value);         // hashes the leaf
  void add_leaf(Hash const& leaf);  // already hashed
  std::uint64_t size() const { return size_; }
  Hash root() const;

 private:
  std::vector<std::optional<Hash>> waiting_;  // by level: a left node without its right one
  std::uint64_t size_ = 0;
};

Hash merkle_leaf(ByteView value);  // H("Leaf" || value)

}  // namespace hotside::wire
