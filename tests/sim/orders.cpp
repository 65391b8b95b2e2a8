#include "tests/sim/orders.hpp"

#include <algorithm>
#include <set>

#include "proto/base/bytes.hpp"
#include "tests/support/feed_reading.hpp"

namespace hotside::sim {
namespace {

constexpr std::int64_t kFeeOfOutput = 1000;
constexpr std::size_t kMost = 100;

oracle::Id plain(PublicKey const& key) { return {key.bytes.begin(), key.bytes.end()}; }

std::string list_of(std::string const& json, std::string const& key) {
  auto const begin = json.find("\"" + key + "\":[") + key.size() + 4;
  return json.substr(begin, json.find(']', begin) - begin);
}

oracle::Request read_request(std::string const& json,
                             std::map<std::string, oracle::Id> const& keys) {
  auto const key_of = [&](std::string const& address) {
    auto const known = keys.find(address);
    return known == keys.end() ? oracle::Id() : known->second;
  };
  oracle::Request request;
  request.source = key_of(test::field(json, "source"));
  auto const ids = list_of(json, "txins");
  for (std::size_t at = 1; at < ids.size(); at += 67) {  // "64 digits",
    auto const id = *from_hex(ids.substr(at, 64));
    request.inputs.emplace_back(id.begin(), id.end());
  }
  auto const outputs = list_of(json, "txouts");
  for (std::size_t at = 0; (at = outputs.find('{', at)) != std::string::npos; ++at) {
    auto const output = outputs.substr(at, outputs.find('}', at) + 1 - at);
    request.outputs.emplace_back(key_of(test::field(output, "recipient")),
                                 std::stoll(test::field(output, "amount")));
  }
  request.fee = std::stoll(test::field(json, "fee"));
  request.has_change = json.find("\"change\":{") != std::string::npos;
  return request;
}

Sum sum_of(std::vector<oracle::Payout> const& payouts) {
  Sum sum = 0;
  for (auto const& [to, amount] : payouts) sum += amount;
  return sum;
}

std::vector<oracle::Payout> payouts_of(store::BundleOrder const& order) {
  std::vector<oracle::Payout> payouts;
  for (auto const& output : order.outputs)
    payouts.emplace_back(plain(output.recipient), output.amount.value);
  return payouts;
}

std::string problem_of(store::BundleOrder const& order, oracle::Request const& request,
                       Coins const& coins, std::set<oracle::Id>& spent) {
  Sum in = 0;
  for (auto const& id : request.inputs) {
    auto const coin = coins.find(id);
    if (coin == coins.end()) return "it spends what cannot be spent";
    if (!spent.insert(id).second) return "it spends an output twice";
    if (coin->second.first != request.source) return "an input is not of its source";
    in += coin->second.second;
  }
  auto const count = request.outputs.size();
  if (request.inputs.empty() || request.inputs.size() > kMost || count == 0 || count > kMost)
    return "it is no transaction";
  if (in != sum_of(request.outputs) + request.fee) return "it is not balanced";
  auto const least = kFeeOfOutput * static_cast<std::int64_t>(count);
  // What is left over and would not pay for change of its own goes to the fee.
  auto const most = least + (request.has_change ? 0 : kFeeOfOutput);
  if (order.fee ? request.fee != order.fee->value || request.fee < least
                : request.fee < least || request.fee > most)
    return "its fee is not what it must be";
  auto const change = order.change ? plain(*order.change) : request.source;
  if (request.has_change && request.outputs.back().first != change)
    return "the change goes elsewhere";
  return {};
}

}  // namespace

oracle::Bundle read_bundle(store::BundleRow const& row,
                           std::map<std::string, oracle::Id> const& keys) {
  oracle::Bundle bundle{row.id, to_unix_ms(row.created_at), to_unix_ms(row.expires_at), {}};
  static constexpr std::string_view kBegin = "{\"type\":\"create_raw_transaction\"";
  auto const& json = row.document;
  for (auto at = json.find(kBegin); at != std::string::npos;) {
    auto const next = json.find(kBegin, at + 1);
    bundle.requests.push_back(read_request(json.substr(at, next - at), keys));
    at = next;
  }
  return bundle;
}

std::string problem_of(store::BundleOrder const& order, oracle::Bundle const& made,
                       Coins const& coins) {
  std::set<oracle::Id> spent;
  std::vector<oracle::Payout> paid;
  for (auto const& request : made.requests) {
    if (auto why = problem_of(order, request, coins, spent); !why.empty()) return why;
    paid.insert(paid.end(), request.outputs.begin(),
                request.outputs.end() - (request.has_change ? 1 : 0));
  }
  auto wanted = payouts_of(order);
  if (order.split) {  // parts of a payout add up
    std::map<oracle::Id, Sum> want, pay;
    for (auto const& [to, amount] : wanted) want[to] += amount;
    for (auto const& [to, amount] : paid) pay[to] += amount;
    return want == pay ? "" : "it does not pay what was ordered";
  }
  std::sort(wanted.begin(), wanted.end());
  std::sort(paid.begin(), paid.end());
  return wanted == paid ? "" : "it does not pay what was ordered";
}

// Whoever has one coin that is large enough is not short.
std::string problem_of(store::BundleOrder const& order, store::Shortage const& shortage,
                       Coins const& coins) {
  Sum amount = 0, most = 0;
  for (auto const& [id, coin] : coins) {
    amount += coin.second;
    most = std::max<Sum>(most, coin.second);
  }
  if (shortage.available.count != coins.size() || shortage.available.amount != amount)
    return "what there is, is counted wrongly";
  auto const payouts = payouts_of(order);
  auto const fee = kFeeOfOutput * static_cast<std::int64_t>(payouts.size() + 1);
  auto const enough = sum_of(payouts) + (order.fee ? order.fee->value : fee);
  return most > enough ? "one coin would do" : "";
}

}  // namespace hotside::sim
