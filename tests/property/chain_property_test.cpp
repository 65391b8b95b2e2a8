// After any history the folded events equal the node's chain: growing, forking, closing epochs,
// lagging, lost, doubled and reordered notices, lost connections, restarts, node switches. A
// failing history prints its HOTSIDE_SEED; with it in the environment only that one is run.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>

#include "tests/property/chain_fold.hpp"
#include "tests/property/model_chain.hpp"

namespace hotside::chain::test {
namespace {

using namespace std::chrono_literals;

struct Sum {
  std::uint64_t histories = 0, sealed = 0, held = 0, undone = 0, returned = 0, replaced = 0;
};
Sum g_sum;

class History {
 public:
  explicit History(std::uint64_t seed) : dice_(seed), world_(dice_) {
    for (auto count = dice_.below(4); count > 0; --count) world_.seal();
    options_.network = world_.network();
    options_.start_epoch = Epoch(dice_.below(world_.macros.size() + 1));
    options_.revert_grace = 3s;
    options_.pipeline_bytes = std::size_t{500} << dice_.below(6);
    auto const count = 1 + dice_.below(3);
    options_.confirm_nodes = dice_.one_in(6) ? static_cast<std::uint32_t>(count) : 1;
    for (std::size_t at = 0; at < count; ++at) {
      options_.nodes.push_back("n" + std::to_string(at));
      Generation const kinds[] = {Generation::v1_2_2, Generation::v1_2_2, Generation::dev,
                                  Generation::v1_3};
      nodes_.emplace_back(kinds[dice_.below(4)], world_, dice_);
    }
    restart();
  }

  void run() {
    for (auto& node : nodes_)
      if (!dice_.one_in(4)) connect(node);
    for (auto actions = 20 + dice_.below(200); actions > 0; --actions) {
      act();
      for (auto moves = dice_.below(8); moves > 0; --moves) move();
    }
    quiesce();
  }

  Fold fold_;

 private:
  void restart() {
    auto stored = fold_.stored;
    follower_ = std::make_unique<Follower>(options_, std::move(stored));
    for (auto& node : nodes_) node.disconnect();
    drain();
  }

  Node& any_node() { return nodes_[dice_.below(nodes_.size())]; }

  void act() {
    switch (dice_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        for (auto count = 1 + dice_.below(4); count > 0; --count) world_.grow();
        break;
      case 4:
        world_.fork();
        break;
      case 5:
        world_.seal();
        break;
      case 6:
        if (dice_.one_in(3))
          for (auto count = dice_.below(12); count > 0; --count) world_.seal();
        break;
      case 7:
        any_node().pop();
        break;
      case 8: {
        auto& node = any_node();
        if (!node.connected) break;
        node.disconnect();
        follower_->on_lost(id_of(node), "closed", now_);
        drain();
        break;
      }
      case 9:
        if (dice_.one_in(6)) restart();
        break;
      case 10:
        any_node().synchronised = !dice_.one_in(4);
        break;
      case 11:
      case 12:
        talk(any_node());
        break;
      case 13:
        spoil(any_node());
        break;
      default: {
        auto& node = any_node();
        for (auto steps = 1 + dice_.below(70); steps > 0 && node.step(); --steps) {
        }
      }
    }
  }

  // Notices of a live node may be lost, doubled or change places.
  void spoil(Node& node) {
    auto const size = node.wire.size();
    if (size == 0) return;
    auto const at = dice_.below(size);
    auto const told = node.wire.begin() + static_cast<std::ptrdiff_t>(at);
    if (told->id != 0) return;
    switch (dice_.below(4)) {
      case 0:
        node.wire.erase(told);
        break;
      case 1:
        node.wire.push_back(Node::Told(*told));
        break;
      case 2:
        std::swap(*told, node.wire[dice_.below(size)]);
        break;
      default:  // the queue was full: all that follows is gone
        std::erase_if(node.wire, [](auto const& entry) { return entry.id == 0; });
    }
  }

  // A while without incident.
  void talk(Node& node) {
    if (!node.connected) connect(node);
    for (auto rounds = dice_.below(40); rounds > 0; --rounds) {
      for (int count = 0; count < 20; ++count) {
        node.serve();
        deliver(node);
      }
      pass(std::chrono::milliseconds(dice_.below(400)));
    }
  }

