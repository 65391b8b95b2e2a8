#include "explorer/ingest/writer.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "explorer/ingest/feed_events.hpp"
#include "proto/base/invariant.hpp"

namespace hotside::ingest {
namespace {

std::size_t rows_of(model::ChainEvent const& event) {
  if (auto const* connected = std::get_if<model::Connected>(&event))
    return 1 + connected->block.inputs.size() + connected->block.payments.size();
  if (auto const* sealed = std::get_if<model::Sealed>(&event))
    return 1 + sealed->block.inputs.size() + sealed->block.payments.size();
  return 1;
}

// Everything that moves the chain, and so is refused while a violation is open.
bool moves_chain(model::ChainEvent const& event) {
  return !std::holds_alternative<model::Violated>(event) &&
         !std::holds_alternative<model::NodeChanged>(event) &&
         !std::holds_alternative<model::Stalled>(event);
}

char const* kind_of(model::ChainEvent const& event) {
  if (std::holds_alternative<model::Connected>(event)) return "micro";
  if (std::holds_alternative<model::Sealed>(event)) return "macro";
  return nullptr;
}

// Says on the board since when a write is under way, so that others see a disk that hangs.
class Writing {
 public:
  Writing(model::StatusBoard& board, Time now) : board_(board) {
    board_.update([now](model::Live& live) { live.writing_since = now; });
  }
  ~Writing() {
    board_.update([](model::Live& live) { live.writing_since.reset(); });
  }
  Writing(Writing const&) = delete;
  Writing& operator=(Writing const&) = delete;

