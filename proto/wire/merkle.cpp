#include "proto/wire/merkle.hpp"

#include "proto/base/sha3.hpp"

namespace hotside::wire {
namespace {

Hash inner(Hash const& left, Hash const& right) {
  Sha3 sha;
  sha.text("Inner");
  sha.bytes(left.view());
  sha.bytes(right.view());
  return sha.finish();
}

}  // namespace

Hash merkle_leaf(ByteView value) {
  Sha3 sha;
  sha.text("Leaf");
  sha.bytes(value);
  return sha.finish();
}

void MerkleTree::add(ByteView value) { add_leaf(merkle_leaf(value)); }

void MerkleTree::add_leaf(Hash const& leaf) {
  ++size_;
  Hash node = leaf;
  for (std::size_t level = 0;; ++level) {
    if (level == waiting_.size()) waiting_.emplace_back();
    auto& left = waiting_[level];
    if (!left) {
      left = node;
      return;
    }
    node = inner(*left, node);
    left.reset();
  }
}

Hash MerkleTree::root() const {
  // From the lowest level up: what is left over there is the last node of its level, and a last
  // node without a partner is combined with itself, unless it is the only one.
  std::optional<Hash> last;
  for (std::size_t level = 0; level < waiting_.size(); ++level) {
    bool const top = level + 1 == waiting_.size();
    auto const& left = waiting_[level];
    if (left && last)
      last = inner(*left, *last);
    else if (left)
      last = top ? *left : inner(*left, *left);
    else if (last)
      last = inner(*last, *last);
  }
  return last.value_or(Hash{});
}

}  // namespace hotside::wire
