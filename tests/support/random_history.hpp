#pragma once
// Random histories of a chain that obeys the node's rules, as the events that a source would give,
// and an independent reading of what they must come to: dictionaries filled from the final chain.

#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "proto/model/chain_event.hpp"
#include "tests/support/blocks.hpp"

namespace hotside::test {

class RandomHistory {
 public:
  static constexpr std::uint64_t kKeys = 6;

  explicit RandomHistory(std::uint64_t seed) : random_(seed) {}

  model::ChainEvent start() {
    final_hash_ = bytes_of<Hash>(77);
    return model::Started{Epoch(0), final_hash_};
  }
  model::ChainEvent next() {
    if (epoch_.value == 0) return seal(list_);
    switch (below(12)) {
      case 0:
        return seal(list_);
      case 1:
        return seal(rewritten());
      case 2:
      case 3:
        if (!list_.empty()) return connect(below(list_.size()));
        break;
      case 4:
        if (!list_.empty()) return hold();
        break;
      case 5:
        if (held_ < list_.size()) return give_back();
        break;
      case 6:
        if (held_ < list_.size()) return undo();
        break;
      default:
        break;
    }
    return connect(list_.size());
  }

  // ---- what it must come to: (id, epoch) -> (committed?, spend 0 1 2, amount), from the end back
  struct Expected {
    bool committed = false;
    int spend = 0;
    std::int64_t amount = 0;
    PublicKey recipient;
  };
  std::map<std::pair<Hash, std::uint64_t>, Expected> expected() const {
    std::map<std::pair<Hash, std::uint64_t>, Expected> all;
    std::map<Hash, std::uint64_t> open;  // unspent, and of which epoch
    auto const create = [&](model::PublicPayment const& paid, Epoch epoch, bool committed) {
      all[{paid.id, epoch.value}] = {committed, 0, paid.amount.value, paid.recipient};
      open[paid.id] = epoch.value;
    };
    auto const spend = [&](Hash const& id, int how) {
      auto const at = open.find(id);
      if (at == open.end()) return;
      all[{id, at->second}].spend = how;
      open.erase(at);
    };
    for (auto const& macro : macros_) {
      std::set<Hash> const spent(macro.inputs.begin(), macro.inputs.end());
      for (auto const& id : spent)
        if (open.contains(id))
          spend(id, 2);
        else
          spent_inside_.insert(id);
      for (auto const& paid : macro.payments) {
        create(paid, macro.epoch, true);
        if (spent_inside_.contains(paid.id)) spend(paid.id, 2);
      }
      spent_inside_.clear();
    }
    for (auto const& entry : list_)
      for (auto const& tx : entry.txs) {
        for (auto const& id : tx.inputs) spend(id, 1);
        for (auto const& paid : tx.payments) create(paid, epoch_, false);
      }
    return all;
  }
  std::optional<Hash> tip_hash() const {  // of the last block that is not held
    if (macros_.empty() && held_ == 0) return std::nullopt;
    return held_ == 0 ? final_hash_ : list_[held_ - 1].block.hash;
  }
  std::vector<model::MacroBlock> const& macros() const { return macros_; }

 private:
  struct Entry {
    model::MicroBlock block;
    std::vector<Tx> txs;
  };
  using List = std::vector<Entry>;

  std::size_t below(std::size_t bound) { return random_() % bound; }

  // Unspent public payments after the final chain and the first `count` blocks of `list`.
  std::map<Hash, model::PublicPayment> unspent(List const& list, std::size_t count) const {
    auto open = final_unspent_;
    for (std::size_t i = 0; i < count; ++i)
      for (auto const& tx : list[i].txs) {
        for (auto const& id : tx.inputs) open.erase(id);
        for (auto const& paid : tx.payments) open[paid.id] = paid;
      }
    return open;
  }
  std::vector<Tx> transactions(List const& list, std::size_t offset) {
    auto open = unspent(list, offset);
    auto const at_begin = open;
    std::vector<Tx> txs(below(3));
    for (auto& tx : txs) {
      for (auto n = below(3); n > 0 && !open.empty(); --n) {
        auto at = open.begin();
        std::advance(at, static_cast<long>(below(open.size())));
        // A micro block never spends what it creates.
        if (!at_begin.contains(at->first)) continue;
        tx.inputs.push_back(at->first);
        open.erase(at);
      }
      for (auto n = below(3); n > 0; --n) {
        // Few possible payments, so that ids come again.
        auto const paid = payment(below(kKeys), static_cast<std::int64_t>(below(3)),
                                  static_cast<std::int64_t>(1 + below(2)));
        if (open.contains(paid.id) || at_begin.contains(paid.id)) continue;
        tx.payments.push_back(paid);
        open[paid.id] = paid;
      }
    }
    return txs;
  }
  model::ChainEvent connect(std::size_t offset) {
    // Often the same payments again, in another block.
    auto txs =
        offset < list_.size() && below(2) == 0 ? list_[offset].txs : transactions(list_, offset);
    list_.resize(offset);
    auto block = micro(epoch_, static_cast<std::uint32_t>(offset),
                       offset == 0 ? final_hash_ : list_.back().block.hash, txs);
    list_.push_back({block, std::move(txs)});
    held_ = list_.size();
    return model::Connected{std::move(block)};
  }
  model::ChainEvent hold() {
    held_ = below(std::min(held_, list_.size() - 1) + 1);
    return model::Held{Offset(static_cast<std::uint32_t>(held_))};
  }
  model::ChainEvent give_back() {
    held_ += 1 + below(list_.size() - held_);
    return model::Returned{Offset(static_cast<std::uint32_t>(held_))};
  }
  model::ChainEvent undo() {
    list_.resize(held_);
    return model::Undone{Offset(static_cast<std::uint32_t>(held_))};
  }
  // What the rest of the network had instead.
  List rewritten() {
    List other(list_.begin(), list_.begin() + static_cast<long>(below(list_.size() + 1)));
    for (auto n = below(3); n > 0; --n) {
      Entry entry;
      entry.txs = transactions(other, other.size());
      other.push_back(std::move(entry));
    }
    return other;
  }
  model::ChainEvent seal(List list) {
    // An epoch that needs the same id twice in one of its lists cannot end.
    std::set<Hash> inputs, outputs;
    std::vector<Tx> txs;
    std::size_t count = 0;
    for (; count < list.size(); ++count) {
      bool twice = false;
      for (auto const& tx : list[count].txs) {
        for (auto const& id : tx.inputs) twice |= !inputs.insert(id).second;
        for (auto const& paid : tx.payments) twice |= !outputs.insert(paid.id).second;
      }
      if (twice) break;
      txs.insert(txs.end(), list[count].txs.begin(), list[count].txs.end());
    }
    final_unspent_ = unspent(list, count);
    auto block = macro(epoch_, final_hash_, txs);
    final_hash_ = block.hash;
    epoch_ = epoch_.next();
    list_.clear();
    held_ = 0;
    macros_.push_back(block);
    return model::Sealed{std::move(block)};
  }

  std::mt19937_64 random_;
  Epoch epoch_{0};
  Hash final_hash_;
  List list_;
  std::size_t held_ = 0;  // blocks from here on are held
  std::map<Hash, model::PublicPayment> final_unspent_;
  std::vector<model::MacroBlock> macros_;
  mutable std::set<Hash> spent_inside_;
};

}  // namespace hotside::test