 private:
  model::StatusBoard& board_;
};

}  // namespace

Result<chain::Stored> stored_chain(store::Database& database) {
  HS_TRY(state, database.chain());
  chain::Stored stored;
  if (state.started) {
    stored.before_first = state.started->previous;
    stored.first = state.started->first;
  }
  stored.macro_hashes = std::move(state.macro_hashes);
  for (auto const& micro : state.micros)
    stored.micros.push_back({micro.hash, micro.previous, micro.time, micro.held});
  stored.violated = state.violated;
  return stored;
}

Writer::Writer(std::unique_ptr<store::Database> database, Clock const& clock, Metrics& metrics,
               model::StatusBoard& board, WriterHooks hooks, WriterOptions options)
    : database_(std::move(database)),
      clock_(clock),
      metrics_(metrics),
      board_(board),
      hooks_(std::move(hooks)),
      options_(options),
      fold_(watch_, database_->identity().network) {}

Result<std::unique_ptr<Writer>> Writer::open(std::unique_ptr<store::Database> database,
                                             Clock const& clock, Metrics& metrics,
                                             model::StatusBoard& board, WriterHooks hooks,
                                             WriterOptions options) {
  std::unique_ptr<Writer> writer(
      new Writer(std::move(database), clock, metrics, board, std::move(hooks), options));
  {
    HS_TRY(txn, writer->database_->begin());
    HS_TRY(counts, txn->counts());
    HS_TRY(position, txn->position());
    HS_TRY(violated, txn->has_violation());
    HS_TRY(releasing, txn->hold().is_releasing());
    writer->releasing_ = releasing;
    writer->watch_.reserve(counts.addresses);
    writer->violated_ = violated;
    writer->show_position(position, counts);
    metrics.set(Gauge::events_head, static_cast<double>(txn->head().value));
  }
  HS_DO(writer->database_->for_each_address(
      [&](PublicKey const& key, bool retired) { writer->watch_.add(key, retired); }));
  return writer;
}

Writer::~Writer() { stop(); }

void Writer::start() { thread_ = std::thread(&Writer::loop, this); }

void Writer::stop() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// ---- from other threads

bool Writer::room() const {
  std::lock_guard const lock(mutex_);
  return events_ < options_.inbox_events && rows_ < options_.inbox_rows;
}

std::size_t Writer::waiting() const {
  std::lock_guard const lock(mutex_);
  return events_;
}

void Writer::submit(model::ChainEvent event, Instant received) {
  auto const rows = rows_of(event);
  {
    std::lock_guard const lock(mutex_);
    // While the store fails, what a node's comings and goings would add is without bound; blocks
    // are bounded by room().
    if (!moves_chain(event) && !std::holds_alternative<model::Violated>(event) &&
        events_ >= 2 * options_.inbox_events)
      return;
    inbox_.push_back({std::move(event), received, rows});
    ++events_;
    rows_ += rows;
    was_full_ = events_ >= options_.inbox_events || rows_ >= options_.inbox_rows;
    metrics_.set(Gauge::writer_inbox, static_cast<double>(events_));
  }
  wake_.notify_all();
}

void Writer::add_job(Job job) {
  std::optional<Error> refused;
  {
    std::lock_guard const lock(mutex_);
    if (stopping_)
      refused = Error{Fault::transient, "the service is stopping", "stopping"};
    else if (corrupt_)
      refused = Error{Fault::corrupt, "the store is not written any more", "store"};
    else if (jobs_.size() >= options_.jobs)
      refused = Error{Fault::transient, "too many writes are waiting", "busy"};
    else
      jobs_.push_back(std::move(job));
  }
  if (refused) {
    if (refused->reason == "busy") metrics_.add(Counter::limits_reached, "writes");
    return job.refuse(std::move(*refused));
  }
  wake_.notify_all();
}

Result<store::Registering> Writer::add(store::WriteTxn& txn,
                                       std::span<model::NewAddress const> addresses,
                                       std::size_t history) {
  store::Registering done;
  for (std::size_t told = 0; done.taken < addresses.size(); ++done.taken) {
    auto const& key = addresses[done.taken].key;
    if (watch_.contains(key)) continue;  // has been told
    HS_TRY(here, txn.addresses().history_of(key, history + 1));
    told += here;
    if (told > history && done.taken > 0) break;
  }
  HS_TRY(made, ingest::register_addresses(txn, database_->identity().network,
                                          addresses.first(done.taken), clock_.now()));
  done.count = made.count;
  added_.insert(added_.end(), made.created.begin(), made.created.end());
  return done;
}

Result<bool> Writer::retire(store::WriteTxn& txn, PublicKey const& key) {
  HS_TRY(known, txn.retire_address(key));
  if (known) retired_.push_back(key);
  return known;
}

void Writer::clear(std::string reason, model::AuditEntry entry,
                   std::function<void(Result<void>)> done) {
  auto run = [this, reason = std::move(reason), entry = std::move(entry), done] {
    auto written = transact([&](store::WriteTxn& txn) -> Result<void> {
      HS_TRY(cleared, txn.clear_violations(entry.who, reason, clock_.now()));
      spdlog::warn("{} cleared {} finality violations: {}", entry.who, cleared, reason);
      return txn.audit().append(entry, clock_.now());
    });
    if (!written) return done(fail(std::move(written.error())));
    bool const was = std::exchange(violated_, false);
    if (was && hooks_.violation_cleared) hooks_.violation_cleared();
    done({});
  };
  add_job({std::move(run), [done](Error error) { done(fail(std::move(error))); }});
}

void Writer::write(std::function<Result<void>(store::WriteTxn&)> work,
                   std::function<void(Result<void>)> done) {
  auto run = [this, work = std::move(work), done] { done(transact(work)); };
  add_job({std::move(run), [done](Error error) { done(fail(std::move(error))); }});
}

// ---- the writer's thread

void Writer::loop() {
  while (wait_for_work()) work(std::chrono::steady_clock::now());
  std::deque<Job> rest;
  {
    std::lock_guard const lock(mutex_);
    rest.swap(jobs_);
  }
  for (auto const& job : rest)
    job.refuse(Error{Fault::transient, "the service is stopping", "stopping"});
}

void Writer::work(std::chrono::steady_clock::time_point now) {
  fill_batch();
  attempt(now);
  run_job();
  release(now);
}

bool Writer::wait_for_work() {
  std::unique_lock lock(mutex_);
  auto const blocks_wait = [this] { return !corrupt_ && (!batch_.empty() || !inbox_.empty()); };
  auto const work_waits = [&] { return blocks_wait() || (!corrupt_ && releasing_); };
  auto const ready = [&] {
    return stopping_ || !jobs_.empty() || (work_waits() && failures_ == 0);
  };
  if (failures_ > 0 && work_waits())
    wake_.wait_until(lock, retry_at_, ready);
  else
    wake_.wait(lock, ready);
  if (!stopping_) return true;
  // A store that fails now is not waited for: what is lost will be asked of the node again.
  return !jobs_.empty() || (blocks_wait() && failures_ == 0);
}

void Writer::fill_batch() {
  if (!batch_.empty()) return;
  std::lock_guard const lock(mutex_);
  if (corrupt_) return;
  std::size_t rows = 0;
  while (!inbox_.empty() && batch_.size() < options_.batch_events && rows < options_.batch_rows) {
    rows += inbox_.front().rows;
    // A seal ends its transaction: its certificate names the last number of it.
    bool const is_last = std::holds_alternative<model::Sealed>(inbox_.front().event);
    batch_.push_back(std::move(inbox_.front()));
    inbox_.pop_front();
    if (is_last) break;
  }
}

void Writer::attempt(std::chrono::steady_clock::time_point now) {
  if (batch_.empty() || corrupt_) return;
  if (failures_ > 0 && now < retry_at_) return;
  while (!batch_.empty()) {
    auto const count = singly_ > 0 ? 1 : batch_.size();
    auto done = take_in(count);
    if (done) {
      singly_ -= std::min(singly_, count);
      continue;
    }
    if (count == 1) return failed(done.error(), now);
    // Which one it is shows when each has its own transaction.
    singly_ = count;
  }
}

// The first `count` events of the batch, in one transaction.
Result<void> Writer::take_in(std::size_t count) {
  Writing const writing(board_, clock_.now());
  HS_TRY(txn, database_->begin());
  bool violated = violated_;
  for (std::size_t i = 0; i < count; ++i) {
    auto const& event = batch_[i].event;
    if (violated && moves_chain(event)) {
      spdlog::debug("a block is refused while a finality violation is open");
      continue;
    }
    HS_DO(fold_.apply(*txn, event, clock_.now()));
    violated = violated || std::holds_alternative<model::Violated>(event);
  }
  HS_DO(commit(*txn));
  txn.reset();
  taken_in(count, violated);
  return {};
}

void Writer::taken_in(std::size_t count, bool violated) {
  bool const refused = violated_;
  if (violated && !violated_) spdlog::critical("finality is contradicted: ingestion stops");
  violated_ = violated;
  std::size_t rows = 0;
  bool moved = false;
  for (std::size_t i = 0; i < count; ++i) {
    auto const& waiting = batch_[i];
    rows += waiting.rows;
    auto const* kind = kind_of(waiting.event);
    if (kind == nullptr || refused) continue;
    moved = true;
    metrics_.add(Counter::blocks, kind);
    std::chrono::duration<double> const age = clock_.instant() - waiting.received;
    metrics_.observe(Timing::block_to_event, age.count());
  }
  if (moved) board_.update([&](model::Live& live) { live.last_block_at = clock_.now(); });
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(count));
  bool rang = false;
  {
    std::lock_guard const lock(mutex_);
    events_ -= count;
    rows_ -= rows;
    bool const is_full = events_ >= options_.inbox_events || rows_ >= options_.inbox_rows;
    rang = std::exchange(was_full_, is_full) && !is_full;
    metrics_.set(Gauge::writer_inbox, static_cast<double>(events_));
  }
  if (rang && hooks_.room) hooks_.room();
}

