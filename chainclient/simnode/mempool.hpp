#pragma once
// Transactions that wait for a block, and the rules for letting them in, with the node's own texts
// (stegos-protocol.md 8.2).

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chainclient/simnode/chain.hpp"

namespace hotside::simnode {

class Mempool {
 public:
  // None: accepted (also when it was there already); else why not.
  std::optional<std::string> admit(wire::RawTransaction const& tx, Chain const& chain);
  // Of a block that was taken back: no questions asked, it waits until its inputs are there again.
  void put_back(std::vector<wire::RawTransaction> transactions);
  // Takes out what the next block can hold, in order of arrival.
  std::vector<wire::RawTransaction> take(Chain const& chain);
  // At the end of an epoch: what could not be mined by now never can.
  void prune(Chain const& chain);
  void clear();

  std::set<Hash> const& claimed() const { return claimed_; }
  std::size_t size() const { return waiting_.size(); }

 private:
  std::optional<std::string> refuse(wire::RawPayment const& tx, std::string const& name,
                                    Chain const& chain) const;
  void add(wire::RawTransaction tx);
  void recount();

  std::vector<wire::RawTransaction> waiting_;
  std::set<Hash> hashes_, claimed_, created_;  // of what waits
};

}  // namespace hotside::simnode
