#pragma once
// Relayed transactions by product.md section 1: worked out anew each time from the list of blocks,
// from when each was recorded, and from what the node answered. As the oracle, it uses nothing of
// the product.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/oracle.hpp"

namespace hotside::sim::oracle {

enum class Answer { accepted, rejected, none };

struct Relayed {
  struct Output {
    Id id;
    std::optional<Id> to;  // empty where private
    std::optional<std::int64_t> amount;
    bool operator==(Output const&) const = default;
  };
  Id hash;
  std::vector<Id> inputs;
  std::vector<Output> outputs;
  std::int64_t fee = 0, created_at = 0;
  std::optional<std::string> warning, bundle;

  std::string state = "created";
  std::optional<std::string> before;  // while prepared
  std::optional<std::string> error;
  std::optional<EpochNo> epoch;
  std::optional<unsigned> offset;
  std::uint64_t attempts = 0;

  bool operator==(Relayed const&) const = default;
  bool is_final() const { return state == "committed" || state == "conflicted"; }
};
using RelayedRows = std::map<Id, Relayed>;

struct ToldOfRelayed {
  std::string type;
  Relayed tx;  // as of this event
};

class Relays {
 public:
  void record(Relayed tx, Book const& book);
  // false: that changes nothing.
  bool answered(Id const& hash, Answer answer, std::string const& error, bool was_sent);
  // What the book says now.
  void settle(Book const& book);

  RelayedRows const& rows() const { return rows_; }
  bool has(Id const& hash) const { return rows_.contains(hash); }
  bool may_spend(Id const& utxo) const;  // one of those that are not final
  std::vector<ToldOfRelayed> take() { return std::exchange(told_, {}); }

 private:
  struct Known {
    EpochNo since = 0;  // the epoch that was being built
    std::string said = "created";
    std::optional<std::string> error;
  };
  Relayed standing(Relayed tx, Known const& known, Book const& book) const;

  RelayedRows rows_;
  std::map<Id, Known> known_;
  std::vector<ToldOfRelayed> told_;
};

}  // namespace hotside::sim::oracle
