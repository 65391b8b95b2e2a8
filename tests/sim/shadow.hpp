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
#include "tests/sim/certificate.hpp"
#include "tests/sim/hold.hpp"
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
struct SetHold {};
struct LiftHold {};
struct Release {};  // nobody asks for it: what a lifted hold has kept back gets its numbers
using Job = std::variant<Register, Retire, Clear, SetHold, LiftHold, Release>;

// Lines of one cause; their order within it is free but for one deposit's own.
using Lines = std::vector<std::string>;
// What one cause adds to the feed.
struct Step {
  Lines lines;
  std::size_t released = 0;  // then so many that a hold had kept back
};

class Shadow {
 public:
  Shadow(std::string hrp, std::size_t portion) : hrp_(std::move(hrp)), hold_(portion) {}

  Step apply(model::ChainEvent const& event, Time now);
  Step apply(Job const& job, Time now);
  // One of a step's `released`. Empty: it was its turn.
  std::string released(std::string const& line) { return hold_.released(line); }

  // Empty: the stored chain is as it must be.
  std::string difference(store::ChainState const& state) const;
  std::optional<model::Position> position() const;
  oracle::Book const& book() const { return book_; }
  std::vector<std::string> const& audit() const { return audit_; }  // actions, in order
  oracle::Hold const& hold() const { return hold_; }
  std::vector<Certificate> const& certificates() const { return certificates_; }
  std::uint64_t head() const { return head_; }
  std::string const& hrp() const { return hrp_; }
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
  Lines take_in(model::ChainEvent const& event, Time now);
  Lines told(Time at);

  std::string hrp_;
  std::optional<model::Started> started_;
  std::vector<Hash> finals_;
  Time final_time_{};
  std::vector<Micro> micros_;
  std::vector<model::Violated> violations_;
  std::map<std::string, std::string> references_;
  std::vector<std::string> audit_;
  oracle::Hold hold_;
  std::vector<Certificate> certificates_;
  std::uint64_t head_ = 0;  // of the feed
  oracle::Book book_;
};

oracle::Id plain(Hash const& hash);
oracle::Id plain(PublicKey const& key);
oracle::Micro plain(model::MicroBlock const& block);
oracle::Macro plain(model::MacroBlock const& block);
oracle::Row plain(model::Deposit const& deposit);
std::string text_of(oracle::Row const& row);

}  // namespace hotside::sim
