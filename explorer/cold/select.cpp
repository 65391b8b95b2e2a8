#include "explorer/cold/select.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>

namespace hotside::cold {
namespace {

using model::BundleRequest;
using model::Coin;
using model::Payee;

constexpr std::size_t kStepsMax = 100'000;    // of all exact searches of one selection
constexpr std::size_t kSearchedCoins = 1000;  // of one source, the largest that fit

Sum total_of(std::span<Payee const> payouts) {
  Sum total = 0;
  for (auto const& payout : payouts) total += payout.amount.value;
  return total;
}

Sum total_of(std::span<Coin const> coins) {
  Sum total = 0;
  for (auto const& coin : coins) total += coin.amount.value;
  return total;
}

// What one request can spend of a source.
Sum capacity_of(Source const& source) {
  return total_of(std::span(source.coins).first(std::min(source.coins.size(), kInputsMax)));
}

// Depth first through "with this coin, without it", largest first, cut where the rest cannot reach
// the least wanted sum or the most is exceeded.
class ExactSearch {
 public:
  ExactSearch(std::span<Coin const> coins, Sum least, Sum most, std::size_t& steps)
      : least_(least), most_(most), steps_(steps) {
    for (std::size_t i = 0; i < coins.size() && values_.size() < kSearchedCoins; ++i) {
      if (coins[i].amount.value > most) continue;
      values_.push_back(coins[i].amount.value);
      places_.push_back(i);
    }
    rest_.resize(values_.size() + 1);
    for (std::size_t i = values_.size(); i > 0; --i) rest_[i - 1] = rest_[i] + values_[i - 1];
  }

  // Places of the coins, in order.
  std::optional<std::vector<std::size_t>> run() {
    if (!reach(0, 0)) return std::nullopt;
    std::vector<std::size_t> found;
    for (auto const i : chosen_) found.push_back(places_[i]);
    return found;
  }

 private:
  // Recursion is as deep as coins are chosen, hence at most kInputsMax.
  bool reach(std::size_t from, Sum sum) {
    if (sum >= least_) return true;
    if (chosen_.size() == kInputsMax) return false;
    for (std::size_t i = from; i < values_.size(); ++i) {
      if (steps_ == 0 || sum + rest_[i] < least_) return false;
      --steps_;
      if (sum + values_[i] > most_) continue;
      // An equal coin that has just been tried without success would fail again.
      if (i > from && values_[i] == values_[i - 1] && sum + values_[i - 1] <= most_) continue;
      chosen_.push_back(i);
      if (reach(i + 1, sum + values_[i])) return true;
      chosen_.pop_back();
    }
    return false;
  }

  Sum least_, most_;
  std::size_t& steps_;
  std::vector<Sum> values_, rest_;
  std::vector<std::size_t> places_, chosen_;
};

class Selection {
 public:
  Selection(Wish const& wish, std::vector<Source> sources)
      : wish_(wish), sources_(std::move(sources)) {}

  enum class Fit : std::uint8_t { largest, smallest };  // which source that suffices is taken
  bool all_exactly_from_one();
  bool whole(Fit fit);
  bool in_parts();
  std::vector<BundleRequest> take() { return std::move(requests_); }

 private:
  Sum fee(std::size_t outputs) const { return wish_.fee ? wish_.fee->value : minimum_fee(outputs); }
  // Change of no more than it would cost goes to the fee; a given fee is kept to the letter.
  Sum slack() const { return wish_.fee ? 0 : kFeePerOutput; }

  std::optional<std::size_t> source_for(Sum need, Fit fit) const;
  bool pay(std::size_t source, std::vector<Payee> payouts, bool only_exactly);
  bool finish(Source& source, std::vector<std::size_t> places, std::vector<Payee> payouts);
  void sort_payouts();

