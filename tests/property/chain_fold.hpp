#pragma once
// What a ledger would hold after the events, and whether each event was one it may get.

#include <stdexcept>
#include <string>
#include <vector>

#include "chainclient/chain/follower.hpp"

namespace hotside::chain::test {

struct Fold {
  Stored stored;
  std::size_t live = 0;
  std::uint64_t held = 0, undone = 0, returned = 0, replaced = 0, stalls = 0;
  std::vector<Instant> held_at = std::vector<Instant>(kMicroBlocksPerEpoch);
  std::vector<model::Violated> violations;

  static void must(bool holds, char const* what) {
    if (!holds) throw std::runtime_error(what);
  }
  Epoch next() const { return Epoch(stored.first.value + stored.macro_hashes.size()); }
  Hash sealed() const {
    return stored.macro_hashes.empty() ? *stored.before_first : stored.macro_hashes.back();
  }
  Hash tip(std::size_t count) const {
    return count == 0 ? sealed() : stored.micros[count - 1].hash;
  }

  void apply(model::ChainEvent const& event, Instant now, std::chrono::milliseconds grace) {
    bool const is_told_always = std::holds_alternative<model::NodeChanged>(event) ||
                                std::holds_alternative<model::Stalled>(event);
    must(!stored.violated || is_told_always, "nothing is taken in while a violation is open");
    if (auto const* started = std::get_if<model::Started>(&event)) {
      must(!stored.before_first, "started once");
      stored.before_first = started->previous;
      stored.first = started->first;
    } else if (auto const* connected = std::get_if<model::Connected>(&event)) {
      connect(connected->block);
    } else if (auto const* back = std::get_if<model::Held>(&event)) {
      must(back->from.value < live, "only counted blocks are held");
      for (auto at = std::size_t(back->from.value); at < live; ++at) {
        stored.micros[at].held = true;
        held_at[at] = now;
      }
      live = back->from.value;
      ++held;
    } else if (auto const* again = std::get_if<model::Returned>(&event)) {
      must(again->until.value > live && again->until.value <= stored.micros.size(),
           "only held blocks come back");
      for (; live < again->until.value; ++live) stored.micros[live].held = false;
      ++returned;
    } else if (auto const* gone = std::get_if<model::Undone>(&event)) {
      must(gone->from.value == live && live < stored.micros.size(), "only held blocks are undone");
      must(now - held_at[live] >= grace, "the grace time is over");
      stored.micros.resize(live);
      ++undone;
    } else if (auto const* sealed_by = std::get_if<model::Sealed>(&event)) {
      must(stored.before_first.has_value(), "started before the first block");
      must(sealed_by->block.epoch == next(), "epochs are sealed once, in order");
      must(sealed_by->block.previous == sealed(), "macro blocks are linked");
      stored.macro_hashes.push_back(sealed_by->block.hash);
      stored.micros.clear();
      live = 0;
    } else if (auto const* violated = std::get_if<model::Violated>(&event)) {
      stored.violated = true;
      violations.push_back(*violated);
    } else if (std::holds_alternative<model::Stalled>(event)) {
      ++stalls;
    }
  }

 private:
  void connect(model::MicroBlock const& block) {
    must(stored.before_first.has_value(), "started before the first block");
    must(block.epoch == next(), "micro blocks are of the epoch that is being built");
    must(block.offset.value <= live, "a block stands on counted blocks");
    must(block.previous == tip(block.offset.value), "micro blocks are linked");
    if (block.offset.value < stored.micros.size()) {
      must(stored.micros[block.offset.value].hash != block.hash, "a known block is no news");
      ++replaced;
    }
    stored.micros.resize(block.offset.value);
    stored.micros.push_back({block.hash, block.previous, block.time, false});
    live = stored.micros.size();
  }
};

}  // namespace hotside::chain::test
