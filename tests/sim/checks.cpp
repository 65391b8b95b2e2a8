// What is compared with what, and how a history comes to rest.

#include <algorithm>
#include <utility>

#include "proto/base/sha3.hpp"
#include "proto/model/address.hpp"
#include "tests/sim/simulation.hpp"
#include "tests/support/feed_reading.hpp"

namespace hotside::sim {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw Broken("a reader fails: " + result.error().what);
  return std::move(*result);
}

}  // namespace

void Simulation::expect(bool holds, std::string_view what) const {
  if (holds) return;
  throw Broken(std::string(what) + " (action " + std::to_string(at_) + " of the script, " +
               to_rfc3339(clock_.now()) + ")");
}

std::unique_ptr<store::Snapshot> Simulation::snapshot(std::size_t reader) {
  return must(readers_[reader]->snapshot());
}

// ---- after each commit

// The next events of the feed are these, in any order but that a deposit's own come first.
void Simulation::expect_lines(Lines lines) {
  if (lines.empty()) return;
  auto const end = feed_.size();
  auto const begin = end - lines.size();
  Lines told;
  std::map<std::string, bool> has_spend;
  for (auto at = begin; at < end; ++at) {
    auto line = shadow_.line(feed_[at]);
    auto const type = line.substr(0, line.find(' '));
    auto const id = test::field(feed_[at].json, "id");
    if (type.starts_with("spend.")) has_spend[id] = true;
    expect(!type.starts_with("deposit.") || !has_spend[id],
           "a deposit's own event comes before its spend's: " + line);
    told.push_back(std::move(line));
    ++coverage_["told: " + type];
  }
  std::sort(told.begin(), told.end());
  std::sort(lines.begin(), lines.end());
  if (told == lines) return;
  std::string text;
  for (auto const& line : told)
    if (!std::binary_search(lines.begin(), lines.end(), line)) text += "\n  told     " + line;
  for (auto const& line : lines)
    if (!std::binary_search(told.begin(), told.end(), line)) text += "\n  expected " + line;
  expect(false, "the feed tells what happened:" + text + "\n");
}

// What one cause tells, and then what it releases of what was kept back.
void Simulation::expect_step(Step step, std::deque<model::OutboxEvent>& fresh) {
  auto const take = [&] {
    expect(fresh.front().seq.value == feed_.size() + 1 &&
               test::field(fresh.front().json, "seq") == std::to_string(feed_.size() + 1),
           "numbers have no holes");
    feed_.push_back(std::move(fresh.front()));
    fresh.pop_front();
  };
  expect(fresh.size() >= step.lines.size(),
         step.lines.empty() ? "" : "an event is missing: " + step.lines.front());
  for (auto left = step.lines.size(); left > 0; --left) take();
  expect_lines(std::move(step.lines));
  for (; step.released > 0; --step.released) {
    expect(!fresh.empty(), "what a hold kept back gets its number when it is lifted");
    take();
    auto const line = shadow_.line(feed_.back());
    auto const why = shadow_.released(line);
    expect(why.empty(), "a lifted hold tells in order, not " + why + ": " + line);
    ++coverage_["told after a hold: " + line.substr(0, line.find(' '))];
  }
}

void Simulation::check_feed() {
  auto view = snapshot(0);
  auto const head = must(view->feed()).head;
  auto page = must(view->events(EventSeq(feed_.size()), model::kAllEventTypes, 100'000, 100'000));
  view.reset();
  std::deque<model::OutboxEvent> fresh(page.events.begin(), page.events.end());
  for (auto& step : std::exchange(expected_, {})) expect_step(std::move(step), fresh);
  expect(fresh.empty(), "nothing happened, and yet: " + (fresh.empty() ? "" : fresh.front().json));
  expect(head.value == feed_.size(), "the head is the last number");
  if (!page.events.empty() || dice_.one_in(8)) check_tables();
}

