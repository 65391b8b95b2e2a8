#include "tests/sim/shadow.hpp"

#include <algorithm>

#include "proto/model/address.hpp"
#include "tests/support/feed_reading.hpp"

namespace hotside::sim {
namespace {

std::int64_t ms(Time time) { return to_unix_ms(time); }
std::string when(std::int64_t at) { return to_rfc3339(from_unix_ms(at)); }
std::string hex(oracle::Id const& id) { return to_hex(as_bytes(id)); }

char const* text(oracle::State state) {
  return state == oracle::State::prepared   ? "prepared"
         : state == oracle::State::reverted ? "reverted"
                                            : "committed";
}
char const* text(oracle::Spend spend) {
  return spend == oracle::Spend::unspent    ? "unspent"
         : spend == oracle::Spend::prepared ? "spend_prepared"
                                            : "spent";
}

bool moves_chain(model::ChainEvent const& event) {
  return !std::holds_alternative<model::Violated>(event) &&
         !std::holds_alternative<model::NodeChanged>(event) &&
         !std::holds_alternative<model::Stalled>(event);
}

}  // namespace

// ---- from the product's words to the oracle's

oracle::Id plain(Hash const& hash) { return {hash.bytes.begin(), hash.bytes.end()}; }
oracle::Id plain(PublicKey const& key) { return {key.bytes.begin(), key.bytes.end()}; }

static oracle::Payment plain(model::PublicPayment const& paid) {
  return {plain(paid.id), plain(paid.recipient), paid.serno, paid.amount.value};
}

oracle::Micro plain(model::MicroBlock const& block) {
  oracle::Micro made;
  made.offset = block.offset.value;
  made.hash = plain(block.hash);
  made.time = ms(block.time);
  for (auto const& tx : block.transactions) {
    oracle::Transaction each;
    if (tx.hash) each.hash = plain(*tx.hash);
    for (auto i = tx.input_begin; i < tx.input_end; ++i)
      each.spends.push_back(plain(block.inputs[i]));
    for (auto const& paid : block.payments)
      if (paid.output >= tx.output_begin && paid.output < tx.output_end)
        each.pays.push_back(plain(paid));
    made.transactions.push_back(std::move(each));
  }
  return made;
}

oracle::Macro plain(model::MacroBlock const& block) {
  oracle::Macro made;
  made.epoch = block.epoch.value;
  made.hash = plain(block.hash);
  made.time = ms(block.time);
  for (auto const& id : block.inputs) made.spends.insert(plain(id));
  for (auto const& paid : block.payments) made.pays.push_back(plain(paid));
  return made;
}

oracle::Row plain(model::Deposit const& deposit) {
  oracle::Row row;
  row.utxo = plain(deposit.id.utxo);
  row.epoch = deposit.id.epoch.value;
  row.to = plain(deposit.recipient);
  row.serno = deposit.serno;
  row.amount = deposit.amount.value;
  switch (deposit.state) {
    case model::DepositState::prepared:
      row.state = oracle::State::prepared;
      break;
    case model::DepositState::reverted:
      row.state = oracle::State::reverted;
      break;
    case model::DepositState::committed:
      row.state = oracle::State::committed;
      break;
  }
  switch (deposit.spend) {
    case model::SpendState::unspent:
      row.spend = oracle::Spend::unspent;
      break;
    case model::SpendState::spend_prepared:
      row.spend = oracle::Spend::prepared;
      break;
    case model::SpendState::spent:
      row.spend = oracle::Spend::spent;
      break;
  }
  if (deposit.offset) row.offset = deposit.offset->value;
  row.block = plain(deposit.block_hash);
  if (deposit.tx_hash) row.transaction = plain(*deposit.tx_hash);
  row.block_time = ms(deposit.block_time);
  row.first_seen = ms(deposit.first_seen);
  if (deposit.committed_at) row.committed_at = ms(*deposit.committed_at);
  row.retired = deposit.retired;
  return row;
}

std::string text_of(oracle::Row const& row) {
  return hex(row.utxo) + ":" + std::to_string(row.epoch) + " " + std::to_string(row.amount) + " " +
         text(row.state) + " " + text(row.spend) + " offset " +
         (row.offset ? std::to_string(*row.offset) : "null") + " block " + hex(row.block) + " tx " +
         (row.transaction ? hex(*row.transaction) : "null") + " of " + when(row.block_time) +
         " seen " + when(row.first_seen) + " committed " +
         (row.committed_at ? when(*row.committed_at) : "null") + " retired " +
         (row.retired ? "true" : "false");
}

// ---- what was committed

Lines Shadow::told(Time at) {
  Lines lines;
  hold_.next_cause();
  for (auto const& each : book_.take()) {
    auto text = line(each.type, each.row, each.backfill, at);
    if (hold_.keeps(each))
      hold_.keep(each, std::move(text));
    else
      lines.push_back(std::move(text));
  }
  return lines;
}

Step Shadow::apply(model::ChainEvent const& event, Time now) {
  auto const epochs = finals_.size();
  Step step{take_in(event, now), 0};
  head_ += step.lines.size();
  if (finals_.size() > epochs)
    certificates_.push_back(
        Certificate::of(plain(std::get<model::Sealed>(event).block), book_, head_));
  return step;
}

Lines Shadow::take_in(model::ChainEvent const& event, Time now) {
  if (violated() && moves_chain(event)) return {};
  if (auto const* begun = std::get_if<model::Started>(&event)) {
    started_ = *begun;
    book_ = [&] {  // nothing was taken in yet; addresses stay
      oracle::Book book(begun->first.value);
      for (auto const& [key, reference] : references_) {
        book.registered({key}, ms(now));
        if (book_.is_retired(key)) book.retired(key);
      }
      return book;
    }();
  } else if (auto const* connected = std::get_if<model::Connected>(&event)) {
    auto const at = connected->block.offset.value;
    micros_.resize(at);
    for (auto& micro : micros_) micro.held = false;
    micros_.push_back({connected->block.hash, connected->block.time, false});
    book_.connected(plain(connected->block), ms(now));
  } else if (auto const* held = std::get_if<model::Held>(&event)) {
    for (auto at = held->from.value; at < micros_.size(); ++at) micros_[at].held = true;
  } else if (auto const* back = std::get_if<model::Returned>(&event)) {
    for (std::size_t at = 0; at < back->until.value; ++at) micros_[at].held = false;
  } else if (auto const* undone = std::get_if<model::Undone>(&event)) {
    micros_.resize(undone->from.value);
    book_.undone(undone->from.value, ms(now));
  } else if (auto const* sealed = std::get_if<model::Sealed>(&event)) {
    micros_.clear();
    finals_.push_back(sealed->block.hash);
    final_time_ = sealed->block.time;
    book_.sealed(plain(sealed->block), ms(now));
  } else if (auto const* violated_by = std::get_if<model::Violated>(&event)) {
    violations_.push_back(*violated_by);
    return {"chain.finality_violation " + violated_by->node + " " + violated_by->shown.hex()};
  } else if (auto const* node = std::get_if<model::NodeChanged>(&event)) {
    return {(node->up ? "node.up " : "node.down ") + node->node};
  } else {
    return {"chain.stalled " + to_rfc3339(std::get<model::Stalled>(event).since)};
  }
  return told(now);
}

std::string Shadow::action_of(Job const& job) {
  static constexpr char const* kNames[] = {"address.register", "address.retire", "violation.clear",
                                           "hold.set",         "hold.lift",      ""};
  return kNames[job.index()];
}

Step Shadow::apply(Job const& job, Time now) {
  auto const* gone = std::get_if<Retire>(&job);
  // Nobody to retire is nothing done.
  bool const is_nothing = gone != nullptr && !book_.has(plain(gone->key));
  if (!is_nothing && !std::holds_alternative<Release>(job)) audit_.push_back(action_of(job));
  if (auto const* add = std::get_if<Register>(&job)) {
    std::set<oracle::Id> keys;
    for (auto const& address : add->addresses) {
      auto const key = plain(address.key);
      keys.insert(key);
      auto& reference = references_[key];
      if (address.reference) reference = *address.reference;
    }
    book_.registered(keys, ms(now));
  } else if (auto const* retire = std::get_if<Retire>(&job)) {
    if (book_.has(plain(retire->key))) book_.retired(plain(retire->key));
  } else if (std::holds_alternative<Clear>(job)) {
    violations_.clear();
  } else if (std::holds_alternative<SetHold>(job)) {
    hold_.set(ms(now));
  } else if (std::holds_alternative<LiftHold>(job)) {
    hold_.lift();
  }
  Step step{told(now), 0};
  step.released = hold_.release();
  head_ += step.lines.size() + step.released;
  return step;
}

std::optional<Epoch> Shadow::final() const {
  if (finals_.empty()) return std::nullopt;
  return Epoch(started_->first.value + finals_.size() - 1);
}

std::string Shadow::difference(store::ChainState const& state) const {
  if (state.started.has_value() != started_.has_value()) return "whether the chain has started";
  if (started_ &&
      (state.started->first != started_->first || state.started->previous != started_->previous))
    return "where the chain starts";
  if (state.macro_hashes != finals_)
    return "final epochs: " + std::to_string(state.macro_hashes.size()) + " instead of " +
           std::to_string(finals_.size()) + ", or others";
  if (state.violated != violated()) return "whether finality is violated";
  if (state.micros.size() != micros_.size())
    return std::to_string(state.micros.size()) + " micro blocks instead of " +
           std::to_string(micros_.size());
  for (std::size_t at = 0; at < micros_.size(); ++at) {
    if (state.micros[at].hash != micros_[at].hash) return "micro block " + std::to_string(at);
    if (state.micros[at].held != micros_[at].held)
      return "whether micro block " + std::to_string(at) + " is held";
  }
  return {};
}

std::optional<model::Position> Shadow::position() const {
  if (!started_) return std::nullopt;
  model::Position at;
  at.final_epoch = Epoch(started_->first.value + finals_.size()).previous();
  at.final_hash = finals_.empty() ? started_->previous : finals_.back();
  at.epoch = at.final_epoch;
  at.block_hash = at.final_hash;
  at.block_time = final_time_;
  bool known = !finals_.empty();
  for (std::size_t offset = 0; offset < micros_.size() && !micros_[offset].held; ++offset) {
    known = true;
    at.epoch = at.final_epoch.next();
    at.offset = Offset(static_cast<std::uint32_t>(offset));
    at.block_hash = micros_[offset].hash;
    at.block_time = micros_[offset].time;
  }
  return known ? std::optional(at) : std::nullopt;
}

// ---- events as lines

std::string Shadow::line(std::string const& type, oracle::Row const& row, bool backfill,
                         Time at) const {
  auto const reference = references_.find(row.to);
  PublicKey key;
  std::copy(row.to.begin(), row.to.end(), key.bytes.begin());
  return type + " " + text_of(row) + " to " + model::to_address(hrp_, key) + " of " +
         (reference == references_.end() || reference->second.empty() ? "null"
                                                                      : reference->second) +
         (backfill ? " backfill at " : " at ") + to_rfc3339(at);
}

std::string Shadow::line(model::OutboxEvent const& event) const {
  auto const& json = event.json;
  auto const get = [&](char const* key) { return test::field(json, key); };
  auto const type = get("type");
  if (type == "chain.finality_violation") return type + " " + get("node") + " " + get("shown");
  if (type == "node.up" || type == "node.down") return type + " " + get("name");
  if (type == "chain.stalled") return type + " " + get("since");
  return type + " " + get("utxo") + ":" + get("epoch") + " " + get("amount") + " " + get("state") +
         " " + get("spend") + " offset " + get("offset") + " block " + get("block_hash") + " tx " +
         get("tx_hash") + " of " + get("block_time") + " seen " + get("first_seen") +
         " committed " + get("committed_at") + " retired " + get("retired") + " to " +
         get("address") + " of " + get("reference") +
         (get("backfill") == "true" ? " backfill at " : " at ") + get("at");
}

}  // namespace hotside::sim
