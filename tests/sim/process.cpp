// The service in the simulation: how it starts, takes in, stops and dies.

#include <algorithm>
#include <utility>

#include "proto/base/invariant.hpp"
#include "tests/sim/simulation.hpp"

namespace hotside::sim {
namespace {

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
  for (std::uint64_t key = 0; key < Contents::kEverybody; ++key) keys.push_back(test::key_of(key));
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
  hooks.committed = [this](EventSeq head) {
    heads_.insert(head.value);
    rang_ = true;
  };
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
  start_lanes();
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
  auto const log = view->audit().audit(0, 100'000);
  for (auto const& row : log.value()) found.audit.push_back(row.entry.action);
  found.hold = view->hold().hold().value();
  found.withheld = view->hold().withheld().value();
  auto const relayed = view->transactions().transactions(std::nullopt, std::nullopt, 100'000);
  for (auto const& row : relayed.value()) found.relayed[plain(row.tx.hash)] = plain(row.tx);
  found.bundles = view->bundles().bundles(std::nullopt, 100'000, clock_.now()).value();
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
  for (auto const& step : steps) {
    auto lines = step.lines;
    Lines told;
    while (told.size() < lines.size()) told.push_back(candidate.line(*next++));
    std::sort(lines.begin(), lines.end());
    std::sort(told.begin(), told.end());
    if (told != lines) return "feed";
    for (auto left = step.released; left > 0; --left)
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
  if (candidate.audit() != found.audit) return "audit log";
  if (candidate.bundles().all().size() != found.bundles.size()) return "list of bundles";
  for (std::size_t at = 0; at < found.bundles.size(); ++at) {
    auto const& row = found.bundles[found.bundles.size() - 1 - at];
    auto const& bundle = candidate.bundles().all()[at];
    if (row.id != bundle.id ||
        model::to_string(row.state) != bundle.state(to_unix_ms(clock_.now())))
      return "bundle";
  }
  if (candidate.relays().rows() != found.relayed) return "list of transactions";
  if (book.moments() != found.moments) return "time at which a payment was seen";
  return book.rows() == found.rows ? "" : "table of deposits";
}

void Simulation::close() {
  close_lanes();
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
    bool const is_refused = !result && result.error().fault == Fault::rejected;
    if (!result)
      expect(is_refused || result.error().fault == Fault::transient, result.error().what);
    job_results_.push_back({result.has_value(), is_refused ? result.error().reason : ""});
  };
  model::AuditEntry const entry{"alice", "admin", Shadow::action_of(job), "-", "done", "-"};
  if (std::holds_alternative<Clear>(job)) return writer_->clear("it was restored", entry, answered);
  auto const work = [this, job, entry](store::WriteTxn& txn) -> Result<void> {
    return write(txn, job, entry);
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
  for (auto const& [is_done, refusal] : std::exchange(job_results_, {})) {
    if (is_done || !refusal.empty()) {
      auto const wanted = shadow_.refusal(jobs_.front(), clock_.now());
      if (auto const* order = std::get_if<Order>(&jobs_.front())) {
        auto const why = shadow_.problem(*order, clock_.now());
        expect(why.empty(), "a bundle is what was ordered, but " + why);
      }
      expect(refusal == wanted, "what is refused is what must be, for \"" + wanted +
                                    "\" and not for \"" + refusal + "\"");
      if (!refusal.empty()) ++coverage_["write refused: " + refusal];
      expected_.push_back(shadow_.apply(jobs_.front(), clock_.now()));
      // One that changes nothing writes nothing, and takes no other's place.
      if (expected_.back().has_written || expected_.back().released > 0) failed_.clear();
    } else {
      ++coverage_["write refused"];
      failed_.push_back({clock_.now(), {jobs_.front()}});
    }
    noted(jobs_.front(), is_done);
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
