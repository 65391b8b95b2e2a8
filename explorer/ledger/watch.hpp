#pragma once
// Whose outputs are deposits: every registered key, retired ones included. Kept in memory, rebuilt
// from the store at start; the hash is seeded since anybody may be paid.

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>

#include "proto/base/bytes.hpp"

namespace hotside::ledger {

class WatchList {
 public:
  void reserve(std::size_t keys) { keys_.reserve(keys); }
  void add(PublicKey const& key, bool retired = false) { keys_.try_emplace(key, retired); }
  void retire(PublicKey const& key) {
    if (auto const at = keys_.find(key); at != keys_.end()) at->second = true;
  }
  bool contains(PublicKey const& key) const { return keys_.contains(key); }
  bool is_retired(PublicKey const& key) const {
    auto const at = keys_.find(key);
    return at != keys_.end() && at->second;
  }
  std::size_t size() const { return keys_.size(); }

 private:
  boost::unordered_flat_map<PublicKey, bool, std::hash<PublicKey>> keys_;
};

}  // namespace hotside::ledger