void Writer::failed(Error const& error, std::chrono::steady_clock::time_point now) {
  spdlog::error("not written: {}", error.what);
  show_fault(error.what);
  // Whatever is not the disk's doing will not get better by itself.
  if (error.fault != Fault::transient) {
    std::lock_guard const lock(mutex_);
    corrupt_ = true;
    return;
  }
  auto const delay =
      std::min(options_.retry_max, options_.retry_min * (1 << std::min(failures_, 16U)));
  ++failures_;
  std::lock_guard const lock(mutex_);
  retry_at_ = now + delay;
}

Result<void> Writer::commit(store::WriteTxn& txn) {
  HS_TRY(position, txn.position());
  HS_TRY(counts, txn.counts());
  auto const begin = clock_.instant();
  HS_TRY(head, txn.commit());
  std::chrono::duration<double> const took = clock_.instant() - begin;
  metrics_.observe(Timing::commit, took.count());
  metrics_.set(Gauge::events_head, static_cast<double>(head.value));
  show_position(position, counts);
  show_fault(std::nullopt);
  failures_ = 0;
  if (hooks_.committed) hooks_.committed(head);
  return {};
}

void Writer::show_position(std::optional<model::Position> const& position,
                           store::Counts const& counts) {
  metrics_.set(LabelledGauge::deposits, "prepared", static_cast<double>(counts.prepared));
  metrics_.set(LabelledGauge::deposits, "reverted", static_cast<double>(counts.reverted));
  metrics_.set(LabelledGauge::deposits, "committed", static_cast<double>(counts.committed));
  auto const wal_bytes = database_->wal_bytes();
  metrics_.set(Gauge::store_wal_bytes, static_cast<double>(wal_bytes));
  board_.update([wal_bytes](model::Live& live) { live.wal_bytes = wal_bytes; });
  if (!position) return;
  metrics_.set(Gauge::chain_epoch, static_cast<double>(position->epoch.value));
  metrics_.set(Gauge::chain_offset, position->offset ? position->offset->value + 1.0 : 0.0);
  metrics_.set(Gauge::chain_final_epoch, static_cast<double>(position->final_epoch.value));
  std::chrono::duration<double> const lag = clock_.now() - position->block_time;
  metrics_.set(Gauge::chain_lag_seconds, lag.count());
}