  void move() {
    auto& node = any_node();
    switch (dice_.below(6)) {
      case 0:
        if (!node.connected) connect(node);
        break;
      case 1:
        node.serve();
        break;
      case 2:
        for (auto count = dice_.below(20); count > 0; --count) node.serve();
        break;
      case 3:
        for (auto count = 1 + dice_.below(30); count > 0; --count) deliver(node);
        break;
      case 4:
        deliver(node);
        break;
      default:
        pass(std::chrono::milliseconds(1 + dice_.below(dice_.one_in(10) ? 4000 : 300)));
    }
  }

  void connect(Node& node) {
    node.connected = true;
    follower_->on_connected(id_of(node), now_);
    drain();
  }

  void deliver(Node& node) {
    if (!node.connected || node.wire.empty()) return;
    auto told = std::move(node.wire.front());
    node.wire.pop_front();
    auto const held = fold_.held;
    bool is_take_back = false;
    status_now_.reset();
    if (told.id != 0) {
      auto const& answer = std::get<Answer>(told.what);
      if (auto const* status = std::get_if<Status>(&answer)) status_now_ = *status;
      follower_->on_answer(id_of(node), told.id, std::get<Answer>(std::move(told.what)), now_);
    } else {
      auto notice = std::get<Notice>(std::move(told.what));
      is_take_back = std::holds_alternative<MicroReverted>(notice);
      follower_->on_notice(id_of(node), std::move(notice), now_);
    }
    drain();
    status_now_.reset();
    Fold::must(is_take_back || fold_.held == held, "only a take-back notice holds blocks");
  }

  void pass(std::chrono::milliseconds time) {
    now_ += time;
    follower_->on_tick(now_, from_unix_ms(now_.time_since_epoch().count()));
    drain();
  }

  NodeId id_of(Node const& node) const { return static_cast<NodeId>(&node - nodes_.data()); }

  void drain() {
    for (auto& command : follower_->take()) {
      if (auto const* send = std::get_if<Send>(&command)) {
        auto& node = nodes_[send->node];
        Fold::must(node.connected, "only a connected node is asked");
        Fold::must(node.inbox.size() < 80, "questions are bounded");
        node.inbox.push_back(*send);
      } else if (auto const* again = std::get_if<Reconnect>(&command)) {
        nodes_[again->node].disconnect();
      } else if (auto const* emit = std::get_if<Emit>(&command)) {
        if (std::holds_alternative<model::Undone>(emit->event)) check_undone();
        fold_.apply(emit->event, now_, options_.revert_grace);
        Fold::must(fold_.violations.empty(), "honest nodes contradict nothing");
        check_final();
      }
    }
  }

  // Only on the word of a status that names exactly what is left.
  void check_undone() {
    Fold::must(status_now_.has_value(), "only a status answer undoes");
    Fold::must(status_now_->epoch == fold_.next() && status_now_->offset.value == fold_.live &&
                   status_now_->last_block_hash == fold_.tip(fold_.live),
               "the status that undoes names what is left");
  }

  void check_final() {
    auto const& hashes = fold_.stored.macro_hashes;
    if (hashes.empty()) return;
    auto const epoch = fold_.stored.first.value + hashes.size() - 1;
    Fold::must(epoch < world_.macros.size() && world_.macros[epoch].hash == hashes.back(),
               "what is final is the chain's");
  }

  bool is_equal() const {
    if (fold_.next() != world_.epoch() || fold_.live != fold_.stored.micros.size()) return false;
    if (fold_.live != world_.micros.size()) return false;
    for (std::size_t at = 0; at < fold_.live; ++at)
      if (fold_.stored.micros[at].hash != world_.micros[at].hash) return false;
    return fold_.next() <= fold_.stored.first || fold_.sealed() == world_.macros.back().hash;
  }

  // Calm: everybody is connected and level, nothing is lost, and the chain has moved on by a block
  // (a take-back that was lost shows only then).
  void quiesce() {
    while (world_.epoch() < options_.start_epoch || world_.epoch() < Epoch(2)) world_.seal();
    if (!world_.grow()) world_.seal(), world_.grow();
    for (auto& node : nodes_) {
      node.synchronised = true;
      while (node.step()) {
      }
    }
    for (int round = 0; round < 1000 && !is_equal(); ++round) {
      for (auto& node : nodes_) {
        if (!node.connected) connect(node);
        while (node.connected && (!node.inbox.empty() || !node.wire.empty())) {
          if (dice_.one_in(2)) node.serve();
          deliver(node);
        }
      }
      pass(200ms);
    }
    Fold::must(is_equal(), "at rest we hold the node's chain");
    Fold::must(follower_->following().has_value(), "somebody is followed");
    Fold::must(follower_->epochs_left() == 0 && !follower_->bad_block(), "nothing is left to do");
    ++g_sum.histories;
    g_sum.sealed += fold_.stored.macro_hashes.size();
    g_sum.held += fold_.held;
    g_sum.undone += fold_.undone;
    g_sum.returned += fold_.returned;
    g_sum.replaced += fold_.replaced;
  }

