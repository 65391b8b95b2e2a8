#pragma once
// One history: the production follower, writer, ledger and store in this thread, over a simulated
// clock, network, disk and nodes, checked after every commit against the oracle.

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "chainclient/chain/follower.hpp"
#include "explorer/ingest/writer.hpp"
#include "tests/property/chain_fold.hpp"
#include "tests/sim/contents.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/exchange.hpp"
#include "tests/sim/receiver.hpp"
#include "tests/sim/script.hpp"
#include "tests/sim/shadow.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_clock.hpp"

namespace hotside::sim {

// What a history must not show; the text says what it was and when.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What histories have in common: a folder for the lock file, and a store made beforehand.
class Ground {
 public:
  Ground();
  std::string url() const { return "sqlite:" + (folder_.path() / "db").string(); }
  Disk const& made() const { return made_; }

  Metrics metrics{"simulation"};
  model::StatusBoard board;

 private:
  test::TempDir folder_;
  Disk made_;
};

class Simulation {
 public:
  Simulation(Script const& script, Ground& ground, Coverage& coverage);
  ~Simulation();
  void run();  // throws Broken

 private:
  using Node = chain::test::Node;
  // ---- simulation.cpp: what happens
  void act(Act act);
  void act_on_chain(Act act);
  void act_on_node(Act act);
  void act_on_service(Act act);
  void act_for_people(Act act);
  void forge(Node& node);
  bool was_forged_now() const;
  void spoil();
  void talk(std::uint64_t rounds);
  void move();
  void serve(Node& node, std::uint64_t count);
  void connect(Node& node);
  void cut(Node& node);
  void deliver(Node& node);
  void pass(std::uint64_t ms);
  void register_some();
  Node& any_node() { return nodes_[dice_.below(nodes_.size())]; }
  chain::NodeId id_of(Node const& node) const;

  // ---- desk.cpp: what the desk is asked for
  void relay_one();
  void order_some();
  void release_one();
  void sign_one();
  void relay(model::RelayedTransaction tx, Contents::Tx mined);
  void answer_one();
  Result<void> make(store::WriteTxn& txn, Order const& order);
  Result<void> release(store::WriteTxn& txn, std::string const& id);
  Result<void> write(store::WriteTxn& txn, Job const& job, model::AuditEntry const& entry);

  // ---- dispatch.cpp: webhooks
  void make_receivers();
  void start_lanes();
  void close_lanes();
  Receiver& receiver(std::string const& id);
  void dispatch();
  void post(webhook::Sending const& sending);
  void settle(webhook::Sending const& sending, std::optional<int> status);
  void noted(Job const& job, bool is_done);
  void change_a_hook();
  void heal_hooks();
  bool are_hooks_level();
  void check_hooks(store::Snapshot& snapshot, Exchange::Credits const& due);

  // ---- process.cpp: the service, and how it ends
  void start();
  bool open();
  void close();
  void stop();
  void die();
  void drain();
  void emit(model::ChainEvent event);
  void work();
  void submit(Job job);
  void took_in(std::size_t events);
  struct Found {  // in the store, at a start
    store::ChainState chain;
    std::uint64_t head = 0;
    std::vector<model::OutboxEvent> events;  // that are new
    oracle::Rows rows;
    oracle::Moments moments;
    std::vector<store::AddressRow> addresses;
    std::vector<std::string> audit;  // actions, in order
    std::optional<store::Hold> hold;
    std::uint64_t withheld = 0;
    std::vector<store::Certificate> certificates;
    oracle::RelayedRows relayed;
    std::vector<store::BundleRow> bundles;
  };
  void recover(store::ChainState const& stored, oracle::Moments moments);
  Found read_store(store::ChainState const& stored);
  std::string difference(Shadow candidate, std::vector<Step> const& steps,
                         Found const& found) const;
  std::string feed_difference(Shadow& candidate, std::vector<Step> const& steps,
                              Found const& found) const;
  std::vector<std::vector<Job>> jobs_under_way() const;
  void released();
  Instant instant() const { return clock_.instant() - blocked_; }