  Wish const& wish_;
  std::vector<Source> sources_;
  std::vector<BundleRequest> requests_;
  std::vector<Payee> pending_;
  std::size_t steps_ = kStepsMax;
};

void Selection::sort_payouts() {
  pending_ = wish_.payouts;
  std::ranges::stable_sort(pending_, std::ranges::greater(), &Payee::amount);
}

// Takes the coins at `places` and makes the request of them; false: their sum leaves change where
// there is no room for it.
bool Selection::finish(Source& source, std::vector<std::size_t> places,
                       std::vector<Payee> payouts) {
  BundleRequest request;
  request.source = source.key;
  for (auto const place : places) request.inputs.push_back(source.coins[place]);
  Sum const surplus = total_of(request.inputs) - total_of(payouts) - fee(payouts.size());
  if (surplus < 0) return false;
  request.outputs = std::move(payouts);
  Sum paid = fee(request.outputs.size());
  if (surplus <= slack()) {
    paid += surplus;
  } else {
    if (request.outputs.size() == kOutputsMax) return false;
    Sum const change = surplus - (wish_.fee ? 0 : kFeePerOutput);
    if (change > std::numeric_limits<std::int64_t>::max()) return false;
    paid = fee(request.outputs.size() + 1);
    request.change =
        Payee{wish_.change.value_or(source.key), Amount(static_cast<std::int64_t>(change))};
    request.outputs.push_back(*request.change);
  }
  request.fee = Amount(static_cast<std::int64_t>(paid));
  std::ranges::sort(places, std::ranges::greater());
  for (auto const place : places)
    source.coins.erase(source.coins.begin() + static_cast<std::ptrdiff_t>(place));
  requests_.push_back(std::move(request));
  return true;
}

bool Selection::pay(std::size_t number, std::vector<Payee> payouts, bool only_exactly) {
  auto& source = sources_[number];
  Sum const need = total_of(payouts) + fee(payouts.size());
  ExactSearch search(source.coins, need, need + slack(), steps_);
  if (auto places = search.run()) return finish(source, std::move(*places), std::move(payouts));
  if (only_exactly) return false;
  std::vector<std::size_t> places;
  Sum sum = 0;
  while (sum < need && places.size() < std::min(source.coins.size(), kInputsMax)) {
    sum += source.coins[places.size()].amount.value;
    places.push_back(places.size());
  }
  return finish(source, std::move(places), std::move(payouts));
}

bool Selection::all_exactly_from_one() {
  if (wish_.payouts.size() > kOutputsMax) return false;
  for (std::size_t i = 0; i < sources_.size(); ++i)
    if (pay(i, wish_.payouts, true)) return true;
  return false;
}

std::optional<std::size_t> Selection::source_for(Sum need, Fit fit) const {
  std::optional<std::size_t> best;
  Sum best_capacity = 0;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    auto const capacity = capacity_of(sources_[i]);
    if (capacity < need) continue;
    bool const is_better =
        fit == Fit::largest ? capacity > best_capacity : capacity < best_capacity;
    if (best && !is_better) continue;
    best = i;
    best_capacity = capacity;
  }
  return best;
}

// Every payout whole, the largest first, each request as full as its source allows.
bool Selection::whole(Fit fit) {
  requests_.clear();
  sort_payouts();
  while (!pending_.empty()) {
    if (requests_.size() == kRequestsMax) return false;
    auto const source = source_for(pending_.front().amount.value + fee(1), fit);
    if (!source) return false;
    auto const capacity = capacity_of(sources_[*source]);
    std::vector<Payee> chosen, left;
    Sum sum = 0;
    for (auto const& payout : pending_) {
      bool const fits = chosen.size() + 1 < kOutputsMax &&
                        sum + payout.amount.value + fee(chosen.size() + 1) <= capacity;
      (fits ? chosen : left).push_back(payout);
      if (fits) sum += payout.amount.value;
    }
    if (!pay(*source, std::move(chosen), false)) return false;
    pending_ = std::move(left);
  }
  return true;
}

// The largest sources are used up one after the other.
bool Selection::in_parts() {
  requests_.clear();
  sort_payouts();
  while (!pending_.empty()) {
    if (requests_.size() == kRequestsMax) return false;
    auto const source = source_for(fee(1) + 1, Fit::largest);
    if (!source) return false;
    auto const capacity = capacity_of(sources_[*source]);
    std::vector<Payee> chosen;
    Sum sum = 0;
    while (!pending_.empty() && chosen.size() + 1 < kOutputsMax) {
      Sum const room = capacity - sum - fee(chosen.size() + 1);
      if (room <= 0) break;
      auto& next = pending_.front();
      auto const part = static_cast<std::int64_t>(std::min<Sum>(room, next.amount.value));
      chosen.push_back({next.recipient, Amount(part)});
      sum += part;
      next.amount.value -= part;
      if (next.amount.value == 0) pending_.erase(pending_.begin());
    }
    if (!pay(*source, std::move(chosen), false)) return false;
  }
  return true;
}

}  // namespace

std::optional<std::vector<BundleRequest>> select(Wish const& wish, std::vector<Source> sources) {
  using Fit = Selection::Fit;
  if (wish.payouts.empty()) return std::nullopt;
  {
    Selection exact(wish, sources);
    if (exact.all_exactly_from_one()) return exact.take();
  }
  // Two orders, since filling up the largest source may use what the next payout would need.
  for (auto const fit : {Fit::largest, Fit::smallest}) {
    Selection selection(wish, sources);
    if (selection.whole(fit)) return selection.take();
  }
  if (!wish.split) return std::nullopt;
  Selection selection(wish, std::move(sources));
  if (selection.in_parts()) return selection.take();
  return std::nullopt;
}

}  // namespace hotside::cold
