#include "explorer/api/bundle_body.hpp"

#include <simdjson.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "explorer/api/parameters.hpp"
#include "proto/model/address.hpp"

namespace hotside::api {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kUtxosMax = 1000, kOutputsMax = 1000, kFromMax = 1000;
constexpr std::int64_t kExpiresMax = 30 * 24 * 3600, kExpiresDefault = 24 * 3600;

tl::unexpected<Error> bad(std::string what) { return fail(Fault::rejected, std::move(what)); }

// The members of an object: none unknown, none twice.
Result<void> check_members(dom::element value, std::string const& where,
                           std::initializer_list<std::string_view> known) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS)
    return bad(where.empty() ? "the body is not a JSON object" : where + ": an object");
  std::string const lead = where.empty() ? "" : where + ".";
  std::vector<std::string_view> seen;
  for (auto const& [key, each] : object) {
    if (std::ranges::find(known, key) == known.end())
      return bad(lead + "unknown field '" + std::string(key.substr(0, 64)) + "'");
    if (std::ranges::find(seen, key) != seen.end())
      return bad(lead + std::string(key) + ": given twice");
    seen.push_back(key);
  }
  return {};
}

Result<dom::element> parse(dom::parser& parser, std::string_view body,
                           std::initializer_list<std::string_view> known) {
  dom::element root;
  if (auto const code = parser.parse(body.data(), body.size()).get(root))
    return bad(std::string("not valid JSON: ") + simdjson::error_message(code));
  HS_DO(check_members(root, "", known));
  return root;
}

// Absent and null are the same where a member may be left out.
std::optional<dom::element> member(dom::element object, std::string_view key) {
  dom::element value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

Result<std::vector<dom::element>> list(dom::element object, std::string const& key,
                                       std::size_t max) {
  auto const value = member(object, key);
  dom::array array;
  if (!value) return bad(key + ": missing");
  if (value->get(array) != simdjson::SUCCESS) return bad(key + ": a list");
  std::vector<dom::element> items;
  for (auto const item : array) items.push_back(item);
  if (items.empty() || items.size() > max)
    return bad(key + ": 1 to " + std::to_string(max) + " are expected, not " +
               std::to_string(items.size()));
  return items;
}

Result<std::string> text(dom::element value, std::string const& where) {
  std::string_view found;
  if (value.get(found) != simdjson::SUCCESS) return bad(where + ": a text");
  return std::string(found);
}

Asked<PublicKey> address(dom::element value, std::string const& where, std::string_view hrp) {
  HS_ASK(found, text(value, where));
  auto const key = model::parse_address(hrp, found);
  if (!key) return refuse(Problem::invalid_address, where + ": " + key.error().what);
  return *key;
}

Asked<model::Payee> payee(dom::element value, std::string const& where, std::string_view hrp) {
  HS_ASK(known, check_members(value, where, {"recipient", "amount"}).map([] { return true; }));
  static_cast<void>(known);
  auto const recipient = member(value, "recipient");
  if (!recipient) return refuse(Problem::invalid_body, where + ".recipient: missing");
  HS_ASK(key, address(*recipient, where + ".recipient", hrp));
  auto const amount = member(value, "amount");
  std::int64_t number = 0;
  if (!amount || !amount->is_int64() || amount->get(number) != simdjson::SUCCESS || number <= 0)
    return refuse(Problem::invalid_body, where + ".amount: an integer above 0, in µSTG");
  return model::Payee{key, Amount(number)};
}

// An address of this network, or else a reference.
Asked<store::BundleOrder::From> from(dom::element value, std::string const& where,
                                     std::string_view hrp) {
  HS_ASK(found, text(value, where));
  if (auto const key = model::parse_address(hrp, found))
    return store::BundleOrder::From{*key, std::move(found)};
  HS_ASK(checked, check_text(where, found).map([] { return true; }));
  static_cast<void>(checked);
  return store::BundleOrder::From{std::nullopt, std::move(found)};
}

Result<std::optional<Amount>> fee(dom::element root) {
  auto const value = member(root, "fee");
  if (!value) return std::optional<Amount>();
  std::string_view word;
  if (value->get(word) == simdjson::SUCCESS && word == "minimum") return std::optional<Amount>();
  std::int64_t number = 0;
  if (!value->is_int64() || value->get(number) != simdjson::SUCCESS || number < 0)
    return bad("fee: \"minimum\", or an integer of at least 0, in µSTG");
  return std::optional(Amount(number));
}

}  // namespace

Result<std::vector<Hash>> read_utxos(std::string_view body) {
  dom::parser parser;
  HS_TRY(root, parse(parser, body, {"utxos"}));
  HS_TRY(items, list(root, "utxos", kUtxosMax));
  std::vector<Hash> ids;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto const where = "utxos[" + std::to_string(i) + "]";
    HS_TRY(digits, text(items[i], where));
    auto const id = Hash::from_hex(digits);
    if (!id) return bad(where + ": 64 hex digits");
    ids.push_back(*id);
  }
  return ids;
}

Asked<store::BundleOrder> read_bundle_order(std::string_view body, std::string_view hrp) {
  dom::parser parser;
  HS_ASK(root, parse(parser, body, {"outputs", "from", "change", "fee", "split", "expires_in"}));
  store::BundleOrder order;
  HS_ASK(outputs, list(root, "outputs", kOutputsMax));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    HS_ASK(output, payee(outputs[i], "outputs[" + std::to_string(i) + "]", hrp));
    order.outputs.push_back(output);
  }
  if (member(root, "from")) {
    HS_ASK(sources, list(root, "from", kFromMax));
    for (std::size_t i = 0; i < sources.size(); ++i) {
      HS_ASK(source, from(sources[i], "from[" + std::to_string(i) + "]", hrp));
      order.from.push_back(std::move(source));
    }
  }
  if (auto const value = member(root, "change")) {
    HS_ASK(key, address(*value, "change", hrp));
    order.change = key;
  }
  HS_ASK(amount, fee(root));
  order.fee = amount;
  if (auto const value = member(root, "split"))
    if (value->get(order.split) != simdjson::SUCCESS)
      return refuse(Problem::invalid_body, "split: true or false");
  std::int64_t seconds = kExpiresDefault;
  if (auto const value = member(root, "expires_in"))
    if (!value->is_int64() || value->get(seconds) != simdjson::SUCCESS || seconds < 1 ||
        seconds > kExpiresMax)
      return refuse(Problem::invalid_body,
                    "expires_in: an integer from 1 to " + std::to_string(kExpiresMax) + " seconds");
  order.expires_in = std::chrono::seconds(seconds);
  return order;
}

}  // namespace hotside::api
