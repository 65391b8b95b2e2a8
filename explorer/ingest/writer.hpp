#pragma once
// The writer: one thread that owns the only connection that writes. Chain events come first, in the
// order of submission; writes about addresses run between them. Each transaction holds one or more
// whole events, so whatever instant ends the process, the store is where some run would have been.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "chainclient/chain/follower.hpp"
#include "explorer/ingest/fold.hpp"
#include "explorer/ledger/watch.hpp"
#include "proto/base/metrics.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/chain_event.hpp"
#include "proto/model/node_status.hpp"
#include "proto/model/ports.hpp"
#include "store/database.hpp"

namespace hotside::ingest {

// What the follower must know to go on; read before the writer is started.
Result<chain::Stored> stored_chain(store::Database& database);

// All are called on the writer's thread and must not wait.
struct WriterHooks {
  model::Doorbell committed;                // after each commit
  std::function<void()> room;               // room() is true again
  std::function<void()> violation_cleared;  // taking in may go on
};

struct WriterOptions {
  std::size_t inbox_events = 512, inbox_rows = 4'000'000;  // then room() is false
  std::size_t batch_events = 64, batch_rows = 100'000;     // per transaction, when behind
  std::size_t jobs = 256;                                  // waiting at most
  std::size_t released_events = 10'000;  // per transaction, after a hold was lifted
  std::chrono::milliseconds retry_min{100}, retry_max{5'000};
};

class Writer final : public store::AddressBook,
                     public model::ViolationDesk,
                     public store::WriteDesk {
 public:
  // Loads the watched addresses. Nothing is written, and no hook called, before start() or work().
  static Result<std::unique_ptr<Writer>> open(std::unique_ptr<store::Database> database,
                                              Clock const& clock, Metrics& metrics,
                                              model::StatusBoard& board, WriterHooks hooks,
                                              WriterOptions options = {});
  ~Writer() override;  // as stop()

  // Starts the thread that works until stop(); once. It may commit at once, without anything
  // submitted: all that the hooks touch is there by now.
  void start();

  // Takes in what was submitted (unless the store fails), answers what waits, and joins.
  void stop();

  // When false, nothing more should be read from the node. What is submitted nevertheless is kept.
  bool room() const;
  void submit(model::ChainEvent event, Instant received);
  std::size_t waiting() const;  // events submitted and not yet taken in

  // One round of the thread's work, at `now`, on the thread of the caller: a batch of events, then
  // one other write. For a program that has no threads; never beside start().
  void work(std::chrono::steady_clock::time_point now);

  Result<store::Registering> add(store::WriteTxn& txn, std::span<model::NewAddress const> addresses,
                                 std::size_t history) override;
  Result<bool> retire(store::WriteTxn& txn, PublicKey const& key) override;
  void clear(std::string reason, model::AuditEntry entry,
             std::function<void(Result<void>)> done) override;
  void write(std::function<Result<void>(store::WriteTxn&)> work,
             std::function<void(Result<void>)> done) override;

 private:
  struct Waiting {
    model::ChainEvent event;
    Instant received;
    std::size_t rows = 0;
  };
  struct Job {
    std::function<void()> run;
    std::function<void(Error)> refuse;
  };
  using TxnWork = std::function<Result<void>(store::WriteTxn&)>;

  Writer(std::unique_ptr<store::Database> database, Clock const& clock, Metrics& metrics,
         model::StatusBoard& board, WriterHooks hooks, WriterOptions options);

  void loop();
  bool wait_for_work();  // false: stopping, and nothing is left that can be done
  void fill_batch();
  void attempt(std::chrono::steady_clock::time_point now);
  Result<void> take_in(std::size_t count);
  void taken_in(std::size_t count, bool violated);
  void failed(Error const& error, std::chrono::steady_clock::time_point now);
  Result<void> commit(store::WriteTxn& txn);
  void show_position(std::optional<model::Position> const& position, store::Counts const& counts);
  void show_fault(std::optional<std::string> const& what);
  void add_job(Job job);
  void run_job();
  void release(std::chrono::steady_clock::time_point now);
  Result<void> transact(TxnWork const& work);

  // Only the writer's thread touches these after the start.
  std::unique_ptr<store::Database> database_;
  Clock const& clock_;
  Metrics& metrics_;
  model::StatusBoard& board_;
  WriterHooks hooks_;
  WriterOptions options_;
  ledger::WatchList watch_;
  std::vector<PublicKey> added_, retired_;  // to be watched, or not, if the transaction commits
  Fold fold_;
  std::deque<Waiting> batch_;   // taken from the inbox, not yet committed
  std::size_t singly_ = 0;      // so many of the batch are tried one by one
  std::uint32_t failures_ = 0;  // in a row
  bool violated_ = false;       // an open violation: no block is taken in
  bool releasing_ = false;      // events of a lifted hold still have no number
  bool fault_shown_ = false;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Waiting> inbox_;
  std::deque<Job> jobs_;
  std::size_t events_ = 0, rows_ = 0;  // submitted and not yet committed
  bool was_full_ = false;
  bool stopping_ = false;
  bool corrupt_ = false;  // stopped writing for good
  std::chrono::steady_clock::time_point retry_at_{};

  std::thread thread_;
};

}  // namespace hotside::ingest
