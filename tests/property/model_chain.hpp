#pragma once
// A chain and its nodes as the follower sees them, in memory and without a wire: fake hashes, true
// links. Each generation has its habits (stegos-protocol.md 3): v1.2.2 takes back every micro block
// before a macro block, dev never tells of a take-back and skips the macro block, v1.3 tells
// nothing.

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "chainclient/chain/follower.hpp"
#include "proto/model/network.hpp"

namespace hotside::chain::test {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : engine_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  Hash hash() {
    Hash value;
    for (auto& byte : value.bytes) byte = static_cast<std::uint8_t>(engine_());
    return value;
  }

 private:
  std::mt19937_64 engine_;
};

// What all honest nodes move towards.
struct World {
  explicit World(Dice& dice_in) : dice(&dice_in) {
    model::MacroBlock genesis;
    genesis.hash = dice->hash();
    genesis.previous = model::before_genesis();
    macros.push_back(genesis);
  }
  model::Network network() const { return {"testnet", "stt", macros.front().hash}; }
  Epoch epoch() const { return Epoch(macros.size()); }
  Hash tip() const { return micros.empty() ? macros.back().hash : micros.back().hash; }

  bool grow() {
    if (micros.size() >= kMicroBlocksPerEpoch) return false;
    model::MicroBlock block;
    block.epoch = epoch();
    block.offset = Offset(static_cast<std::uint32_t>(micros.size()));
    block.hash = dice->hash();
    block.previous = tip();
    block.time = from_unix_ms(static_cast<std::int64_t>(1000 * ++made));
    if (fill_micro) fill_micro(block);
    micros.push_back(std::move(block));
    return true;
  }
  void fork() {  // the tail is replaced
    if (micros.empty()) return;
    micros.resize(dice->below(micros.size()));
    for (auto count = 1 + dice->below(4); count > 0; --count) grow();
  }
  void seal() {
    model::MacroBlock block;
    block.epoch = epoch();
    block.hash = dice->hash();
    block.previous = macros.back().hash;
    block.time = from_unix_ms(static_cast<std::int64_t>(1000 * ++made));
    if (fill_macro) fill_macro(block);
    macros.push_back(std::move(block));
    micros.clear();
  }

  Dice* dice;
  std::vector<model::MacroBlock> macros;
  std::vector<model::MicroBlock> micros;
  std::uint64_t made = 0;
  // Where the blocks have contents: called before the block joins the chain.
  std::function<void(model::MicroBlock&)> fill_micro;
  std::function<void(model::MacroBlock&)> fill_macro;
};

// What a node holds of the chain.
struct State {
  std::vector<model::MacroBlock> macros_;
  std::vector<model::MicroBlock> micros_;
};

// One node: a state of the world, perhaps an older one, and a connection.
class Node : private State {
 public:
  struct Told {
    RequestId id = 0;  // 0: a notice
    std::variant<Answer, Notice> what;
  };

  Node(Generation generation, World const& world, Dice& dice)
      : generation_(generation), world_(&world), dice_(&dice) {
    macros_.push_back(world.macros.front());
  }

  Generation generation() const { return generation_; }
  bool is_level() const {
    return macros_.size() == world_->macros.size() && micros_ == world_->micros;
  }
  bool connected = false;
  bool synchronised = true;
  std::uint64_t reverts_told = 0;
  // While connected: what is on its way to us, and what we asked.
  std::deque<Told> wire;
  std::deque<Send> inbox;

  void disconnect() {
    connected = false;
    subscribed_ = false;
    wire.clear();
    inbox.clear();
  }

