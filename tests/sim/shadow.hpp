#pragma once
// What the store must hold after what was committed: the oracle's book beside the list of blocks,
// and every event that the feed must have told, as one line each.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "proto/model/chain_event.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"
#include "proto/model/ports.hpp"
#include "proto/model/relayed.hpp"
#include "store/database.hpp"
#include "tests/sim/certificate.hpp"
#include "tests/sim/hold.hpp"
#include "tests/sim/oracle.hpp"
#include "tests/sim/orders.hpp"
#include "tests/sim/relays.hpp"

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
struct Order {  // payouts, as a bundle
  store::BundleOrder order;
  std::shared_ptr<Made> made;  // by the last attempt
};
struct ReleaseBundle {
  std::string id;
};
struct Relay {
  model::RelayedTransaction tx;
};
struct Answered {  // by the node, on an attempt to send it
  Hash hash;
  model::SendOutcome outcome = model::SendOutcome::unanswered;
  std::string error;
  bool was_sent = true;
};
struct PutHook {
  std::string id;
  model::EventTypeSet types = 0;
  std::optional<store::WebhookOff> disabled;
};
struct Note {
  std::vector<store::WebhookProgress> progress;
};
struct Redeliver {
  std::string webhook;
  EventSeq seq;
};
struct Release {};  // nobody asks for it: what a lifted hold has kept back gets its numbers
using Job = std::variant<Register, Retire, Clear, SetHold, LiftHold, Relay, Answered, Order,
                         ReleaseBundle, PutHook, Note, Redeliver, Release>;

// Lines of one cause; their order within it is free but for one deposit's own.
using Lines = std::vector<std::string>;
// What one cause adds to the feed.
struct Step {
  Lines lines;
  std::size_t released = 0;  // then so many that a hold had kept back
  bool has_written = true;   // else the store is as it was, to the last byte
};

class Shadow {
 public:
  Shadow(std::string hrp, std::size_t portion) : hrp_(std::move(hrp)), hold_(portion) {}

  Step apply(model::ChainEvent const& event, Time now);
  Step apply(Job const& job, Time now);
  // Why it must be refused; empty: it must not.
  std::string refusal(Job const& job, Time now) const;
  // What is wrong with the bundle that was made, or with that none was; empty: nothing.
  std::string problem(Order const& order, Time now) const;
  // One of a step's `released`. Empty: it was its turn.
  std::string released(std::string const& line) { return hold_.released(line); }

  // Empty: the stored chain is as it must be.
  std::string difference(store::ChainState const& state) const;
  std::optional<model::Position> position() const;
  oracle::Book const& book() const { return book_; }
  std::vector<std::string> const& audit() const { return audit_; }  // actions, in order
  oracle::Relays const& relays() const { return relays_; }
  // An input that no new bundle may have.
  bool is_reserved(oracle::Id const& utxo, Time now) const {
    return relays_.may_spend(utxo) || bundles_.is_reserved(utxo, std::nullopt, to_unix_ms(now));
  }
  oracle::Bundles const& bundles() const { return bundles_; }
  // Committed, unspent, unreserved, told.
  Coins coins(Time now) const;
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
  std::string line(oracle::ToldOfRelayed const& told, Time at) const;
  std::string address(oracle::Id const& key) const;
  void record(model::RelayedTransaction const& tx, Time now);
  std::optional<std::set<oracle::Id>> sources(store::BundleOrder const& order) const;
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
  oracle::Relays relays_;
  oracle::Bundles bundles_;
  std::vector<Certificate> certificates_;
  std::uint64_t head_ = 0;  // of the feed
  oracle::Book book_;
};

oracle::Id plain(Hash const& hash);
oracle::Id plain(PublicKey const& key);
oracle::Micro plain(model::MicroBlock const& block);
oracle::Macro plain(model::MacroBlock const& block);
oracle::Row plain(model::Deposit const& deposit);
oracle::Relayed plain(model::RelayedTransaction const& tx);
std::string text_of(oracle::Row const& row);

}  // namespace hotside::sim
