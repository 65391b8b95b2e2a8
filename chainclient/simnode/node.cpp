#include "chainclient/simnode/node.hpp"

#include <algorithm>

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"

namespace hotside::simnode {
namespace {

constexpr std::size_t kLogBatches = 300;
constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kFirstEpochs = 2;  // final beside genesis, before anything is told
constexpr std::size_t kFirstCoins = 32;  // so that many payments fit into one block from the start

std::uint64_t system_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

bool is_users(wire::RawTransaction const& tx) {
  return !std::holds_alternative<wire::RawCoinbase>(tx);
}

std::vector<wire::RawTransaction> users_of(Micro const& micro) {
  std::vector<wire::RawTransaction> transactions;
  std::ranges::copy_if(micro.block.transactions, std::back_inserter(transactions), is_users);
  return transactions;
}

}  // namespace

Result<std::unique_ptr<Node>> Node::make(Setup setup) {
  if (setup.length == 0 || setup.length > 10'000)
    return fail(Fault::rejected, "simnode: an epoch has 1 to 10000 micro blocks");
  if (!setup.now_ns) setup.now_ns = system_ns;
  HS_TRY(genesis, load_genesis(setup.network));
  auto node = std::unique_ptr<Node>(new Node(std::move(setup), std::move(genesis)));
  node->start_history();
  return node;
}

Node::Node(Setup setup, Genesis genesis)
    : setup_(std::move(setup)),
      style_{setup_.generation, genesis.network.hrp},
      cipher_(setup_.token),
      treasury_(setup_.seed),
      rng_(setup_.seed ^ 0x6e6f6465),
      chain_(std::move(genesis), setup_.seed, setup_.length, treasury_) {}

// Epochs 1 and 2, back in time so that the tip is new. Ten seconds a block, as on the real chain.
void Node::start_history() {
  auto const blocks = kFirstEpochs * (setup_.length + 1);
  std::uint64_t at = now_ns() - blocks * 10 * kSecondNs;
  for (std::uint64_t epoch = 1; epoch <= kFirstEpochs; ++epoch) {
    for (std::uint32_t i = 0; i < setup_.length; ++i) {
      std::vector<wire::RawTransaction> transactions;
      if (epoch == kFirstEpochs && i == 0) {
        std::vector<Wanted> const coins(kFirstCoins,
                                        {treasury_.own().key, kLeastCoin, true, std::nullopt});
        if (auto tx = pay_from_treasury(coins)) transactions.emplace_back(*std::move(tx));
      }
      chain_.add_micro(std::move(transactions), at += 10 * kSecondNs, 0);
    }
    auto const sealed = chain_.seal(at += 10 * kSecondNs, std::nullopt);
    invariant(sealed.has_value(), "the first epochs end");
  }
}

// ---- what is shown -----------------------------------------------------------------------------

Status Node::status() const {
  auto const& view = shown();
  auto const macro = seen(view.macros.back());
  Status status;
  status.is_synchronized = !unsync_;
  status.epoch = view.epoch();
  status.offset = view.offset();
  status.last_macro = macro->hash;
  status.last_block = view.micros.empty() ? macro->hash : seen(view.micros.back())->hash;
  status.last_macro_ns = macro->block.header.timestamp_ns;
  status.local_ns = now_ns();
  return status;
}

Damage Node::damage_of(Hash const& truth) const {
  return damage_.is_all || damage_.victim == truth ? damage_.kind : Damage::none;
}

// Walks back over what is not shown yet; what the oldest step says of the id holds.
std::optional<wire::RawOutput> Node::output(Hash const& id) const {
  std::optional<wire::RawOutput> found;
  if (auto const* now = chain_.find(id)) found = *now;
  for (std::size_t back = 1; back <= lag_; ++back) {
    auto const& batch = log_[log_.size() - back];
    bool const seals = batch.back().kind == Change::Kind::committed;
    for (auto change = batch.rbegin(); change != batch.rend(); ++change) {
      if (change->kind == Change::Kind::committed) {
        if (std::ranges::count(change->macro->own_outputs, id) > 0) found.reset();
        continue;
      }
      if (seals) continue;  // taken back and committed in one go: nothing changed for outputs
      bool const undo = change->kind == Change::Kind::prepared;
      auto const& block = change->micro->block;
      for (auto const& tx : block.transactions)
        for (auto const& output : outputs_of(tx))
          if (wire::output_id(output) == id) found = undo ? std::nullopt : std::optional(output);
      auto const spent = inputs_of(block);
      if (auto const at = std::ranges::find(spent, id); at != spent.end())
        found =
            undo ? std::optional(change->micro->spent[static_cast<std::size_t>(at - spent.begin())])
                 : std::nullopt;
    }
  }
  return found;
}

void Node::refresh_lagged() {
  if (lag_ == 0) return;
  lagged_ = chain_.view();
  for (std::size_t back = 1; back <= lag_; ++back) {
    auto const& batch = log_[log_.size() - back];
    for (auto change = batch.rbegin(); change != batch.rend(); ++change) switch (change->kind) {
        case Change::Kind::prepared:
          lagged_.micros.pop_back();
          break;
        case Change::Kind::reverted:
          lagged_.micros.push_back(change->micro);
          break;
        case Change::Kind::committed:
          lagged_.macros.pop_back();
          break;
      }
  }
}

// ---- telling -----------------------------------------------------------------------------------

void Node::note_new(Change const& change) {
  if (change.kind == Change::Kind::reverted) return;
  if (change.micro) disguise_.on_new(change.micro);
  if (change.macro) disguise_.on_new(change.macro);
  if (damage_.is_armed) {
    damage_.is_armed = false;
    damage_.victim = change.micro ? change.micro->hash : change.macro->hash;
  }
}

void Node::tell(std::vector<Change> changes) {
  for (auto const& change : changes) note_new(change);
  log_.push_back(std::move(changes));
  if (log_.size() > kLogBatches) log_.pop_front();
  ++undelivered_;
  refresh_lagged();
  deliver_due();
}

void Node::deliver_due() {
  while (undelivered_ > lag_) {
    auto const batch = log_[log_.size() - undelivered_--];
    deliver(batch);
  }
}

void Node::deliver(std::vector<Change> const& changes) {
  auto status = this->status();
  for (auto const& change : changes) {
    switch (change.kind) {
      case Change::Kind::prepared: {
        auto const micro = seen(change.micro);
        status.epoch = micro->block.header.epoch;
        status.offset = micro->block.header.offset + 1;
        status.last_block = micro->hash;
        break;
      }
      case Change::Kind::reverted: {
        auto const& header = seen(change.micro)->block.header;
        status.epoch = header.epoch;
        status.offset = header.offset;
        status.last_block = header.previous;
        break;
      }
      case Change::Kind::committed: {
        auto const macro = seen(change.macro);
        for (auto* listener : listeners_) listener->pump();
        status.epoch = macro->block.header.epoch + 1;
        status.offset = 0;
        status.last_block = status.last_macro = macro->hash;
        status.last_macro_ns = macro->block.header.timestamp_ns;
        break;
      }
    }
    for (auto* listener : listeners_) listener->on_change(change, status);
  }
  turn();
  for (auto* listener : listeners_) listener->pump();
}

void Node::turn() {
  for (auto* listener : listeners_) listener->on_turn();
}

std::uint32_t Node::copies_of_next_notice() {
  if (is_mute()) return 0;
  if (drop_left_ > 0) {
    --drop_left_;
    return 0;
  }
  if (dup_left_ == 0) return 1;
  --dup_left_;
  return 2;
}

void Node::count_fatal(std::string why) {
  ++fatal_;
  last_fatal_ = std::move(why);
}

// ---- making blocks -----------------------------------------------------------------------------

double Node::seconds_per_block() const {
  return paused_ || setup_.speed <= 0 ? 0 : 10 / setup_.speed;
}

std::optional<std::string> Node::broadcast(wire::RawTransaction const& tx) {
  return mempool_.admit(tx, chain_);
}

Result<wire::RawPayment> Node::pay_from_treasury(std::vector<Wanted> outputs) {
  auto const coin = chain_.free_coin(mempool_.claimed());
  if (!coin)
    return fail(Fault::rejected, "the treasury has no free coin: let the chain grow first");
  Sum sum = 0;
  for (auto const& wanted : outputs) sum += wanted.amount;
  auto const fee = static_cast<std::int64_t>(outputs.size() + 1) * kFeePerOutput;
  auto const left = Sum{*treasury_.coin_amount(*coin)} - sum - fee;
  if (left <= 0) return fail(Fault::rejected, "more than one coin of the treasury holds");
  outputs.push_back({treasury_.own().key, static_cast<std::int64_t>(left), true, std::nullopt});
  std::vector<wire::RawOutput> const input{*chain_.find(*coin)};
  return treasury_.make(std::span(&*coin, 1), input, treasury_.own().secret, outputs, fee);
}

Result<std::vector<Hash>> Node::pay(std::vector<Wanted> outputs) {
  auto const wanted = outputs.size();
  HS_TRY(tx, pay_from_treasury(std::move(outputs)));
  if (auto refused = mempool_.admit(tx, chain_)) return fail(Fault::rejected, *refused);
  std::vector<Hash> ids;
  for (std::size_t i = 0; i < wanted; ++i) ids.push_back(wire::output_id(tx.outputs[i]));
  return ids;
}

// An output that was ordered to come again does so once it is spent.
void Node::plan_recreations() {
  std::erase_if(recreations_, [this](Recreate const& order) {
    if (chain_.view().epoch() < order.epoch_at_least) return false;
    if (chain_.find(wire::output_id(order.output)) != nullptr) return false;
    auto const& output = order.output;
    return pay({{output.recipient, output.amount, false, output.serno}}).has_value();
  });
}

std::vector<wire::RawTransaction> Node::next_transactions() {
  plan_recreations();
  auto transactions = mempool_.take(chain_);
  if (rng_.one_in(20)) {
    auto const stake = chain_.some_stake(rng_);
    bool const is_free = stake && std::ranges::none_of(transactions, [&](auto const& tx) {
                           return std::ranges::count(inputs_of(tx), *stake) > 0;
                         });
    if (is_free) transactions.push_back(chain_.restake(*stake));
  }
  return transactions;
}

MicroPtr Node::make_micro(std::vector<wire::RawTransaction> transactions,
                          std::uint32_t view_change) {
  return chain_.add_micro(std::move(transactions), now_ns(), view_change);
}

std::optional<std::string> Node::grow_one() {
  if (chain_.is_full()) return seal_now();
  auto micro = make_micro(next_transactions(), 0);
  tell({{Change::Kind::prepared, std::move(micro), nullptr}});
  return std::nullopt;
}

// The released node takes all micro blocks back before it applies the macro block.
std::optional<std::string> Node::seal_now() {
  auto micros = chain_.view().micros;
  if (!award_ && rng_.one_in(16)) award_ = Payout{treasury_.stranger(), 732'000'000};
  auto macro = chain_.seal(now_ns(), award_);
  if (!macro) return macro.error().what;
  award_.reset();
  mempool_.prune(chain_);
  std::vector<Change> changes;
  for (auto micro = micros.rbegin(); micro != micros.rend(); ++micro)
    changes.push_back({Change::Kind::reverted, std::move(*micro), nullptr});
  changes.push_back({Change::Kind::committed, nullptr, *std::move(macro)});
  tell(std::move(changes));
  return std::nullopt;
}

bool Node::pop_one() {
  auto micro = chain_.pop();
  if (!micro) return false;
  paused_ = true;
  mempool_.put_back(users_of(*micro));
  tell({{Change::Kind::reverted, std::move(micro), nullptr}});
  return true;
}

std::optional<std::string> Node::fork(
    std::uint32_t depth, Mode mode, bool is_silent,
    std::function<bool(wire::RawTransaction const&)> const& excluded) {
  if (depth == 0 || depth > chain_.view().offset())
    return "the epoch has " + std::to_string(chain_.view().offset()) + " micro blocks to take back";
  std::vector<Change> changes;
  std::vector<std::vector<wire::RawTransaction>> users;
  std::uint32_t view_change = 0;
  for (std::uint32_t i = 0; i < depth; ++i) {
    auto micro = chain_.pop();
    view_change = micro->block.header.view_change + 1;
    users.push_back(users_of(*micro));
    changes.push_back({Change::Kind::reverted, std::move(micro), nullptr});
  }
  std::ranges::reverse(users);
  std::vector<wire::RawTransaction> displaced;
  for (std::uint32_t i = 0; i < depth; ++i) {
    std::vector<wire::RawTransaction> transactions;
    for (auto& tx : users[i]) {
      bool const can = mode == Mode::keep && !excluded(tx) &&
                       std::ranges::all_of(inputs_of(tx), [this](Hash const& id) {
                         return chain_.find(id) != nullptr;
                       });
      if (can)
        transactions.push_back(std::move(tx));
      else if (mode == Mode::move)
        displaced.push_back(std::move(tx));
    }
    auto micro = make_micro(std::move(transactions), i == 0 ? view_change : 0);
    changes.push_back({Change::Kind::prepared, std::move(micro), nullptr});
    if (is_silent) continue;
    tell(std::move(changes));
    changes.clear();
  }
  mempool_.put_back(std::move(displaced));
  if (is_silent) {  // nobody may hear of it, so there is nothing to walk back over either
    for (auto const& change : changes) note_new(change);
    log_.clear();
    undelivered_ = lag_ = 0;
  }
  return std::nullopt;
}

}  // namespace hotside::simnode