  // One step towards the world; false when there is none.
  bool step() {
    if (is_forged_) return false;
    if (macros_.size() < world_->macros.size()) {
      bool const had_all = micros_.size() >= reader_offset_ && reader_offset_ > 0;
      while (!micros_.empty()) take_back();
      macros_.push_back(world_->macros[macros_.size()]);
      // dev: the reader has gone on to the next epoch, unless it had read nothing of this one.
      if (generation_ == Generation::v1_2_2 || !had_all) notice(MacroSeen{macros_.back(), 1000});
      reader_offset_ = 0;
      return true;
    }
    auto common = micros_.size();
    for (std::size_t at = 0; at < micros_.size(); ++at)
      if (at >= world_->micros.size() || micros_[at].hash != world_->micros[at].hash) {
        common = at;
        break;
      }
    if (micros_.size() > common) {
      while (micros_.size() > common) take_back();
      return true;
    }
    if (common == world_->micros.size()) return false;
    micros_.push_back(world_->micros[common]);
    if (generation_ == Generation::v1_2_2 || reader_offset_ == common) {
      notice(MicroSeen{micros_.back()});
      reader_offset_ = micros_.size();
    }
    return true;
  }
  void pop() {  // pop_micro_block: only this node goes back
    if (!micros_.empty()) take_back();
  }
  // Restored from a copy, or reading its disk anew: it knows `macros` final epochs (genesis is one)
  // and comes after the others step by step.
  void rewind(std::size_t macros, std::size_t micros) {
    if (macros < macros_.size()) micros_.clear();
    macros_.resize(std::min(std::max<std::size_t>(macros, 1), macros_.size()));
    micros_.resize(std::min(micros, micros_.size()));
    reader_offset_ = std::min(reader_offset_, micros_.size());
  }
  // From now on it answers as of now, whatever it learns and tells; until it is let go.
  void freeze() { frozen_ = State{macros_, micros_}; }
  void thaw() { frozen_.reset(); }
  bool is_frozen() const { return frozen_.has_value(); }
  // Another history from `epoch` on, and `more` epochs of it that nobody else has.
  void forge(Epoch epoch, std::size_t more) {
    if (epoch.value == 0 || epoch.value >= macros_.size()) return;
    micros_.clear();
    for (auto at = epoch.value; at < macros_.size(); ++at) reforge(macros_[at], at);
    for (; more > 0; --more) {
      macros_.emplace_back();
      reforge(macros_.back(), macros_.size() - 1);
    }
    is_forged_ = true;
  }
  bool is_forged() const { return is_forged_; }
  // Honest again, with the epochs that it shares with everybody.
  void repent() {
    if (!std::exchange(is_forged_, false)) return;
    thaw();  // an older state of it is of that history, too
    macros_.assign(world_->macros.begin(), world_->macros.begin() + 1);
    micros_.clear();
    reader_offset_ = 0;
  }
  bool garbles = false;  // some of its blocks cannot be used
  State const& state() const { return *this; }

  // Takes one request and puts the answer on the wire.
  void serve() {
    if (inbox.empty()) return;
    auto const newest_first = generation_ == Generation::v1_2_2 && dice_->one_in(2);
    auto const send = newest_first ? inbox.back() : inbox.front();
    if (newest_first)
      inbox.pop_back();
    else
      inbox.pop_front();
    wire.push_back(
        {send.id, std::visit([this](auto const& ask) { return answer(ask); }, send.ask)});
  }

 private:
  Answer answer(AskVersion const&) { return Version{"1.2.2"}; }
  Answer answer(AskChainName const&) { return ChainName{world_->network().name}; }
  Answer answer(AskStatus const&) {
    auto const& [macros, micros] = shown();
    auto const& macro = macros.back().hash;
    return Status{synchronised,
                  Epoch(macros.size()),
                  Offset(static_cast<std::uint32_t>(micros.size())),
                  micros.empty() ? macro : micros.back().hash,
                  macro,
                  generation_};
  }
  Answer answer(AskMacro const& ask) {
    auto const& macros = shown().macros_;
    if (ask.epoch.value >= macros.size()) return Refused{"Macro block doesn't exists"};
    auto const& block = macros[ask.epoch.value];
    if (is_garbled()) return Unusable{true, ask.epoch, std::nullopt, block.hash, "no", "outputs"};
    return MacroSeen{block, 1000};
  }
  Answer answer(AskMicro const& ask) {
    auto const& [macros, micros] = shown();
    if (ask.epoch.value != macros.size() || ask.offset.value >= micros.size())
      return Refused{"Micro block doesn't exists"};
    auto const& block = micros[ask.offset.value];
    if (is_garbled()) return Unusable{false, ask.epoch, ask.offset, block.hash, "no", "outputs"};
    return MicroSeen{block};
  }
  Answer answer(AskSubscribe const& ask) {
    subscribed_ = true;
    reader_offset_ = 0;
    for (auto epoch = ask.epoch.value; epoch < macros_.size(); ++epoch)
      notice(MacroSeen{macros_[epoch], 1000});
    for (auto const& micro : micros_) notice(MicroSeen{micro});
    reader_offset_ = micros_.size();
    return Subscribed{};
  }

  State const& shown() const { return frozen_ ? *frozen_ : *this; }
  bool is_garbled() { return garbles && dice_->one_in(2); }
  void reforge(model::MacroBlock& block, std::size_t at) {
    block.epoch = Epoch(at);
    block.hash = dice_->hash();
    block.previous = macros_[at - 1].hash;
    block.time = from_unix_ms(static_cast<std::int64_t>(1000 * at));
  }
  void take_back() {
    auto const block = micros_.back();
    micros_.pop_back();
    if (generation_ != Generation::v1_2_2) return;
    notice(MicroReverted{block.epoch, block.offset, block.hash});
  }

  void notice(Notice what) {
    if (!connected || !subscribed_ || generation_ == Generation::v1_3) return;
    if (std::holds_alternative<MicroReverted>(what)) ++reverts_told;
    wire.push_back({0, std::move(what)});
  }

  Generation generation_;
  World const* world_;
  Dice* dice_;
  bool subscribed_ = false;
  bool is_forged_ = false;
  std::size_t reader_offset_ = 0;
  std::optional<State> frozen_;
};

}  // namespace hotside::chain::test