void Simulation::check_tables() {
  auto const view = snapshot(0);
  std::vector<model::Deposit> deposits;
  oracle::Rows rows;
  for (auto const& row : must(view->deposits({}, std::nullopt, 100'000))) {
    deposits.push_back(row.deposit);
    rows[{plain(row.deposit.id.utxo), row.deposit.id.epoch.value}] = plain(row.deposit);
  }
  auto const& wanted = shadow_.book().rows();
  if (rows != wanted) {
    std::string text;
    for (auto const& [key, row] : rows)
      if (!wanted.contains(key) || !(wanted.at(key) == row)) text += "\n  stored   " + text_of(row);
    for (auto const& [key, row] : wanted)
      if (!rows.contains(key) || !(rows.at(key) == row)) text += "\n  expected " + text_of(row);
    expect(false, "the tables are the oracle's:" + text + "\n");
  }
  auto folded = test::folded(feed_), standing = test::standings_of(deposits);
  for (auto const& each : deposits) {
    if (!shadow_.hold().is_waiting({plain(each.id.utxo), each.id.epoch.value})) continue;
    folded.erase(each.id.text());
    standing.erase(each.id.text());
  }
  expect(folded == standing, "folding the feed gives the tables");
  expect(must(view->position()) == shadow_.position(), "the position is the last block taken in");
  check_sums(*view);
  check_hold(*view);
  check_bundles(*view);
  check_relayed(*view);
  check_certificates(*view);
}

// Now, or the very end of a bundle's time or just before it: what a reader asks of the store then,
// unless something is written.
Time Simulation::some_moment() {
  auto const& bundles = shadow_.bundles().all();
  if (bundles.empty() || dice_.one_in(2)) return clock_.now();
  auto const end = from_unix_ms(bundles[dice_.below(bundles.size())].expires_at);
  auto const at = dice_.one_in(2) ? end : end - std::chrono::milliseconds(1);
  return std::max(at, clock_.now());
}

// What is kept back, and that nobody is offered to spend what was not told to be committed.
void Simulation::check_hold(store::Snapshot& view) {
  auto const& hold = shadow_.hold();
  auto const stored = must(view.hold().hold());
  expect(stored.has_value() == hold.since().has_value() &&
             (!stored || to_unix_ms(stored->since) == *hold.since()),
         "the hold is as it was set");
  auto const waiting = must(view.hold().withheld());
  expect(waiting == hold.waiting(), "a hold keeps back what it must: " + std::to_string(waiting) +
                                        " instead of " + std::to_string(hold.waiting()));
  Coins offered;
  auto const now = some_moment();
  for (auto const& row : must(view.bundles().utxos({}, std::nullopt, 100'000, now)))
    offered[plain(row.coin.id.utxo)] = {plain(row.coin.recipient), row.coin.amount.value};
  auto const spendable = shadow_.coins(now);
  expect(offered == spendable, "what can be spent is committed, unspent, told and free");
}

// By the clock, and by what was relayed and spent.
void Simulation::check_bundles(store::Snapshot& view) {
  auto const& wanted = shadow_.bundles().all();
  auto const now = some_moment();
  auto stored = must(view.bundles().bundles(std::nullopt, 100'000, now));
  expect(stored.size() == wanted.size(), "each bundle is there once");
  for (auto const& bundle : wanted) {
    auto const& row = stored.back();
    auto const state = bundle.state(to_unix_ms(now));
    ++coverage_["bundle: " + state];
    expect(row.id == bundle.id && model::to_string(row.state) == state,
           "bundle " + bundle.id + " is " + state + ", not " + row.id + " " +
               std::string(model::to_string(row.state)));
    stored.pop_back();
  }
}

// Each as it was given, and as it stands now.
void Simulation::check_relayed(store::Snapshot& view) {
  auto const& wanted = shadow_.relays().rows();
  auto const stored = must(view.transactions().transactions(std::nullopt, std::nullopt, 100'000));
  expect(stored.size() == wanted.size(), "each transaction is recorded once");
  for (auto const& row : stored) {
    auto const tx = wanted.find(plain(row.tx.hash));
    expect(tx != wanted.end() && tx->second == plain(row.tx),
           "a relayed transaction is what the blocks make of it: " + row.tx.hash.hex() + " is " +
               std::string(model::to_string(row.tx.state)) + " instead of " +
               (tx == wanted.end() ? "none" : tx->second.state));
  }
}

// Each sealed epoch has one, as it was at its seal, chained to the one before.
void Simulation::check_certificates(store::Snapshot& view) {
  auto const stored = must(view.certificates().certificates(Epoch(0), 100'000));
  auto const& wanted = shadow_.certificates();
  auto const feed = must(view.feed()).feed;
  expect(stored.size() == wanted.size(), "each final epoch has a certificate");
  std::string previous(64, '0');
  for (std::size_t at = 0; at < stored.size(); ++at) {
    auto const& each = stored[at];
    auto const epoch = " of epoch " + std::to_string(wanted[at].epoch);
    expect(Certificate::of(each) == wanted[at] && each.feed == feed,
           "a certificate says what its epoch contains:" + epoch);
    expect(each.previous.hex() == previous, "certificates are chained:" + epoch);
    previous = wanted[at].name(shadow_.hrp(), feed, previous);
    expect(each.hash.hex() == previous, "a certificate has the name of its text:" + epoch);
  }
}

// Over all that was told to be committed.
void Simulation::check_checkpoint(store::Snapshot& view) {
  store::Checkpoint wanted;
  for (auto const& event : feed_) {
    if (event.type != model::EventType::deposit_committed) continue;
    auto const get = [&](char const* key) { return test::field(event.json, key); };
    auto const amount = std::stoll(get("amount"));
    Sha3 sha;
    sha.bytes(wanted.hash.view());
    sha.bytes(Hash::from_hex(get("utxo")).value().view());
    sha.u64(std::stoull(get("epoch")));
    sha.i64(amount);
    wanted.hash = sha.finish();
    wanted.amount += amount;
    ++wanted.count;
  }
  expect(must(view.books().checkpoint(EventSeq(feed_.size()))) == wanted,
         "the checkpoint is that of the feed");
}

void Simulation::check_sums(store::Snapshot& view) {
  store::Counts counts;
  std::map<oracle::Id, std::array<store::Total, 3>> totals;
  auto const& book = shadow_.book();
  for (auto const& [key, row] : book.rows()) {
    ++counts.deposits;
    auto& [prepared, committed, unspent] = totals[row.to];
    auto const add = [&row = row](store::Total& total) {
      ++total.count;
      total.amount += row.amount;
    };
    if (row.state == oracle::State::prepared) ++counts.prepared, add(prepared);
    if (row.state == oracle::State::reverted) ++counts.reverted;
    if (row.state != oracle::State::committed) continue;
    ++counts.committed;
    add(committed);
    if (row.spend == oracle::Spend::unspent) add(unspent);
  }
  auto const stored = must(view.counts());
  expect(stored.deposits == counts.deposits && stored.prepared == counts.prepared &&
             stored.reverted == counts.reverted && stored.committed == counts.committed &&
             stored.addresses == book.addresses() && stored.public_outputs == book.finals().size(),
         "the counts are those of the rows");
  auto const rows = must(view.addresses({}, std::nullopt, 1000));
  expect(rows.size() == book.addresses(), "every address is there once");
  for (auto const& row : rows) {
    auto const& [prepared, committed, unspent] = totals[plain(row.address.key)];
    expect(row.totals == store::Totals{prepared, committed, unspent},
           "an address's sums are those of its deposits");
    expect(row.address.retired == book.is_retired(plain(row.address.key)),
           "an address is retired once it was");
  }
}

// Every write that was asked for has its line, and each line holds the hash of the one before.
void Simulation::check_audit(store::Snapshot& view) {
  auto const rows = must(view.audit().audit(0, 100'000));
  expect(rows.size() == shadow_.audit().size(), "each write is in the audit log once");
  Hash previous;
  for (std::size_t at = 0; at < rows.size(); ++at) {
    auto const& row = rows[at];
    expect(row.n == at + 1 && row.entry.action == shadow_.audit()[at], "the audit log is in order");
    expect(row.previous == previous && row.hash == store::audit_hash(row), "the log is chained");
    previous = row.hash;
  }
}

// ---- coming to rest

bool Simulation::is_level() {
  if (!are_hooks_level()) return false;
  if (!submitted_.empty() || !jobs_.empty() || rules_.next() != world_.epoch()) return false;
  if (shadow_.hold().is_releasing()) return false;
  if (rules_.live != rules_.stored.micros.size() || rules_.live != world_.micros.size())
    return false;
  for (std::size_t at = 0; at < rules_.live; ++at)
    if (rules_.stored.micros[at].hash != world_.micros[at].hash) return false;
  return rules_.next() <= rules_.stored.first || rules_.sealed() == world_.macros.back().hash;
}

// Nothing is lost, and who is not mute answers.
void Simulation::rest(int rounds) {
  for (; rounds > 0; --rounds) {
    for (auto& node : nodes_) {
      if (!node.connected) connect(node);
      if (muted_[id_of(node)]) continue;
      for (int count = 0; count < 200 && (!node.inbox.empty() || !node.wire.empty()); ++count) {
        if (dice_.one_in(2)) node.serve();
        deliver(node);
      }
    }
    pass(200);
    work();
  }
}

void Simulation::calm(int rounds) {
  for (; rounds > 0 && !is_level(); --rounds) {
    heal_hooks();
    rest(1);
  }
}

std::string Simulation::describe() {
  auto text = "; it has " + std::to_string(shadow_.finals().size()) + " final epochs of " +
              std::to_string(world_.macros.size()) + ", " + std::to_string(submitted_.size()) +
              " events and " + std::to_string(jobs_.size()) + " writes wait, and " +
              std::to_string(shadow_.hold().waiting()) + " for their numbers" +
              (are_hooks_level() ? "" : ", webhooks are behind") +
              (shadow_.violated() ? ", violated" : "") + (writer_->room() ? "" : ", without room");
  for (auto const& node : follower_->nodes(clock_.now()))
    text += "\n  " + node.name + " " + std::string(model::to_string(node.state)) + " " + node.text;
  return text + "\n";
}

void Simulation::level_nodes() {
  for (auto& node : nodes_)
    while (node.step()) {
    }
}

// A node that shows another final block than ours is noticed, whatever else it says.
void Simulation::notice_forgery() {
  for (std::size_t at = 0; at < nodes_.size(); ++at) {
    auto& node = nodes_[at];
    if (!node.is_forged() || forged_from_ > *shadow_.final()) continue;
    muted_[at] = false;
    node.synchronised = true;
    node.garbles = false;
    node.thaw();
    for (int round = 0; round < 200 && !shadow_.violated(); ++round) {
      if (!node.connected) connect(node);
      serve(node, 20);
      pass(200);
      work();
    }
    expect(shadow_.violated(), "another final block than ours is noticed");
    ++coverage_["forgery noticed"];
  }
}

// The disk and all nodes, or one of them while the others stay as they are.
void Simulation::heal(std::optional<std::size_t> only) {
  disk_.heal();
  notice_forgery();
  for (std::size_t at = 0; at < nodes_.size(); ++at) {
    if (nodes_[at].is_forged()) cut(nodes_[at]);
    nodes_[at].repent();
    if (only && *only != at) continue;
    muted_[at] = false;
    nodes_[at].synchronised = true;
    nodes_[at].garbles = false;
    nodes_[at].thaw();
  }
}

void Simulation::quiesce(bool with_one) {
  std::optional<std::size_t> only;
  if (with_one && nodes_.size() > 1 && follower_options_.confirm_nodes == 1)
    only = dice_.below(nodes_.size());
  heal(only);
  while (only || world_.epoch() < follower_options_.start_epoch || world_.epoch() < Epoch(2)) {
    contents_.make_sealable();
    world_.seal();
    // Whoever is an epoch behind is left for the one that is not.
    if (world_.epoch() >= follower_options_.start_epoch && world_.epoch() >= Epoch(2)) break;
  }
  // A take-back that was lost shows only when the chain moves on.
  if (!world_.grow()) {
    contents_.make_sealable();
    world_.seal();
    world_.grow();
  }
  for (std::size_t at = 0; at < nodes_.size(); ++at)
    while ((!only || *only == at) && nodes_[at].step()) {
    }
  if (dice_.one_in(2)) submit(LiftHold{});
  // A violation may still wait to be committed.
  if (shadow_.violated() || rules_.stored.violated) {
    rest(50);
    submit(Clear{});
  }
  calm(1500);
  if (!is_level())
    expect(false,
           (only ? "with one good node we hold its chain" : "at rest we hold the node's chain") +
               describe());
  ++coverage_[only ? "at rest with one good node" : "at rest"];
  if (shadow_.hold().waiting() > 0) ++coverage_["at rest with events that are kept back"];
  check_end();
}

// What a naive replay of the final chain gives, whatever came before.
void Simulation::check_end() {
  expect(!ground_.board.read().store_fault.has_value(), "the store is written");
  check_audit(*snapshot(0));
  check_tables();
  check_checkpoint(*snapshot(0));
  auto const first = follower_options_.start_epoch.value;
  oracle::Book replay(first);
  for (auto const& row : must(snapshot(0)->addresses({}, std::nullopt, 1000)))
    replay.registered({plain(row.address.key)}, 0);
  for (auto at = first; at < world_.macros.size(); ++at) {
    replay.sealed(plain(world_.macros[at]), 0);
    auto const again = Certificate::of(plain(world_.macros[at]), replay, 0);
    auto const& certificate = shadow_.certificates().at(at - first);
    expect(certificate.all == again.all && certificate.macro == again.macro,
           "certificates are of the final chain");
  }
  for (auto const& micro : world_.micros) replay.connected(plain(micro), 0);
  std::size_t standing = 0;
  Sum committed = 0, credited = 0;
  Exchange::Credits due;
  for (auto const& row : must(snapshot(0)->deposits({}, std::nullopt, 100'000))) {
    if (row.deposit.state == model::DepositState::reverted) continue;
    ++standing;
    auto const mine = plain(row.deposit);
    auto const other = replay.rows().find({mine.utxo, mine.epoch});
    expect(other != replay.rows().end() && other->second.state == mine.state &&
               other->second.spend == mine.spend && other->second.amount == mine.amount &&
               other->second.to == mine.to && other->second.block == mine.block,
           "a deposit is the chain's: " + text_of(mine));
    if (mine.state != oracle::State::committed) continue;
    if (shadow_.hold().is_uncredited({mine.utxo, mine.epoch})) continue;
    committed += mine.amount;
    due[row.deposit.id.text()] = {model::to_address("stt", row.deposit.recipient), mine.amount};
  }
  expect(standing == replay.rows().size(), "no deposit is missing");
  // Of an epoch that is the first to be taken in, nothing may be left: then there is no position.
  auto const position = must(snapshot(0)->position());
  bool const is_bare =
      world_.micros.empty() && follower_options_.start_epoch.value >= world_.macros.size();
  expect(position ? position->block_hash == world_.tip() : is_bare, "the position is the node's");
  stuck_.reset();
  for (int tries = 0; tries < 10'000 && exchange_.cursor() < feed_.size(); ++tries)
    exchange_.poll(*snapshot(1), dice_, 50);
  expect(exchange_.credits() == due, "the exchange has credited what is final, once");
  check_hooks(*snapshot(0), due);
  for (auto const& [id, credit] : exchange_.credits()) credited += credit.amount;
  expect(credited == committed, "sums conserve");
}

}  // namespace hotside::sim
