#include "explorer/cold/bundle_maker.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "explorer/cold/select.hpp"
#include "store/database.hpp"

namespace hotside::cold {
namespace {

using model::BundleRequest;
using model::Coin;
using store::BundleOrder;
using store::BundleWrites;

// The largest coins first; more are read only when those do not make the payouts.
constexpr std::array<std::size_t, 3> kPages{500, 10'000, 1'000'000};

// Keys of `from`, each once; empty when all registered addresses may pay.
Result<std::vector<PublicKey>> sources_of(BundleWrites& bundles, BundleOrder const& order) {
  std::vector<PublicKey> keys;
  std::unordered_set<PublicKey> known;
  for (auto const& from : order.from) {
    std::vector<PublicKey> found;
    if (from.address) {
      HS_TRY(is_registered, bundles.is_registered(*from.address));
      if (is_registered) found.push_back(*from.address);
    } else {
      HS_TRY(addresses, bundles.addresses_of(from.text));
      found = std::move(addresses);
    }
    if (found.empty())
      return fail(Fault::rejected, "from: " + from.text + " is no registered address or reference",
                  "unknown_source");
    for (auto const& key : found)
      if (known.insert(key).second) keys.push_back(key);
  }
  return keys;
}

struct Candidates {
  std::vector<Source> sources;
  bool is_all = false;  // there are no more
};

Result<Candidates> candidates(BundleWrites& bundles, std::vector<PublicKey> const& keys,
                              std::size_t limit, Time now) {
  Candidates found;
  found.is_all = true;
  for (auto const& key : keys) {
    HS_TRY(coins, bundles.coins(key, limit, now));
    found.is_all = found.is_all && coins.size() < limit;
    if (!coins.empty()) found.sources.push_back({key, std::move(coins)});
  }
  if (!keys.empty()) return found;
  HS_TRY(coins, bundles.coins(std::nullopt, limit, now));
  found.is_all = coins.size() < limit;
  std::unordered_map<PublicKey, std::size_t> places;
  for (auto const& coin : coins) {
    auto const [place, is_new] = places.emplace(coin.recipient, found.sources.size());
    if (is_new) found.sources.push_back({coin.recipient, {}});
    found.sources[place->second].coins.push_back(coin);
  }
  return found;
}

Sum wanted(Wish const& wish) {
  Sum sum = wish.fee ? wish.fee->value : minimum_fee(wish.payouts.size());
  for (auto const& payout : wish.payouts) sum += payout.amount.value;
  return sum;
}

// One coin that pays all to the last µSTG, wherever it stands among the coins.
Result<std::optional<std::vector<BundleRequest>>> from_one_coin(BundleWrites& bundles,
                                                                Wish const& wish,
                                                                std::vector<PublicKey> const& keys,
                                                                Time now) {
  std::optional<std::vector<BundleRequest>> none;
  auto const sum = wanted(wish);
  if (sum > INT64_MAX || wish.payouts.size() > kOutputsMax) return none;
  Amount const amount(static_cast<std::int64_t>(sum));
  std::vector<Coin> coins;
  for (auto const& key : keys) {
    HS_TRY(found, bundles.coins_of_amount(key, amount, 1, now));
    if (!found.empty()) coins = std::move(found);
    if (!coins.empty()) break;
  }
  if (keys.empty()) {
    HS_TRY(found, bundles.coins_of_amount(std::nullopt, amount, 1, now));
    coins = std::move(found);
  }
  if (coins.empty()) return none;
  return select(wish, {{coins.front().recipient, coins}});
}

Result<store::Shortage> shortage(BundleWrites& bundles, Wish const& wish,
                                 std::vector<PublicKey> const& keys, Time now) {
  store::Shortage result;
  result.wanted = wanted(wish);
  for (auto const& key : keys) {
    HS_TRY(available, bundles.available(key, now));
    result.available.count += available.count;
    result.available.amount += available.amount;
  }
  if (!keys.empty()) return result;
  HS_TRY(available, bundles.available(std::nullopt, now));
  result.available = available;
  return result;
}

// Requests, else what is missing. Every coin there is, is read only when their sum would do.
Result<std::variant<std::vector<BundleRequest>, store::Shortage>> choose(
    BundleWrites& bundles, Wish const& wish, std::vector<PublicKey> const& keys, Time now) {
  using Choice = std::variant<std::vector<BundleRequest>, store::Shortage>;
  HS_TRY(single, from_one_coin(bundles, wish, keys, now));
  if (single) return Choice(std::move(*single));
  std::optional<store::Shortage> missing;
  for (auto const limit : kPages) {
    HS_TRY(found, candidates(bundles, keys, limit, now));
    if (auto requests = select(wish, std::move(found.sources))) return Choice(std::move(*requests));
    if (!missing) {
      HS_TRY(here, shortage(bundles, wish, keys, now));
      missing = here;
    }
    if (found.is_all || missing->available.amount < missing->wanted) break;
  }
  return Choice(*missing);
}

Result<void> check_fees(std::vector<BundleRequest> const& requests, std::int64_t max_fee) {
  for (auto const& request : requests) {
    auto const least = minimum_fee(request.outputs.size());
    if (request.fee.value < least)
      return fail(Fault::rejected,
                  "fee: " + std::to_string(request.fee.value) + " is below the minimum of " +
                      std::to_string(least) + " for " + std::to_string(request.outputs.size()) +
                      " outputs" + (request.change ? ", change counted" : ""),
                  "fee_too_low");
    if (request.fee.value > max_fee)
      return fail(Fault::rejected,
                  "fee: " + std::to_string(request.fee.value) + " is above the limit of " +
                      std::to_string(max_fee) + " (cold.max_fee)",
                  "fee_too_high");
  }
  return {};
}

}  // namespace

Result<std::variant<store::BundleRow, store::Shortage>> BundleMaker::make(store::WriteTxn& txn,
                                                                          BundleOrder const& order,
                                                                          Time now) const {
  using Made = std::variant<store::BundleRow, store::Shortage>;
  if (order.fee && order.fee->value > max_fee_)
    return fail(Fault::rejected,
                "fee: " + std::to_string(order.fee->value) + " is above the limit of " +
                    std::to_string(max_fee_) + " (cold.max_fee)",
                "fee_too_high");
  if (order.fee && order.fee->value < kFeePerOutput)
    return fail(Fault::rejected,
                "fee: " + std::to_string(order.fee->value) + " is below the minimum of " +
                    std::to_string(kFeePerOutput) + " for each output",
                "fee_too_low");
  auto& bundles = txn.bundles();
  HS_TRY(keys, sources_of(bundles, order));
  Wish const wish{order.outputs, order.change, order.fee, order.split};
  HS_TRY(choice, choose(bundles, wish, keys, now));
  if (auto const* missing = std::get_if<store::Shortage>(&choice)) return Made(*missing);
  auto& requests = std::get<std::vector<BundleRequest>>(choice);
  HS_DO(check_fees(requests, max_fee_));

  Document document;
  document.id = order.id;
  document.created_at = now;
  document.expires_at = now + order.expires_in;
  document.network = network_;
  document.requests = std::move(requests);
  store::NewBundle bundle;
  HS_TRY(members, render_members(document));
  HS_TRY(manifest, manifest_of(document));
  bundle.id = order.id;
  bundle.created_at = document.created_at;
  bundle.expires_at = document.expires_at;
  bundle.manifest = manifest;
  bundle.document = std::move(members);
  bundle.requests = std::move(document.requests);
  HS_DO(bundles.add(bundle));
  HS_TRY(row, bundles.bundle(order.id, now));
  if (!row) return fail(Fault::corrupt, "a bundle that was just written is not there", "store");
  return Made(std::move(*row));
}

}  // namespace hotside::cold