void Writer::show_fault(std::optional<std::string> const& what) {
  if (!what && !fault_shown_) return;
  fault_shown_ = what.has_value();
  board_.update([&](model::Live& live) { live.store_fault = what; });
}

void Writer::run_job() {
  Job job;
  {
    std::lock_guard const lock(mutex_);
    if (jobs_.empty()) return;
    job = std::move(jobs_.front());
    jobs_.pop_front();
  }
  if (corrupt_)
    return job.refuse(Error{Fault::corrupt, "the store is not written any more", "store"});
  job.run();
}

// What a lifted hold has kept back: a portion in the transaction that lifts it and in each that
// follows, so that neither one transaction nor the wait of the blocks between them has no bound.
void Writer::release(std::chrono::steady_clock::time_point now) {
  if (!releasing_ || corrupt_) return;
  if (failures_ > 0 && now < retry_at_) return;
  auto const done = transact([](store::WriteTxn&) { return Result<void>(); });
  if (!done) failed(done.error(), now);
}

Result<void> Writer::transact(TxnWork const& work) {
  added_.clear();
  retired_.clear();
  Writing const writing(board_, clock_.now());
  auto const all = [&]() -> Result<void> {
    HS_TRY(txn, database_->begin());
    HS_DO(work(*txn));
    HS_TRY(left, release_withheld(*txn, options_.released_events));
    HS_DO(commit(*txn));
    releasing_ = left;
    return {};
  };
  auto done = all();
  if (done) {
    for (auto const& key : added_) watch_.add(key);
    for (auto const& key : retired_) watch_.retire(key);
  } else if (done.error().fault != Fault::rejected) {  // a refusal says nothing about the store
    show_fault(done.error().what);
    std::lock_guard const lock(mutex_);
    if (done.error().fault == Fault::corrupt) corrupt_ = true;
  }
  return done;
}

}  // namespace hotside::ingest
