#include "tests/sim/relays.hpp"

#include <algorithm>

namespace hotside::sim::oracle {
namespace {

std::string hex(Id const& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (auto const each : id) {
    auto const byte = static_cast<unsigned char>(each);
    text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return text;
}

}  // namespace

void Relays::record(Relayed tx, Book const& book) {
  Known known;
  known.since = book.epoch();
  known_[tx.hash] = std::move(known);
  auto const hash = tx.hash;
  rows_[hash] = std::move(tx);
}

bool Relays::answered(Id const& hash, Answer answer, std::string const& error, bool was_sent) {
  auto& tx = rows_.at(hash);
  auto& known = known_.at(hash);
  auto const before = known.said;
  auto const error_before = known.error;
  if (was_sent) ++tx.attempts;
  // The chain has shown more.
  if (tx.state == "prepared" || tx.is_final()) return was_sent;
  bool const is_news = known.said == "created" || known.said == "unknown";
  if (answer != Answer::none || is_news) {
    known.said = answer == Answer::accepted   ? "accepted"
                 : answer == Answer::rejected ? "rejected"
                                              : "unknown";
    known.error = answer == Answer::accepted ? std::nullopt : std::optional(error);
  }
  return was_sent || known.said != before || known.error != error_before;
}

void Relays::settle(Book const& book) {
  for (auto& [hash, tx] : rows_) {
    auto now = standing(tx, known_.at(hash), book);
    bool const went_back = tx.state == "prepared" && !now.is_final() && now.state != "prepared";
    if (now.state != tx.state)
      told_.push_back({"transaction." + (went_back ? "reverted" : now.state), now});
    tx = std::move(now);
  }
}

Relayed Relays::standing(Relayed tx, Known const& known, Book const& book) const {
  auto const offset_before = tx.offset;
  tx.state = known.said;
  tx.error = known.error;
  tx.before.reset();
  tx.epoch.reset();
  tx.offset.reset();
  for (auto epoch = std::max(known.since, book.first()); epoch < book.epoch(); ++epoch) {
    auto const& macro = book.macro(epoch);
    auto const spends = [&](Id const& id) { return macro.spends.contains(id); };
    auto const spent = std::find_if(tx.inputs.begin(), tx.inputs.end(), spends);
    if (spent == tx.inputs.end()) continue;
    bool const is_whole = std::all_of(tx.inputs.begin(), tx.inputs.end(), spends) &&
                          std::all_of(tx.outputs.begin(), tx.outputs.end(), [&](auto const& each) {
                            return macro.makes.contains(each.id);
                          });
    tx.epoch = epoch;
    tx.state = is_whole ? "committed" : "conflicted";
    tx.error.reset();
    if (is_whole)
      tx.offset = offset_before;  // where it was seen last
    else
      tx.error = "input " + hex(*spent) + " was spent by another transaction";
    return tx;
  }
  for (auto const& micro : book.list())
    for (auto const& each : micro.transactions)
      if (each.hash == tx.hash) {
        tx.before = known.said;
        tx.state = "prepared";
        tx.epoch = book.epoch();
        tx.offset = micro.offset;
      }
  return tx;
}

bool Relays::may_spend(Id const& utxo) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](auto const& each) {
    auto const& tx = each.second;
    return !tx.is_final() && std::find(tx.inputs.begin(), tx.inputs.end(), utxo) != tx.inputs.end();
  });
}

}  // namespace hotside::sim::oracle
