#pragma once
// A follower, puppets for nodes, and hands that turn the clock. Puppets show exactly the chain they
// are given, or a lie that the test puts in its place.

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chainclient/chain/follower.hpp"

namespace hotside::chain::test {

using namespace std::chrono_literals;

inline Hash h(std::uint64_t number) {
  Hash hash;
  for (std::size_t at = 0; at < 8; ++at)
    hash.bytes[at] = static_cast<std::uint8_t>(number >> (8 * at));
  hash.bytes[31] = 1;
  return hash;
}

struct Chain {
  explicit Chain(std::uint64_t genesis = 1) : made(genesis * 1000) {
    macros.push_back(macro(Epoch(0), h(genesis), model::before_genesis()));
  }
  static model::MacroBlock macro(Epoch epoch, Hash hash, Hash previous) {
    model::MacroBlock block;
    block.epoch = epoch;
    block.hash = hash;
    block.previous = previous;
    return block;
  }
  model::MicroBlock micro() const {
    model::MicroBlock block;
    block.epoch = Epoch(macros.size());
    block.offset = Offset(static_cast<std::uint32_t>(micros.size()));
    block.previous = tip();
    block.time = from_unix_ms(5000);
    return block;
  }
  Hash tip() const { return micros.empty() ? macros.back().hash : micros.back().hash; }
  model::MicroBlock const& grow(std::size_t count = 1) {
    for (; count > 0; --count) {
      auto block = micro();
      block.hash = h(++made);
      micros.push_back(block);
    }
    return micros.back();
  }
  model::MacroBlock const& seal(std::size_t count = 1) {
    for (; count > 0; --count) {
      auto const previous = macros.back().hash;
      macros.push_back(macro(Epoch(macros.size()), h(++made), previous));
      micros.clear();
    }
    return macros.back();
  }
  std::vector<model::MacroBlock> macros;
  std::vector<model::MicroBlock> micros;
  std::uint64_t made;
};

struct Puppet {
  Chain chain;
  Generation generation = Generation::v1_2_2;
  std::string network = "testnet";
  bool synchronised = true;
  bool mute = false;                           // connected, but answers nothing
  std::function<bool(Ask const&)> falls_mute;  // busy with such a request, it answers no other
  std::function<std::optional<Answer>(Ask const&)> lie;
  std::vector<Send> inbox;
  std::vector<Ask> asked;

  Status status() const {
    return {synchronised,
            Epoch(chain.macros.size()),
            Offset(static_cast<std::uint32_t>(chain.micros.size())),
            chain.tip(),
            chain.macros.back().hash,
            generation};
  }
  Answer answer(Ask const& ask) const {
    if (lie)
      if (auto told = lie(ask)) return *told;
    if (std::holds_alternative<AskVersion>(ask)) return Version{"1"};
    if (std::holds_alternative<AskChainName>(ask)) return ChainName{network};
    if (std::holds_alternative<AskStatus>(ask)) return status();
    if (std::holds_alternative<AskSubscribe>(ask)) return Subscribed{};
    if (auto const* macro = std::get_if<AskMacro>(&ask)) {
      if (macro->epoch.value < chain.macros.size())
        return MacroSeen{chain.macros[macro->epoch.value], 1000};
      return Refused{"Macro block doesn't exists"};
    }
    auto const& micro = std::get<AskMicro>(ask);
    if (micro.epoch.value == chain.macros.size() && micro.offset.value < chain.micros.size())
      return MicroSeen{chain.micros[micro.offset.value]};
    return Refused{"Micro block doesn't exists"};
  }
  template <class What>
  std::size_t count() const {
    std::size_t found = 0;
    for (auto const& ask : asked) found += std::holds_alternative<What>(ask) ? 1U : 0U;
    return found;
  }
};

class Desk {
 public:
  explicit Desk(std::size_t count = 1, Stored stored = {},
                std::function<void(FollowerOptions&)> const& set = nullptr)
      : puppets(count) {
    options.network = {"testnet", "stt", h(1)};
    for (std::size_t at = 0; at < count; ++at)
      options.nodes.push_back(std::string(1, static_cast<char>('a' + at)));
    if (set) set(options);
    follower.emplace(options, std::move(stored));
  }
  // A store that holds the chain of `chain`, as if it had been followed until now.
  static Stored stored(Chain const& chain, std::size_t held = 0) {
    Stored stored;
    stored.before_first = model::before_genesis();
    for (auto const& macro : chain.macros) stored.macro_hashes.push_back(macro.hash);
    for (std::size_t at = 0; at < chain.micros.size(); ++at) {
      auto const& micro = chain.micros[at];
      stored.micros.push_back(
          {micro.hash, micro.previous, micro.time, at + held >= chain.micros.size()});
    }
    return stored;
  }

