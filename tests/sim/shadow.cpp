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
  for (auto const& id : block.outputs) made.makes.insert(plain(id));
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

oracle::Relayed plain(model::RelayedTransaction const& tx) {
  oracle::Relayed made;
  made.hash = plain(tx.hash);
  for (auto const& id : tx.inputs) made.inputs.push_back(plain(id));
  for (auto const& output : tx.outputs) {
    oracle::Relayed::Output each{plain(output.utxo), {}, {}};
    if (output.recipient) each.to = plain(*output.recipient);
    if (output.amount) each.amount = output.amount->value;
    made.outputs.push_back(std::move(each));
  }
  made.fee = tx.fee.value;
  made.created_at = ms(tx.created_at);
  made.warning = tx.warning;
  made.bundle = tx.bundle;
  made.state = model::to_string(tx.state);
  if (tx.before) made.before = model::to_string(*tx.before);
  made.error = tx.error;
  if (tx.epoch) made.epoch = tx.epoch->value;
  if (tx.offset) made.offset = tx.offset->value;
  made.attempts = tx.attempts;
  return made;
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
  relays_.settle(book_);
  for (auto const& each : relays_.take()) lines.push_back(line(each, at));
  return lines;
}

Step Shadow::apply(model::ChainEvent const& event, Time now) {
  auto const epochs = finals_.size();
  Step step{take_in(event, now), 0, true};
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
    bundles_.sealed(plain(sealed->block).spends, ms(now));
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
  static constexpr char const* kNames[] = {"address.register",
                                           "address.retire",
                                           "violation.clear",
                                           "hold.set",
                                           "hold.lift",
                                           "transaction.relay",
                                           "",
                                           "bundle.create",
                                           "bundle.release",
                                           "webhook.put",
                                           "",
                                           "webhook.redeliver",
                                           ""};
  return kNames[job.index()];
}

// ---- the desk

static std::optional<oracle::Bundles::Match> match(oracle::Bundles const& bundles,
                                                   oracle::Relayed const& tx, Time now) {
  std::vector<oracle::Payout> payouts;
  for (auto const& output : tx.outputs) {
    if (!output.to) return std::nullopt;
    payouts.emplace_back(*output.to, *output.amount);
  }
  return bundles.match(tx.inputs, payouts, ms(now));
}

std::string Shadow::refusal(Job const& job, Time now) const {
  if (auto const* order = std::get_if<Order>(&job)) {
    if (!sources(order->order)) return "unknown_source";
    return order->made->shortage ? "insufficient_funds" : "";
  }
  if (auto const* release = std::get_if<ReleaseBundle>(&job)) {
    auto const* bundle = bundles_.find(release->id);
    if (bundle == nullptr) return "not_found";
    return bundle->state(ms(now)) == "relayed" ? "bundle_relayed" : "";
  }
  auto const* relay = std::get_if<Relay>(&job);
  if (relay == nullptr || relays_.has(plain(relay->tx.hash))) return {};
  auto const tx = plain(relay->tx);
  auto const own = match(bundles_, tx, now);
  auto const is_spent = [&](auto const& id) { return book_.fate(id) == oracle::Fate::spent; };
  auto const is_taken = [&](auto const& id) { return bundles_.is_reserved(id, own, ms(now)); };
  if (std::any_of(tx.inputs.begin(), tx.inputs.end(), is_spent)) return "spent_input";
  if (std::any_of(tx.inputs.begin(), tx.inputs.end(), is_taken)) return "reserved";
  return own && own->is_spent ? "spent" : "";
}

// Whose coins an order may take. Empty: one of its sources is none.
std::optional<std::set<oracle::Id>> Shadow::sources(store::BundleOrder const& order) const {
  std::set<oracle::Id> found;
  for (auto const& from : order.from) {
    bool is_known = false;
    for (auto const& [key, reference] : references_)
      if (from.address ? key == plain(*from.address) : reference == from.text)
        is_known = true, found.insert(key);
    if (!is_known) return std::nullopt;
  }
  return found;
}

Coins Shadow::coins(Time now) const {
  Coins coins;
  for (auto const& [key, row] : book_.rows())
    if (row.state == oracle::State::committed && row.spend == oracle::Spend::unspent &&
        !hold_.is_waiting(key) && !is_reserved(row.utxo, now))
      coins[row.utxo] = {row.to, row.amount};
  return coins;
}

std::string Shadow::problem(Order const& order, Time now) const {
  auto coins = this->coins(now);
  auto const keys = sources(order.order);
  if (keys && !keys->empty())
    std::erase_if(coins, [&](auto const& each) { return !keys->contains(each.second.first); });
  if (order.made->bundle) return problem_of(order.order, *order.made->bundle, coins);
  if (order.made->shortage) return problem_of(order.order, *order.made->shortage, coins);
  return {};
}