  Dice dice_;
  World world_;
  FollowerOptions options_;
  std::vector<Node> nodes_;
  std::optional<Status> status_now_;  // the answer that is being taken in
  std::unique_ptr<Follower> follower_;
  Instant now_{1000s};
};

template <class Run>
void for_each_seed(std::uint64_t count, Run run) {
  auto const* given = std::getenv("HOTSIDE_SEED");
  std::uint64_t first = 1, last = count;
  if (given != nullptr)
    if (auto const only = parse_u64(given)) first = last = *only;
  for (auto seed = first; seed <= last; ++seed) {
    try {
      run(seed);
    } catch (std::runtime_error const& broken) {
      FAIL("HOTSIDE_SEED=" << seed << ": " << broken.what());
    }
  }
}

TEST_CASE("after any history the events equal the chain") {
  for_each_seed(2000, [](std::uint64_t seed) { History(seed).run(); });
  if (std::getenv("HOTSIDE_SEED") != nullptr) return;
  INFO("sealed " << g_sum.sealed << " held " << g_sum.held << " undone " << g_sum.undone
                 << " returned " << g_sum.returned << " replaced " << g_sum.replaced);
  // The histories do visit every kind of event.
  CHECK(g_sum.sealed > 1000);
  CHECK(g_sum.held > 1000);
  CHECK(g_sum.undone > 20);
  CHECK(g_sum.returned > 100);
  CHECK(g_sum.replaced > 100);
}

// Nodes that say anything at all, from few hashes so that much of it links.
class Babel {
 public:
  explicit Babel(std::uint64_t seed) : dice_(seed) {
    for (auto& hash : pool_) hash = dice_.hash();
    pool_[0] = model::before_genesis();
    options_.network = {"testnet", "stt", pool_[1]};
    options_.start_epoch = Epoch(dice_.below(3));
    options_.revert_grace = 2s;
    options_.nodes.resize(1 + dice_.below(3));
    options_.confirm_nodes = 1 + static_cast<std::uint32_t>(dice_.below(2));
    asked_.resize(options_.nodes.size());
    follower_ = std::make_unique<Follower>(options_, Stored{});
  }

  void run() {
    for (NodeId id = 0; id < asked_.size(); ++id) follower_->on_connected(id, now_);
    for (int step = 0; step < 1500; ++step) {
      auto const id = static_cast<NodeId>(dice_.below(asked_.size()));
      act(id);
      drain();
    }
  }
  Fold fold_;

 private:
  void act(NodeId id) {
    auto& asked = asked_[id];
    switch (dice_.below(12)) {
      case 0:
        now_ += std::chrono::milliseconds(dice_.below(1500));
        follower_->on_tick(now_, from_unix_ms(now_.time_since_epoch().count()));
        break;
      case 1:
        if (dice_.one_in(20)) {
          asked.clear();
          follower_->on_lost(id, "closed", now_);
          drain();
          follower_->on_connected(id, now_);
        } else if (dice_.one_in(4)) {
          fold_.stored.violated = false;
          follower_->on_violation_cleared(now_);
        }
        break;
      case 2:
      case 3:
      case 4:
        follower_->on_notice(id, notice(), now_);
        break;
      case 5:
        follower_->on_answer(id, dice_.below(2000), babble(), now_);
        break;
      default: {
        if (asked.empty()) break;
        auto const at = asked.begin() + static_cast<std::ptrdiff_t>(dice_.below(asked.size()));
        auto const send = *at;
        if (!dice_.one_in(10)) asked.erase(at);
        follower_->on_answer(id, send.id, dice_.one_in(8) ? babble() : fitting(send.ask), now_);
      }
    }
  }

