#pragma once
// What the store must hold after what was committed: the oracle's book beside the list of blocks,
// and every event that the feed must have told, as one line each.

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proto/model/chain_event.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"
#include "proto/model/ports.hpp"
#include "store/database.hpp"
#include "tests/sim/oracle.hpp"

namespace hotside::sim {

using Coverage = std::map<std::string, std::uint64_t>;

// What the writer is asked for beside chain events.
struct Register {
  std::vector<model::NewAddress> addresses;
};
struct Retire {
  PublicKey key;
};
struct Clear {};
using Job = std::variant<Register, Retire, Clear>;

// Lines of one cause; their order within it is free but for one deposit's own.
using Lines = std::vector<std::string>;

class Shadow {
 public:
  explicit Shadow(std::string hrp) : hrp_(std::move(hrp)) {}

  Lines apply(model::ChainEvent const& event, Time now);
  Lines apply(Job const& job, Time now);

  // Empty: the stored chain is as it must be.
  std::string difference(store::ChainState const& state) const;
  std::optional<model::Position> position() const;
  oracle::Book const& book() const { return book_; }
  std::vector<std::string> const& audit() const { return audit_; }  // actions, in order
  static std::string action_of(Job const& job);
  std::string const& reference(oracle::Id const& key) const { return references_.at(key); }
  bool violated() const { return !violations_.empty(); }
  bool started() const { return started_.has_value(); }
  std::optional<Epoch> final() const;
  std::vector<Hash> const& finals() const { return finals_; }

  std::string line(model::OutboxEvent const& event) const;  // of what the feed told
  std::string line(std::string const& type, oracle::Row const& row, bool backfill, Time at) const;

 private:
  struct Micro {
    Hash hash;
    Time time;
    bool held = false;
  };
  Lines told(Time at);

  std::string hrp_;
  std::optional<model::Started> started_;
  std::vector<Hash> finals_;
  Time final_time_{};
  std::vector<Micro> micros_;
  std::vector<model::Violated> violations_;
  std::map<std::string, std::string> references_;
  std::vector<std::string> audit_;
  oracle::Book book_;
};

oracle::Id plain(Hash const& hash);
oracle::Id plain(PublicKey const& key);
oracle::Micro plain(model::MicroBlock const& block);
oracle::Macro plain(model::MacroBlock const& block);
oracle::Row plain(model::Deposit const& deposit);
std::string text_of(oracle::Row const& row);

}  // namespace hotside::sim