void Shadow::record(model::RelayedTransaction const& tx, Time now) {
  auto made = plain(tx);
  if (relays_.has(made.hash)) return;
  auto const holds = [&](auto const& micro) {
    return std::ranges::any_of(micro.transactions,
                               [&](auto const& each) { return each.hash == made.hash; });
  };
  bool const is_mined = std::ranges::any_of(book_.list(), holds);
  for (auto const& id : tx.inputs)
    if (!is_mined && book_.fate(plain(id)) == oracle::Fate::prepared)
      made.warning = (made.warning ? *made.warning + "; " : "") + "input " + id.hex() +
                     " is spent in a micro block";
  if (auto const own = match(bundles_, made, now)) {
    made.bundle = bundles_.all()[own->bundle].id;
    bundles_.relayed(*own);
  }
  relays_.record(std::move(made), book_);
}

Step Shadow::apply(Job const& job, Time now) {
  auto const* order = std::get_if<Order>(&job);
  bool const is_undone = order != nullptr && !order->made->bundle;
  if (is_undone || !refusal(job, now).empty()) return {{}, 0, false};
  bool has_written = true;
  auto const* gone = std::get_if<Retire>(&job);
  // Nobody to retire is nothing done.
  bool const is_nothing = gone != nullptr && !book_.has(plain(gone->key));
  if (is_nothing) has_written = false;
  if (!is_nothing && !action_of(job).empty()) audit_.push_back(action_of(job));
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
  } else if (auto const* relay = std::get_if<Relay>(&job)) {
    record(relay->tx, now);
  } else if (order != nullptr) {
    bundles_.add(*order->made->bundle);
  } else if (auto const* release = std::get_if<ReleaseBundle>(&job)) {
    bundles_.release(release->id, ms(now));
  } else if (auto const* said = std::get_if<Answered>(&job)) {
    auto const answer = said->outcome == model::SendOutcome::accepted   ? oracle::Answer::accepted
                        : said->outcome == model::SendOutcome::rejected ? oracle::Answer::rejected
                                                                        : oracle::Answer::none;
    has_written = relays_.answered(plain(said->hash), answer, said->error, said->was_sent);
  }
  Step step{told(now), hold_.release(), has_written};
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

std::string Shadow::address(oracle::Id const& id) const {
  PublicKey key;
  std::copy(id.begin(), id.end(), key.bytes.begin());
  return model::to_address(hrp_, key);
}

std::string Shadow::line(oracle::ToldOfRelayed const& told, Time at) const {
  auto const& tx = told.tx;
  auto const number = [](auto const& value) { return value ? std::to_string(*value) : ""; };
  std::string inputs, outputs;
  for (auto const& id : tx.inputs) inputs += (inputs.empty() ? "\"" : ",\"") + hex(id) + "\"";
  for (auto const& output : tx.outputs)
    outputs += (outputs.empty() ? "" : ",") + std::string("{\"utxo\":\"") + hex(output.id) +
               "\",\"recipient\":" + (output.to ? "\"" + address(*output.to) + "\"" : "null") +
               ",\"amount\":" + (output.amount ? number(output.amount) : "null") + "}";
  return told.type + " " + hex(tx.hash) + " " + tx.state + " in " + number(tx.epoch) + "," +
         number(tx.offset) + " sent " + std::to_string(tx.attempts) + " of bundle " +
         tx.bundle.value_or("") + " error " + tx.error.value_or("") + " warning " +
         tx.warning.value_or("") + " fee " + std::to_string(tx.fee) + " [" + inputs +
         "],\"outputs\":[" + outputs + "] at " + to_rfc3339(at);
}

std::string Shadow::line(std::string const& type, oracle::Row const& row, bool backfill,
                         Time at) const {
  auto const reference = references_.find(row.to);
  return type + " " + text_of(row) + " to " + address(row.to) + " of " +
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
  if (type.starts_with("transaction.")) {
    auto const begin = json.find("\"inputs\":") + 9;
    return type + " " + get("hash") + " " + get("state") + " in " + get("epoch") + "," +
           get("offset") + " sent " + get("attempts") + " of bundle " + get("bundle") + " error " +
           get("error") + " warning " + get("warning") + " fee " + get("fee") + " " +
           json.substr(begin, json.find(",\"fee\"") - begin) + " at " + get("at");
  }
  return type + " " + get("utxo") + ":" + get("epoch") + " " + get("amount") + " " + get("state") +
         " " + get("spend") + " offset " + get("offset") + " block " + get("block_hash") + " tx " +
         get("tx_hash") + " of " + get("block_time") + " seen " + get("first_seen") +
         " committed " + get("committed_at") + " retired " + get("retired") + " to " +
         get("address") + " of " + get("reference") +
         (get("backfill") == "true" ? " backfill at " : " at ") + get("at");
}

}  // namespace hotside::sim
