#pragma once
// The receiver of one webhook, a second model exchange: it knows an event by its webhook-id, takes
// each in once, and credits what is committed. Beside it, what a service may send it and when,
// by product.md section 4.

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "explorer/webhook/lanes.hpp"
#include "store/webhooks.hpp"
#include "tests/sim/exchange.hpp"

namespace hotside::sim {

using Feed = std::vector<model::OutboxEvent>;

// All throw std::runtime_error on what must not be.
class Receiver {
 public:
  Receiver(std::string id, model::EventTypeSet types, webhook::RetryTimes times)
      : id_(std::move(id)), types_(types), times_(times) {}

  std::string const& id() const { return id_; }
  model::EventTypeSet types() const { return types_; }
  enum class Mood { good, moody, down };
  Mood mood = Mood::moody;

  // ---- what it sees
  void take(std::string const& webhook_id, std::string const& json);
  Exchange::Credits const& credits() const { return credits_; }
  std::size_t taken() const { return taken_.size(); }

  // ---- what the service does
  void sent(webhook::Sending const& sending, Feed const& feed);
  void answered(webhook::Sending const& sending, std::optional<int> status, Time now);
  // Whether all that is of its types has been delivered, as the service knows.
  bool is_through(Feed const& feed);
  std::size_t attempts() const { return attempts_; }

  // ---- what is committed
  void put(std::optional<store::WebhookOff> disabled);  // by an operator
  void asked_again(EventSeq seq) { asked_.insert(seq.value); }
  void to_be_saved(store::WebhookProgress const& progress);
  void saved(store::WebhookProgress const& progress);
  bool exists() const { return exists_; }
  bool is_off() const { return off_; }
  // A service starts with what is stored; `may_differ`: an operator's change may or may not be in.
  void restarted(std::optional<store::Webhook> const& row, Feed const& feed, bool may_differ);
  void may_be_asked(EventSeq seq) { perhaps_asked_.insert(seq.value); }  // nobody was told
  bool is_even() const;  // all that was asked for was sent again

 private:
  std::string id_;
  model::EventTypeSet types_;
  webhook::RetryTimes times_;

  std::map<std::string, std::string> taken_;  // what each id said
  Exchange::Credits credits_;
  std::map<std::string, std::uint64_t> credited_by_;  // the event

  std::size_t attempts_ = 0;
  std::set<std::uint64_t> delivered_, delivered_now_;           // in any run, in this one
  std::uint64_t through_ = 0;                                   // all of its types up to here are
  std::set<std::uint64_t> asked_, perhaps_asked_, sent_again_;  // beside their turn
  std::uint32_t failures_ = 0;                                  // in a row, of this run
  std::optional<Time> failed_at_;
  bool exists_ = false, off_ = false, off_saved_ = false;
  // Changes of the endpoint that are committed. What was sent before the last of them tells nothing
  // of the endpoint as it is: its failure is no reason to wait, and its 410 none to stop.
  std::uint64_t changes_ = 0;
  std::uint64_t under_ = 0, again_under_ = 0;      // when what is under way was sent
  std::uint64_t gone_under_ = 0, gone_noted_ = 0;  // when the 410 that counts was
  EventSeq cursor_saved_;
};

}  // namespace hotside::sim