  // ---- checks.cpp
  void expect(bool holds, std::string_view what) const;
  void expect_lines(Lines lines);
  void expect_step(Step step, std::deque<model::OutboxEvent>& fresh);
  void check_feed();
  void check_tables();
  void check_sums(store::Snapshot& snapshot);
  void check_audit(store::Snapshot& snapshot);
  Time some_moment();
  void check_hold(store::Snapshot& snapshot);
  void check_bundles(store::Snapshot& snapshot);
  void check_relayed(store::Snapshot& snapshot);
  void check_certificates(store::Snapshot& snapshot);
  void check_checkpoint(store::Snapshot& snapshot);
  void quiesce(bool with_one);
  void rest(int rounds);
  void level_nodes();
  void calm(int rounds);
  bool is_level();
  std::string describe();
  void notice_forgery();
  void heal(std::optional<std::size_t> only);
  void check_end();

  // ---- promises.cpp
  void check_event(model::ChainEvent const& event);
  void check_replaced(bool by_answer);
  void check_take_back();
  void check_stall();
  bool is_tip(chain::Status const& status, std::size_t count) const;
  std::unique_ptr<store::Snapshot> snapshot(std::size_t reader);

  Script const& script_;
  Ground& ground_;
  Coverage& coverage_;
  test::TestClock clock_;
  Dice dice_;
  Disk disk_;
  chain::test::World world_;
  Contents contents_;
  chain::FollowerOptions follower_options_;
  ingest::WriterOptions writer_options_;
  store::OpenOptions open_options_;
  std::deque<Node> nodes_;
  std::vector<bool> muted_;
  std::size_t at_ = 0;  // in the script

  // What a machine holds while it runs.
  std::unique_ptr<ingest::Writer> writer_;
  std::unique_ptr<chain::Follower> follower_;
  std::array<std::unique_ptr<store::Reader>, 2> readers_;  // ours, and the exchange's
  std::unique_ptr<store::Snapshot> stuck_;                 // the exchange keeps one open
  std::chrono::milliseconds blocked_{0};
  std::unique_ptr<webhook::Lanes> lanes_;
  struct Post {
    webhook::Sending sending;
    std::optional<int> status;
    Time answered_at;
  };
  std::vector<Post> posts_;  // not answered yet
  bool rang_ = true;         // something was committed
  bool is_noting_ = false;   // what became of posts is with the writer
  bool cleared_ = false, is_power_ = false;
  std::deque<model::ChainEvent> submitted_;  // not known to be committed
  std::deque<Job> jobs_;
  struct Outcome {
    bool is_done = false;
    std::string refusal;  // why it was refused; empty: it was done, or the disk failed
  };
  std::vector<Outcome> job_results_;
  std::set<std::uint64_t> heads_;  // of the feed, at the commits of this round
  struct Tried {
    Time at;
    std::vector<Job> jobs;  // after so many events as were taken in
  };
  std::vector<Tried> failed_;  // transactions since the last one that was committed
  Time died_at_{};

  // What we know beside it.
  chain::test::Fold rules_;
  std::optional<chain::Status> status_now_;  // the answer that is being taken in
  std::optional<Hash> taken_back_;           // by the notice that is being taken in
  chain::RequestId status_id_ = 0, last_sent_ = 0, held_mark_ = 0;
  std::vector<Hash> tips_;                         // that a status of this run has named
  std::map<Hash, std::set<chain::NodeId>> shown_;  // macro blocks, by whom in this run
  bool replaced_ = false;
  Instant last_block_{};
  struct Heard {
    Instant at;
    bool is_down = false;
  };
  std::vector<Heard> heard_;  // of each node
  Shadow shadow_;
  std::vector<Step> expected_;
  std::vector<model::OutboxEvent> feed_;
  Exchange exchange_;
  std::vector<Receiver> receivers_;
  bool is_hook_unknown_ = false;
  std::vector<store::BundleOrder> orders_;
  std::map<std::string, oracle::Id> addresses_;    // of all who pay and are paid
  std::vector<model::RelayedTransaction> signed_;  // whether or not they were recorded
  bool was_forged_ = false;
  Epoch forged_from_;
};

}  // namespace hotside::sim
