#include "tests/sim/oracle.hpp"

#include <algorithm>
#include <stdexcept>

namespace hotside::sim::oracle {

void Book::connected(Micro block, std::int64_t now) {
  std::erase_if(list_, [&](Micro const& each) { return each.offset >= block.offset; });
  for (auto const& transaction : block.transactions)
    for (auto const& paid : transaction.pays)
      sights_.try_emplace(paid.id, Sight{0, {}, block.time, now});
  auto const cause = block.hash;
  list_.push_back(std::move(block));
  place();
  settle(cause, false);
}

void Book::undone(unsigned from, std::int64_t) {
  std::erase_if(list_, [&](Micro const& each) { return each.offset >= from; });
  place();
  settle(std::nullopt, false);
}

// Where a payment stands in the list; one that is gone, where it stood last.
void Book::place() {
  for (auto const& micro : list_)
    for (auto const& transaction : micro.transactions)
      for (auto const& paid : transaction.pays) {
        sights_[paid.id].offset = micro.offset;
        sights_[paid.id].transaction = transaction.hash;
      }
}

void Book::sealed(Macro block, std::int64_t now) {
  auto const cause = block.hash;
  finals_.push_back({std::move(block), now, std::exchange(sights_, {})});
  list_.clear();
  settle(cause, false);
}

void Book::registered(std::set<Id> const& addresses, std::int64_t) {
  for (auto const& address : addresses) addresses_.try_emplace(address, false);
  settle(std::nullopt, true);
}

std::vector<Final> Book::finals() const {
  std::vector<Final> all;
  for (auto const& closed : finals_) {
    std::set<Id> older;  // spent by this block, and created by an earlier one
    for (auto& output : all)
      if (!output.spent_in && closed.block.spends.contains(output.payment.id)) {
        output.spent_in = closed.block.epoch;
        older.insert(output.payment.id);
      }
    for (auto const& paid : closed.block.pays) {
      bool const here = closed.block.spends.contains(paid.id) && !older.contains(paid.id);
      all.push_back(
          {paid, closed.block.epoch, here ? std::optional(closed.block.epoch) : std::nullopt});
    }
  }
  return all;
}

Fate Book::fate(Id const& id) const {
  auto fate = Fate::unknown;
  for (auto const& output : finals())
    if (output.payment.id == id) fate = output.spent_in ? Fate::spent : Fate::unspent;
  for (auto const& micro : list_)
    for (auto const& transaction : micro.transactions) {
      for (auto const& spent : transaction.spends)
        if (spent == id) fate = Fate::prepared;
      for (auto const& paid : transaction.pays)
        if (paid.id == id) fate = Fate::unspent;
    }
  return fate;
}

Moments Book::moments() const {
  Moments all;
  for (auto const& closed : finals_)
    for (auto const& paid : closed.block.pays) {
      auto const seen = closed.sights.find(paid.id);
      all.insert({paid.id, closed.block.epoch,
                  seen == closed.sights.end() ? closed.at : seen->second.first_seen, closed.at});
    }
  for (auto const& [id, sight] : sights_) all.insert({id, epoch(), sight.first_seen, -1});
  return all;
}

// The deposits that the chain as it is now gives to those who are registered now.
Rows Book::standing() const {
  Rows rows;
  std::map<Id, EpochNo> unspent;
  for (auto const& output : finals()) {
    auto const& paid = output.payment;
    if (!output.spent_in) unspent[paid.id] = output.epoch;
    if (!has(paid.to)) continue;
    auto const& closed = finals_[output.epoch - first_];
    Row row;
    row.utxo = paid.id;
    row.to = paid.to;
    row.epoch = output.epoch;
    row.serno = paid.serno;
    row.amount = paid.amount;
    row.state = State::committed;
    row.spend = output.spent_in ? Spend::spent : Spend::unspent;
    row.block = closed.block.hash;
    row.block_time = closed.block.time;
    row.first_seen = row.committed_at.emplace(closed.at);
    if (auto const seen = closed.sights.find(paid.id); seen != closed.sights.end()) {
      row.offset = seen->second.offset;
      row.transaction = seen->second.transaction;
      row.block_time = seen->second.block_time;
      row.first_seen = seen->second.first_seen;
    }
    rows[{row.utxo, row.epoch}] = row;
  }
  stand(rows, unspent);
  return rows;
}

// … and the epoch that is being built.
void Book::stand(Rows& rows, std::map<Id, EpochNo>& unspent) const {
  for (auto const& micro : list_)
    for (auto const& transaction : micro.transactions) {
      for (auto const& id : transaction.spends) {
        auto const at = unspent.find(id);
        if (at == unspent.end()) continue;
        if (auto const row = rows.find({id, at->second}); row != rows.end())
          row->second.spend = Spend::prepared;
        unspent.erase(at);
      }
      for (auto const& paid : transaction.pays) {
        unspent[paid.id] = epoch();
        if (!has(paid.to)) continue;
        auto const& seen = sights_.at(paid.id);
        Row row;
        row.utxo = paid.id;
        row.to = paid.to;
        row.epoch = epoch();
        row.serno = paid.serno;
        row.amount = paid.amount;
        row.offset = micro.offset;
        row.block = micro.hash;
        row.transaction = transaction.hash;
        row.block_time = seen.block_time;
        row.first_seen = seen.first_seen;
        rows[{row.utxo, row.epoch}] = row;
      }
    }
}

void Book::settle(std::optional<Id> const& cause, bool backfill) {
  auto now = standing();
  for (auto& [key, row] : now) {
    auto const before = rows_.find(key);
    row.retired =
        before != rows_.end() ? before->second.retired : !backfill && addresses_.at(row.to);
  }
  for (auto const& [key, row] : rows_) {
    if (now.contains(key)) continue;
    if (row.state == State::committed) throw std::logic_error("what was final is gone");
    auto gone = row;
    if (row.state == State::prepared) {
      gone.state = State::reverted;
      gone.spend = Spend::unspent;
      if (cause) gone.block = *cause;
    }
    now[key] = gone;
  }
  for (auto const& [key, row] : now) {
    auto const before = rows_.find(key);
    compare(before == rows_.end() ? nullptr : &before->second, row, backfill);
  }
  rows_ = std::move(now);
}

void Book::compare(Row const* before, Row const& after, bool backfill) {
  if (before != nullptr && before->state == State::committed) {
    auto same = *before;
    same.spend = after.spend;
    if (!(same == after)) throw std::logic_error("what was final has changed");
    if (before->spend == Spend::spent && after.spend != Spend::spent)
      throw std::logic_error("what was finally spent is not");
  }
  auto const spend_before = before == nullptr ? Spend::unspent : before->spend;
  if (before == nullptr || before->state != after.state) {
    auto row = after;
    row.spend = spend_before;
    told_.push_back({after.state == State::prepared   ? "deposit.prepared"
                     : after.state == State::reverted ? "deposit.reverted"
                                                      : "deposit.committed",
                     row, backfill});
    if (before == nullptr && !backfill) {
      auto const earlier = rows_.lower_bound({after.utxo, 0});
      if (earlier != rows_.end() && earlier->first.first == after.utxo &&
          earlier->first.second < after.epoch)
        told_.push_back({"chain.output_recreated", row, false});
    }
  }
  if (after.spend != spend_before)
    told_.push_back({after.spend == Spend::unspent    ? "spend.reverted"
                     : after.spend == Spend::prepared ? "spend.prepared"
                                                      : "spend.committed",
                     after, backfill});
}

}  // namespace hotside::sim::oracle
