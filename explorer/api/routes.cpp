#include "explorer/api/routes.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "explorer/api/handlers.hpp"

namespace hotside::api {
namespace {

constexpr std::string_view kDepositParameters =
    "utxo address reference state spend epoch_from epoch_to min_amount after limit";
constexpr std::string_view kDepositFilters =
    "utxo address reference state spend epoch_from epoch_to min_amount";

auto const kRoutes = std::to_array<Route>({
    {"GET", "/", Role::none, &get_dashboard},
    {"GET", "/dashboard/{file}", Role::none, &get_dashboard_file},
    {"GET", "/healthz", Role::none, &get_healthz},
    {"GET", "/readyz", Role::none, &get_readyz},
    {"GET", "/metrics", Role::none, &get_metrics},
    {"GET", "/openapi.json", Role::none, &get_openapi},
    {"GET", "/docs/errors", Role::none, &get_errors_page},
    {"GET", "/docs/audit", Role::none, &get_audit_page},
    {"GET", "/docs/{guide}", Role::none, &get_guide},
    {"GET", "/v1/status", Role::read, &get_status},
    {"GET", "/v1/addresses", Role::read, &get_addresses, kNoBody, "reference after limit"},
    {"POST", "/v1/addresses", Role::manage, &post_addresses, kJson},
    {"POST", "/v1/addresses/import", Role::manage, &import_addresses,
     "text/csv application/x-ndjson"},
    {"GET", "/v1/addresses/{address}", Role::read, &get_address},
    {"PATCH", "/v1/addresses/{address}", Role::manage, &patch_address, kJson},
    {"DELETE", "/v1/addresses/{address}", Role::manage, &delete_address},
    {"GET", "/v1/references/{reference}", Role::read, &get_reference, kNoBody, "after limit"},
    {"GET", "/v1/deposits", Role::read, &get_deposits, kNoBody, kDepositParameters},
    {"GET", "/v1/deposits.csv", Role::read, &get_deposits_csv, kNoBody, kDepositFilters},
    {"GET", "/v1/deposits/{id}", Role::read, &get_deposit},
    {"POST", "/v1/outputs", Role::read, &post_outputs, kJson},
    {"GET", "/v1/utxos", Role::read, &get_utxos, kNoBody,
     "address reference min_amount after limit"},
    {"GET", "/v1/bundles", Role::read, &get_bundles, kNoBody, "after limit"},
    {"POST", "/v1/bundles", Role::relay, &post_bundles, kJson},
    {"GET", "/v1/bundles/{id}", Role::read, &get_bundle},
    {"DELETE", "/v1/bundles/{id}", Role::relay, &delete_bundle},
    {"GET", "/v1/transactions", Role::read, &get_transactions, kNoBody, "state after limit"},
    {"POST", "/v1/transactions", Role::relay, &post_transactions, kJson},
    {"GET", "/v1/transactions/{hash}", Role::read, &get_transaction},
    {"GET", "/v1/events", Role::read, LongPoll{}, kNoBody, "after feed limit types wait"},
    {"GET", "/v1/checkpoints/{seq}", Role::read, &get_checkpoint},
    {"GET", "/v1/events/stream", Role::read, LiveStream{}, kNoBody, "after feed types"},
    {"GET", "/v1/audit", Role::read, &get_audit, kNoBody, "after limit"},
    {"GET", "/v1/violations", Role::read, &get_violations},
    {"DELETE", "/v1/violations", Role::admin, &delete_violations, kJson},
    {"POST", "/v1/hold", Role::admin, &post_hold, kJson},
    {"DELETE", "/v1/hold", Role::admin, &delete_hold},
    {"GET", "/v1/certificates", Role::read, &get_certificates, kNoBody, "from limit"},
    {"GET", "/v1/certificates/{epoch}", Role::read, &get_certificate},
    {"GET", "/v1/webhooks", Role::manage, &get_webhooks, kNoBody, "after limit"},
    {"POST", "/v1/webhooks", Role::manage, &post_webhook, kJson},
    {"GET", "/v1/webhooks/{id}", Role::manage, &get_webhook},
    {"PATCH", "/v1/webhooks/{id}", Role::manage, &patch_webhook, kJson},
    {"DELETE", "/v1/webhooks/{id}", Role::manage, &delete_webhook},
    {"POST", "/v1/webhooks/{id}/rotate", Role::manage, &post_rotate, kJson, {}, false},
    {"GET", "/v1/webhooks/{id}/deliveries", Role::manage, &get_deliveries, kNoBody, "after limit"},
    {"POST", "/v1/webhooks/{id}/redeliver", Role::manage, &post_redeliver, kJson},
});

// "/v1/addresses/{address}" into its segments.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  path.remove_prefix(1);
  while (!path.empty()) {
    auto const slash = path.find('/');
    out.push_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return out;
}

// The value of the {parameter}, "" when the path has none, nullopt when it is another path.
std::optional<std::string> fits(std::span<std::string_view const> pattern,
                                std::span<std::string const> segments) {
  if (pattern.size() != segments.size()) return std::nullopt;
  std::string parameter;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].starts_with('{')) {
      if (segments[i].empty()) return std::nullopt;
      parameter = segments[i];
    } else if (pattern[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return parameter;
}

// Whether `word` is one of `words`, which are separated by spaces.
bool is_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    auto const space = words.find(' ');
    if (words.substr(0, space) == word) return true;
    words = space == std::string_view::npos ? std::string_view{} : words.substr(space + 1);
  }
  return false;
}

}  // namespace

std::span<Route const> routes() { return kRoutes; }

RouteTable::RouteTable(std::span<Route const> routes) {
  std::vector<std::string_view> methods;
  for (auto const& route : routes) {
    entries_.push_back({&route, split(route.path), route.path.find('{') != std::string_view::npos});
    if (std::ranges::find(methods, route.method) == methods.end()) methods.push_back(route.method);
  }
  std::ranges::stable_sort(entries_, {}, &Entry::has_parameter);
  for (auto const method : methods)
    all_methods_ += std::string(method) + (method == "GET" ? ", HEAD, " : ", ");
  all_methods_ += "OPTIONS";
}

std::optional<Matched> RouteTable::match(std::string_view method,
                                         std::span<std::string const> segments) const {
  std::string_view const wanted = method == "HEAD" ? "GET" : method;
  std::optional<Matched> found;
  for (auto const& [route, pattern, has_parameter] : entries_) {
    if (found && has_parameter && found->path.find('{') == std::string_view::npos) break;
    auto parameter = fits(pattern, segments);
    if (!parameter) continue;
    if (!found) found = Matched{nullptr, std::move(*parameter), route->path, {}};
    found->allow += std::string(found->allow.empty() ? "" : ", ") + std::string(route->method);
    if (route->method == "GET") found->allow += ", HEAD";
    if (route->method == wanted) found->route = route;
  }
  if (found) found->allow += ", OPTIONS";
  return found;
}

bool takes(Route const& route, std::string_view media_type) {
  return is_word(route.body, media_type);
}

bool is_page(Route const& route) { return is_word(route.parameters, "limit"); }

std::optional<std::string> unknown_parameter(Route const& route,
                                             std::map<std::string, std::string> const& query) {
  for (auto const& [name, value] : query)
    if (!is_word(route.parameters, name)) return name;
  return std::nullopt;
}

}  // namespace hotside::api