  Puppet& node(NodeId id = 0) { return puppets[id]; }
  void connect(NodeId id = 0) {
    follower->on_connected(id, now);
    settle();
  }
  void lose(NodeId id = 0, std::string const& why = "closed") {
    puppets[id].inbox.clear();
    follower->on_lost(id, why, now);
    settle();
  }
  void notice(Notice what, NodeId id = 0) {
    follower->on_notice(id, std::move(what), now);
    settle();
  }
  // The follower alone, without answers.
  void tick(std::chrono::milliseconds time = 0ms) {
    now += time;
    follower->on_tick(now, from_unix_ms(now.time_since_epoch().count()));
    collect();
  }
  void run(std::chrono::milliseconds time) {
    for (auto const end = now + time; now < end;) {
      tick(std::min<std::chrono::milliseconds>(200ms, end - now));
      settle();
    }
  }
  void settle() {
    collect();
    for (bool again = true; again;) {
      again = false;
      for (NodeId id = 0; id < puppets.size(); ++id) {
        if (puppets[id].mute) continue;
        for (auto const& send : std::exchange(puppets[id].inbox, {})) {
          puppets[id].mute |= puppets[id].falls_mute && puppets[id].falls_mute(send.ask);
          if (puppets[id].mute) break;
          follower->on_answer(id, send.id, puppets[id].answer(send.ask), now);
          again = true;
        }
        collect();
      }
    }
  }

  template <class Event>
  std::vector<Event> events() const {
    std::vector<Event> found;
    for (auto const& event : emitted)
      if (auto const* one = std::get_if<Event>(&event)) found.push_back(*one);
    return found;
  }
  template <class Event>
  std::size_t count() const {
    return events<Event>().size();
  }
  std::size_t counted(std::string const& reason) const {
    std::size_t found = 0;
    for (auto const& count : counts) found += count.reason == reason ? 1U : 0U;
    return found;
  }
  model::NodeStatus said(NodeId id = 0) const {
    return follower->nodes(from_unix_ms(now.time_since_epoch().count()))[id];
  }

  FollowerOptions options;
  std::vector<Puppet> puppets;
  std::optional<Follower> follower;
  Instant now{1000s};
  std::vector<model::ChainEvent> emitted;
  std::vector<Count> counts;
  std::vector<Reconnect> reconnects;

 private:
  void collect() {
    for (auto& command : follower->take()) {
      if (auto* send = std::get_if<Send>(&command)) {
        puppets[send->node].asked.push_back(send->ask);
        puppets[send->node].inbox.push_back(*send);
      } else if (auto* again = std::get_if<Reconnect>(&command)) {
        puppets[again->node].inbox.clear();
        reconnects.push_back(*again);
      } else if (auto* emit = std::get_if<Emit>(&command)) {
        emitted.push_back(std::move(emit->event));
      } else if (auto* count = std::get_if<Count>(&command)) {
        counts.push_back(*count);
      }
    }
  }
};

inline MicroReverted take_back(model::MicroBlock const& block) {
  return {block.epoch, block.offset, block.hash};
}

}  // namespace hotside::chain::test