  // pool_[e + 1] is mostly the hash of macro block e, pool_[6…] those of micro blocks.
  Hash hash() { return pool_[6 + dice_.below(5)]; }
  Hash macro_hash(Epoch epoch) {
    if (epoch > Epoch(4) || dice_.one_in(30)) return hash();
    return pool_[epoch.value + 1];
  }
  Hash macro_before(Epoch epoch) {
    return epoch == Epoch(0) ? pool_[0] : macro_hash(epoch.previous());
  }
  Epoch epoch() { return Epoch(dice_.one_in(50) ? ~std::uint64_t(0) : dice_.below(6)); }
  Offset offset() {
    return Offset(
        static_cast<std::uint32_t>(dice_.one_in(20) ? 57 + dice_.below(6) : dice_.below(5)));
  }
  Status status() {
    Generation const kinds[] = {Generation::unknown, Generation::v1_2_2, Generation::dev,
                                Generation::v1_3};
    Status status{!dice_.one_in(40), epoch(), offset(), hash(), hash(), kinds[dice_.below(4)]};
    status.last_macro_block_hash = macro_before(status.epoch);
    if (status.offset == Offset(0)) status.last_block_hash = status.last_macro_block_hash;
    return status;
  }
  MicroSeen micro(Epoch epoch, Offset offset) {
    model::MicroBlock block;
    block.epoch = epoch;
    block.offset = offset;
    block.hash = hash();
    block.previous = offset == Offset(0) ? macro_before(epoch) : hash();
    return {block};
  }
  MacroSeen macro(Epoch epoch) {
    model::MacroBlock block;
    block.epoch = epoch;
    block.hash = macro_hash(epoch);
    block.previous = macro_before(epoch);
    return {block, dice_.below(1U << 27U)};
  }
  Unusable unusable() { return {dice_.one_in(2), epoch(), offset(), hash(), "no", "outputs_root"}; }
  Answer babble() {
    switch (dice_.below(7)) {
      case 0:
        return status();
      case 1:
        return micro(epoch(), offset());
      case 2:
        return macro(epoch());
      case 3:
        return unusable();
      case 4:
        return ChainName{dice_.one_in(2) ? "mainnet" : "testnet"};
      case 5:
        return Subscribed{};
      default:
        return Refused{"no"};
    }
  }
  Notice notice() {
    switch (dice_.below(6)) {
      case 0:
        return status();
      case 1:
        return macro(epoch());
      case 2:
        return unusable();
      case 3:
        return MicroReverted{epoch(), offset(), hash()};
      default:
        return micro(epoch(), offset());
    }
  }
  Answer fitting(Ask const& ask) {
    if (std::holds_alternative<AskChainName>(ask)) return ChainName{"testnet"};
    if (std::holds_alternative<AskStatus>(ask)) return status();
    if (auto const* of = std::get_if<AskMacro>(&ask)) return macro(of->epoch);
    if (auto const* of = std::get_if<AskMicro>(&ask)) return micro(of->epoch, of->offset);
    return Version{"?"};
  }

  void drain() {
    auto commands = follower_->take();
    Fold::must(commands.size() < 1000, "what one input makes us do is bounded");
    for (auto& command : commands) {
      if (auto const* send = std::get_if<Send>(&command)) {
        asked_[send->node].push_back(*send);
        Fold::must(asked_[send->node].size() < 400, "questions are bounded");
      } else if (auto const* again = std::get_if<Reconnect>(&command)) {
        asked_[again->node].clear();
        pending_.push_back(again->node);
      } else if (auto const* emit = std::get_if<Emit>(&command)) {
        fold_.apply(emit->event, now_, options_.revert_grace);
      }
    }
    for (auto const id : std::exchange(pending_, {})) follower_->on_connected(id, now_);
    (void)follower_->nodes(from_unix_ms(0));
  }

  Dice dice_;
  Hash pool_[11];
  FollowerOptions options_;
  std::vector<std::vector<Send>> asked_;
  std::vector<NodeId> pending_;
  std::unique_ptr<Follower> follower_;
  Instant now_{1000s};
};

TEST_CASE("whatever nodes say, the events keep their rules") {
  std::uint64_t sealed = 0, held = 0, violations = 0, replaced = 0;
  for_each_seed(250, [&](std::uint64_t seed) {
    Babel babel(seed);
    babel.run();
    sealed += babel.fold_.stored.macro_hashes.size();
    held += babel.fold_.held;
    replaced += babel.fold_.replaced;
    violations += babel.fold_.violations.size();
  });
  if (std::getenv("HOTSIDE_SEED") != nullptr) return;
  INFO("sealed " << sealed << " held " << held << " violations " << violations << " replaced "
                 << replaced);
  CHECK(sealed > 500);
  CHECK(held > 10);
  CHECK(violations > 100);
  CHECK(replaced > 20);
}

}  // namespace
}  // namespace hotside::chain::test
