// The service in the simulation: how it starts, takes in, stops and dies.

#include <algorithm>
#include <limits>
#include <utility>

#include "proto/base/invariant.hpp"
#include "tests/sim/simulation.hpp"

namespace hotside::sim {
namespace {

constexpr auto kAnyHistory = std::numeric_limits<std::size_t>::max() - 1;

// Which attempt it was that stands in the store shows in these alone when it is of nobody's
// payment.
Result<oracle::Moments> moments_in(store::Database& database) {
  oracle::Moments found;
  HS_TRY(txn, database.begin());
  HS_TRY(tip, txn->tip());
  if (!tip) return found;
  HS_TRY(sights, txn->sights());
  for (auto const& sight : sights)
    found.insert({plain(sight.utxo), tip->current.value, to_unix_ms(sight.first_seen), -1});
  std::vector<PublicKey> keys;
  for (std::uint64_t key = 0; key < Contents::kKeys; ++key) keys.push_back(test::key_of(key));
  HS_TRY(finals, txn->final_outputs_to(keys));
  for (auto const& each : finals)
    found.insert({plain(each.output.payment.id), each.output.epoch.value,
                  to_unix_ms(each.output.first_seen), to_unix_ms(each.sealed_at)});
  return found;
}

store::Identity identity() { return {"stt", test::bytes_of<Hash>(0, 99)}; }

}  // namespace

Ground::Ground() {
  Disk::install();
  made_.mount();
  test::TestClock clock;
  clock.set(0);
  auto database = store::Database::open(url(), identity(), clock);
  if (!database) throw Broken("an empty store: " + database.error().what);
}

// A supervisor would start it again and again.
void Simulation::start() {
  for (int tries = 0; !open(); ++tries) {
    expect(tries < 50, "the service starts at last");
    close();
    if (disk_.stopped()) disk_.restart(is_power_, dice_);
    disk_.heal();
  }
  drain();
}

bool Simulation::open() {
  auto const failed = [this](Error const& error) {
    bool const is_disk = disk_.stopped() || error.fault == Fault::transient;
    expect(is_disk, "the store opens again: " + error.what);
    ++coverage_["start failed"];
    return false;
  };
  ground_.board.update([](model::Live& live) { live = {}; });
  auto database = store::Database::open(ground_.url(), identity(), clock_, open_options_);
  if (!database) return failed(database.error());
  auto const state = (*database)->chain();
  if (!state) return failed(state.error());
  auto stored = ingest::stored_chain(**database);
  if (!stored) return failed(stored.error());
  auto moments = moments_in(**database);
  if (!moments) return failed(moments.error());
  ingest::WriterHooks hooks;
  hooks.violation_cleared = [this] { cleared_ = true; };
  hooks.committed = [this](EventSeq head) { heads_.insert(head.value); };
  auto writer = ingest::Writer::open(std::move(*database), clock_, ground_.metrics, ground_.board,
                                     std::move(hooks), writer_options_);
  if (!writer) return failed(writer.error());
  writer_ = std::move(*writer);
  for (auto& reader : readers_) {
    auto opened = store::open_reader(ground_.url());
    if (!opened) return failed(opened.error());
    reader = std::move(*opened);
  }
  if (disk_.stopped()) return false;
  recover(*state, std::move(*moments));
  rules_.stored = *stored;
  rules_.live = 0;
  for (auto const& micro : stored->micros) rules_.live += micro.held ? 0 : 1;
  // What is held counts from the first moment of this run.
  rules_.held_at.assign(kMicroBlocksPerEpoch, instant());
  follower_ = std::make_unique<chain::Follower>(follower_options_, std::move(*stored));
  cleared_ = replaced_ = false;
  held_mark_ = last_sent_ = 0;
  tips_.clear();
  shown_.clear();
  last_block_ = instant();
  heard_.assign(nodes_.size(), {instant(), false});
  return true;
}

// Which of what was submitted had been committed shows only now. Nothing else may have happened.
// What failed belongs to it: a transaction whose last sync failed may stand in the log whole, and
// then a restart finds it committed, unless another one was committed in its place.
void Simulation::recover(store::ChainState const& stored, oracle::Moments moments) {
  auto found = read_store(stored);
  found.moments = std::move(moments);
  for (auto& jobs : jobs_under_way()) failed_.push_back({died_at_, std::move(jobs)});
  std::string text;
  for (auto tried = failed_.rbegin(); tried != failed_.rend(); ++tried)
    for (std::size_t count = 0; count <= submitted_.size(); ++count) {
      auto candidate = shadow_;
      std::vector<Step> steps;
      for (std::size_t i = 0; i < count; ++i)
        steps.push_back(candidate.apply(submitted_[i], tried->at));
      for (auto const& job : tried->jobs) steps.push_back(candidate.apply(job, tried->at));
      auto const why = difference(candidate, steps, found);
      if (why.empty()) {
        bool const has_written = candidate.head() != shadow_.head() ||
                                 candidate.audit().size() != shadow_.audit().size();
        if (count > 0 || has_written) ++coverage_["committed, but not told so"];
        if (candidate.hold().waiting() > 0) ++coverage_["hold: events kept back over a restart"];
        shadow_ = std::move(candidate);
        expected_ = std::move(steps);
        submitted_.clear();
        jobs_.clear();
        failed_.clear();
        check_feed();
        return check_tables();
      }
      text += "\n  after " + std::to_string(count) + " events" +
              (tried->jobs.empty() ? "" : " and a write") + " at " + to_rfc3339(tried->at) +
              ": another " + why;
    }
  expect(false, "after a restart the store is where some run without it would be; it has " +
                    std::to_string(stored.macro_hashes.size()) + " final epochs, " +
                    std::to_string(stored.micros.size()) + " micro blocks, " +
                    std::to_string(found.head) + " events, known were " +
                    std::to_string(feed_.size()) + text + "\n");
}

Simulation::Found Simulation::read_store(store::ChainState const& stored) {
  auto const view = snapshot(0);
  Found found;
  found.chain = stored;
  found.head = view->feed().value().head.value;
  auto page = view->events(EventSeq(feed_.size()), model::kAllEventTypes, 100'000, 100'000);
  found.events = std::move(page.value().events);
  auto const deposits = view->deposits({}, std::nullopt, 100'000);
  for (auto const& row : deposits.value())
    found.rows[{plain(row.deposit.id.utxo), row.deposit.id.epoch.value}] = plain(row.deposit);
  found.addresses = view->addresses({}, std::nullopt, 1000).value();
  found.audit = view->audit().audit(0, 100'000).value().size();
  found.hold = view->hold().hold().value();
  found.withheld = view->hold().withheld().value();
  found.certificates = view->certificates().certificates(Epoch(0), 100'000).value();
  return found;
}

// What a run may have done at its end without anybody being told, beside taking in events.
std::vector<std::vector<Job>> Simulation::jobs_under_way() const {
  std::vector<std::vector<Job>> ways{{}, {Release{}}};
  if (jobs_.empty()) return ways;
  ways.push_back({jobs_.front()});
  ways.push_back({jobs_.front(), Release{}});
  return ways;
}

std::string Simulation::feed_difference(Shadow& candidate, std::vector<Step> const& steps,
                                        Found const& found) const {
  if (found.head != candidate.head() || found.events.size() != found.head - feed_.size())
    return "feed";
  auto next = found.events.begin();
  for (auto [lines, released] : steps) {
    Lines told;
    while (told.size() < lines.size()) told.push_back(candidate.line(*next++));
    std::sort(lines.begin(), lines.end());
    std::sort(told.begin(), told.end());
    if (told != lines) return "feed";
    for (; released > 0; --released)
      if (!candidate.released(candidate.line(*next++)).empty()) return "feed";
  }
  return {};
}

// Empty: the store is as the candidate says.
std::string Simulation::difference(Shadow candidate, std::vector<Step> const& steps,
                                   Found const& found) const {
  if (auto why = candidate.difference(found.chain); !why.empty()) return why;
  if (auto why = feed_difference(candidate, steps, found); !why.empty()) return why;
  auto const& hold = candidate.hold();
  if (found.hold.has_value() != hold.since().has_value() || found.withheld != hold.waiting())
    return "hold";
  if (found.certificates.size() != candidate.certificates().size()) return "list of certificates";
  auto const& book = candidate.book();
  bool same = book.addresses() == found.addresses.size();
  for (auto const& row : found.addresses) {
    auto const key = plain(row.address.key);
    same = same && book.has(key) && book.is_retired(key) == row.address.retired &&
           candidate.reference(key) == row.address.reference.value_or("");
  }
  if (!same) return "list of addresses";
  if (candidate.audit().size() != found.audit) return "audit log";
  if (book.moments() != found.moments) return "time at which a payment was seen";
  return book.rows() == found.rows ? "" : "table of deposits";
}

void Simulation::close() {
  stuck_.reset();
  for (auto& reader : readers_) reader.reset();
  writer_.reset();
  follower_.reset();
  for (auto& node : nodes_) node.disconnect();
}

// In good order: what was submitted is committed first, as far as the disk lets it.
void Simulation::stop() {
  for (int tries = 0; tries < 20 && writer_->waiting() > 0; ++tries) {
    clock_.advance(100);
    work();
  }
  died_at_ = clock_.now();
  close();
  if (disk_.stopped()) {
    ++coverage_[is_power_ ? "power lost while stopping" : "killed while stopping"];
    disk_.restart(is_power_, dice_);
  }
  start();
}

void Simulation::die() {
  died_at_ = clock_.now();
  ++coverage_[is_power_ ? "power lost" : "killed"];
  close();
  disk_.restart(is_power_, dice_);
  // It may come at once again, while the service starts.
  if (dice_.one_in(4)) disk_.stop_at(1 + dice_.below(30));
  clock_.advance(static_cast<std::int64_t>(dice_.below(dice_.one_in(4) ? 90'000 : 500)));
  start();
}

void Simulation::emit(model::ChainEvent event) {
  check_event(event);
  try {
    rules_.apply(event, instant(), follower_options_.revert_grace);
  } catch (std::runtime_error const& broken) {
    expect(false, broken.what());
  }
  submitted_.push_back(event);
  writer_->submit(std::move(event), clock_.instant());
}

void Simulation::drain() {
  for (auto& command : follower_->take()) {
    if (auto const* send = std::get_if<chain::Send>(&command)) {
      auto& node = nodes_[send->node];
      expect(node.connected, "only a connected node is asked");
      expect(node.inbox.size() < 80, "questions are bounded");
      node.inbox.push_back(*send);
      last_sent_ = send->id;
    } else if (auto const* again = std::get_if<chain::Reconnect>(&command)) {
      ++coverage_["reconnected"];
      nodes_[again->node].disconnect();
    } else if (auto* event = std::get_if<chain::Emit>(&command)) {
      emit(std::move(event->event));
    } else if (auto const* count = std::get_if<chain::Count>(&command)) {
      ++coverage_[(count->what == chain::Count::What::reconcile ? "reconciled: " : "refused: ") +
                  count->reason];
    }
  }
}

void Simulation::submit(Job job) {
  jobs_.push_back(job);
  auto const answered = [this](Result<void> const& result) {
    if (!result) expect(result.error().fault == Fault::transient, result.error().what);
    job_results_.push_back(result.has_value());
  };
  model::AuditEntry const entry{"alice", "admin", Shadow::action_of(job), "-", "done", "-"};
  if (std::holds_alternative<Clear>(job)) return writer_->clear("it was restored", entry, answered);
  auto const work = [this, job, entry](store::WriteTxn& txn) -> Result<void> {
    if (std::holds_alternative<SetHold>(job)) {
      HS_TRY(hold, txn.hold().hold());  // one that is set stays as it is
      if (!hold) HS_DO(txn.hold().set({clock_.now(), "alice", "an audit"}));
    } else if (std::holds_alternative<LiftHold>(job)) {
      HS_DO(txn.hold().lift());
    } else if (auto const* add = std::get_if<Register>(&job)) {
      HS_TRY(made, writer_->add(txn, add->addresses, kAnyHistory));
      expect(made.taken == add->addresses.size(), "any history is told in one transaction");
    } else {
      HS_TRY(known, writer_->retire(txn, std::get<Retire>(job).key));
      if (!known) return {};
    }
    return txn.audit().append(entry, clock_.now());
  };
  writer_->write(work, answered);
}

void Simulation::took_in(std::size_t events) {
  for (; events > 0; --events) {
    auto const event = std::move(submitted_.front());
    submitted_.pop_front();
    auto const epochs = shadow_.certificates().size();
    expected_.push_back(shadow_.apply(event, clock_.now()));
    if (shadow_.certificates().size() > epochs)
      expect(heads_.contains(shadow_.certificates().back().feed_seq),
             "a certificate names the last event of the transaction that seals");
    static constexpr char const* kNames[] = {"started",  "connected",    "held",
                                             "returned", "undone",       "sealed",
                                             "violated", "node changed", "stalled"};
    ++coverage_["event: " + std::string(kNames[event.index()])];
  }
}

// The writer ends a round by handing out numbers. Whether it could shows in the feed.
void Simulation::released() {
  if (!shadow_.hold().is_releasing()) return;
  if (snapshot(0)->feed().value().head.value > shadow_.head()) {
    expected_.push_back(shadow_.apply(Release{}, clock_.now()));
    failed_.clear();
    ++coverage_["hold: another portion released"];
  } else {
    expect(ground_.board.read().store_fault.has_value(), "what a hold kept back comes by itself");
    failed_.push_back({clock_.now(), {Release{}}});
    ++coverage_["hold: a portion not released"];
  }
}

void Simulation::work() {
  auto const before = writer_->waiting();
  bool const is_idle = before == 0 && jobs_.empty() && !shadow_.hold().is_releasing();
  job_results_.clear();
  heads_.clear();
  writer_->work(clock_.instant());
  if (disk_.stopped()) return die();
  expect(!is_idle || heads_.empty(), "who has nothing to do writes nothing");
  auto const after = writer_->waiting();
  took_in(before - after);
  if (after < before) failed_.clear();
  if (after > 0) failed_.push_back({clock_.now(), {}});
  for (bool const done : std::exchange(job_results_, {})) {
    if (done) {
      auto const written = shadow_.audit().size();
      expected_.push_back(shadow_.apply(jobs_.front(), clock_.now()));
      // One that changes nothing writes nothing, and takes no other's place.
      if (shadow_.audit().size() > written || expected_.back().released > 0) failed_.clear();
    } else {
      ++coverage_["write refused"];
      failed_.push_back({clock_.now(), {jobs_.front()}});
    }
    jobs_.pop_front();
  }
  released();
  check_feed();
  if (!std::exchange(cleared_, false)) return;
  rules_.stored.violated = false;
  follower_->on_violation_cleared(instant());
  drain();
}

}  // namespace hotside::sim
