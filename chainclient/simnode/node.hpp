#pragma once
// The simulated node without its sockets: chain, mempool, the faults that were ordered, and who
// listens. One thread; the server and the tests drive it.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chainclient/simnode/chain.hpp"
#include "chainclient/simnode/disguise.hpp"
#include "chainclient/simnode/mempool.hpp"
#include "chainclient/simnode/render.hpp"
#include "proto/base/result.hpp"
#include "proto/wire/frame.hpp"

namespace hotside::simnode {

// Whoever is connected. Called on the node's thread.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_change(Change const& change, Status const& after) = 0;
  virtual void on_turn() = 0;  // something happened: readers of the disk may go on
  virtual void pump() = 0;     // put on the wire what fits
  virtual void send_raw(std::string text) = 0;
  virtual void drop() = 0;  // plain TCP close
};

// What a script step said it did; a task is called again until it is done.
struct Step {
  std::optional<Result<std::string>> done;
  double wait_seconds = 0;
};
using Task = std::function<Step()>;

enum class Mode : std::uint8_t { keep, drop, move };  // user transactions of replaced blocks

class Node {
 public:
  struct Setup {
    std::string network = "dev";
    Generation generation = Generation::v1_2_2;
    wire::Token token = wire::Token::random();
    std::uint64_t seed = 1;
    double speed = 0;
    std::uint32_t length = 60;
    std::function<std::uint64_t()> now_ns;  // wall clock; the system's when empty
  };
  static Result<std::unique_ptr<Node>> make(Setup setup);

  // ---- for connections
  void attach(Listener* listener) { listeners_.push_back(listener); }
  void detach(Listener* listener) { std::erase(listeners_, listener); }
  Style const& style() const { return style_; }
  wire::FrameCipher const& cipher() const { return cipher_; }
  Chain const& chain() const { return chain_; }
  Treasury& treasury() { return treasury_; }
  View const& shown() const { return lag_ == 0 ? chain_.view() : lagged_; }
  Status status() const;
  MicroPtr seen(MicroPtr const& truth) const { return disguise_.seen(truth); }
  MacroPtr seen(MacroPtr const& truth) const { return disguise_.seen(truth); }
  Damage damage_of(Hash const& truth) const;
  std::optional<wire::RawOutput> output(Hash const& id) const;  // unspent, as of what is shown
  std::optional<std::string> broadcast(wire::RawTransaction const& tx);
  bool is_synchronized() const { return !unsync_; }
  // What is said of a transaction that is let in all the same: a node publishes before it
  // validates.
  enum class BroadcastHabit : std::uint8_t { honest, rejecting, silent };
  BroadcastHabit broadcast_habit() const { return broadcast_habit_; }
  bool is_stalled() const { return now() < stalled_until_; }
  bool is_mute() const { return is_stalled() || now() < mute_until_; }
  std::uint32_t copies_of_next_notice();  // 0 dropped, 1, 2
  void turn();                            // an API request turns the node's event loop
  void count_fatal(std::string why);
  bool pop_one();

  // ---- for the clock of the chain
  double seconds_per_block() const;       // 0: only when told
  std::optional<std::string> grow_one();  // the next block, micro or macro; else why not

  // ---- for the script: one action, its words split
  Result<Task> task(std::vector<std::string> words);
  static bool is_known(std::string const& action);
  static std::string known_actions();

 private:
  using Words = std::span<std::string const>;
  struct Actions;
  friend struct Actions;
  struct Recreate {
    wire::RawPublicOutput output;
    std::uint64_t epoch_at_least = 0;
  };
  struct DamageOrder {
    Damage kind = Damage::none;
    bool is_armed = false;  // the next new block is the victim
    bool is_all = false;
    std::optional<Hash> victim;
  };

  Node(Setup setup, Genesis genesis);
  using Clock = std::chrono::steady_clock;
  static Clock::time_point now() { return Clock::now(); }
  std::uint64_t now_ns() const { return setup_.now_ns(); }

  void start_history();
  void tell(std::vector<Change> changes);
  void deliver(std::vector<Change> const& changes);
  void deliver_due();
  void refresh_lagged();
  void note_new(Change const& change);
  std::vector<wire::RawTransaction> next_transactions();
  void plan_recreations();
  MicroPtr make_micro(std::vector<wire::RawTransaction> transactions, std::uint32_t view_change);
  std::optional<std::string> seal_now();
  std::optional<std::string> fork(std::uint32_t depth, Mode mode, bool is_silent,
                                  std::function<bool(wire::RawTransaction const&)> const& excluded);
  Result<wire::RawPayment> pay_from_treasury(std::vector<Wanted> outputs);
  Result<std::vector<Hash>> pay(std::vector<Wanted> outputs);
  Result<wire::RawPayment> sweep(OwnKey const& key, std::vector<Hash> ids,
                                 std::optional<std::int64_t> paid = std::nullopt);
  Result<std::string> spend(OwnKey const& key, std::optional<std::int64_t> amount);

  Setup setup_;
  Style style_;
  wire::FrameCipher cipher_;
  Treasury treasury_;
  Rng rng_;
  Chain chain_;
  Mempool mempool_;
  Disguise disguise_;
  std::vector<Listener*> listeners_;

  std::deque<std::vector<Change>> log_;  // one batch per block, newest last
  std::size_t undelivered_ = 0, lag_ = 0;
  View lagged_;

  std::vector<Recreate> recreations_;
  std::optional<Payout> award_;
  DamageOrder damage_;
  std::uint64_t drop_left_ = 0, dup_left_ = 0, fatal_ = 0;
  std::string last_fatal_;
  bool unsync_ = false, paused_ = false;
  BroadcastHabit broadcast_habit_ = BroadcastHabit::honest;
  Clock::time_point stalled_until_{}, mute_until_{};
};

}  // namespace hotside::simnode
