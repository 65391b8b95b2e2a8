#pragma once
// Bundles and reservations by product.md section 4, by the clock and by what the final chain
// spends. As the oracle, it uses nothing of the product.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/oracle.hpp"

namespace hotside::sim::oracle {

using Payout = std::pair<Id, std::int64_t>;  // to whom, how much

struct Request {
  Id source;
  std::vector<Id> inputs;
  std::vector<Payout> outputs;  // change last
  std::int64_t fee = 0;
  bool has_change = false;
  std::string state = "open";  // relayed, open, spent or released; expired is what the clock says

  bool operator==(Request const&) const = default;
};

struct Bundle {
  std::string id;
  std::int64_t created_at = 0, expires_at = 0;
  std::vector<Request> requests;

  // Of the first of its requests, in the order relayed, open, spent, released, expired.
  std::string state(std::int64_t now) const;
  std::string state_of(Request const& request, std::int64_t now) const;
  bool operator==(Bundle const&) const = default;
};

class Bundles {
 public:
  void add(Bundle bundle) { all_.push_back(std::move(bundle)); }
  void release(std::string const& id, std::int64_t now);  // there is one
  // The final chain has spent these.
  void sealed(std::set<Id> const& spends, std::int64_t now);

  // The request that a transaction of these inputs and outputs is of.
  struct Match {
    std::size_t bundle = 0, request = 0;  // places
    bool is_spent = false;
  };
  std::optional<Match> match(std::vector<Id> const& inputs, std::vector<Payout> const& outputs,
                             std::int64_t now) const;
  // By another one than that.
  bool is_reserved(Id const& utxo, std::optional<Match> const& own, std::int64_t now) const;
  void relayed(Match const& own) { all_[own.bundle].requests[own.request].state = "relayed"; }

  std::vector<Bundle> const& all() const { return all_; }  // in order of creation
  Bundle const* find(std::string const& id) const;

 private:
  std::vector<Bundle> all_;
};

}  // namespace hotside::sim::oracle
