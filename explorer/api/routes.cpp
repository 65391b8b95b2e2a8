#include "explorer/api/routes.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "explorer/api/handlers.hpp"

namespace hotside::api {
namespace {

constexpr std::string_view kDepositParameters =
    "utxo address reference state spend epoch_from epoch_to min_amount after limit";

std::array<Route, 25> const kRoutes{{
    {"GET", "/", Role::none, &get_dashboard},
    {"GET", "/dashboard/{file}", Role::none, &get_dashboard_file},
    {"GET", "/healthz", Role::none, &get_healthz},
    {"GET", "/readyz", Role::none, &get_readyz},
    {"GET", "/metrics", Role::none, &get_metrics},
    {"GET", "/openapi.json", Role::none, &get_openapi},
    {"GET", "/docs/errors", Role::none, &get_errors_page},
    {"GET", "/v1/status", Role::read, &get_status},
    {"GET", "/v1/addresses", Role::read, &get_addresses, false, "reference after limit"},
    {"POST", "/v1/addresses", Role::manage, &post_addresses, true},
    {"GET", "/v1/addresses/{address}", Role::read, &get_address},
    {"DELETE", "/v1/addresses/{address}", Role::manage, &delete_address},
    {"GET", "/v1/deposits", Role::read, &get_deposits, false, kDepositParameters},
    {"GET", "/v1/deposits/{id}", Role::read, &get_deposit},
    {"GET", "/v1/events", Role::read, LongPoll{}, false, "after feed limit types wait"},
    {"GET", "/v1/violations", Role::read, &get_violations},
    {"DELETE", "/v1/violations", Role::admin, &delete_violations, true},
    {"GET", "/v1/webhooks", Role::manage, &get_webhooks, false, "after limit"},
    {"POST", "/v1/webhooks", Role::manage, &post_webhook, true},
    {"GET", "/v1/webhooks/{id}", Role::manage, &get_webhook},
    {"PATCH", "/v1/webhooks/{id}", Role::manage, &patch_webhook, true},
    {"DELETE", "/v1/webhooks/{id}", Role::manage, &delete_webhook},
    {"POST", "/v1/webhooks/{id}/rotate", Role::manage, &post_rotate, true},
    {"GET", "/v1/webhooks/{id}/deliveries", Role::manage, &get_deliveries, false, "after limit"},
    {"POST", "/v1/webhooks/{id}/redeliver", Role::manage, &post_redeliver, true},
}};

// Splits "/v1/addresses/{address}" once; the table is small and read at every request.
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

}  // namespace

std::span<Route const> routes() { return kRoutes; }

std::optional<Matched> match(std::string_view method, std::span<std::string const> segments) {
  static auto const patterns = [] {
    std::vector<std::vector<std::string_view>> out;
    for (auto const& route : routes()) out.push_back(split(route.path));
    return out;
  }();
  std::string_view const wanted = method == "HEAD" ? "GET" : method;
  std::optional<Matched> found;
  for (std::size_t i = 0; i < routes().size(); ++i) {
    auto const& route = routes()[i];
    auto parameter = fits(patterns[i], segments);
    if (!parameter) continue;
    if (!found) found = Matched{nullptr, std::move(*parameter), route.path, {}};
    found->allow += std::string(found->allow.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == "GET") found->allow += ", HEAD";
    if (route.method == wanted) found->route = &route;
  }
  if (found) found->allow += ", OPTIONS";
  return found;
}

std::optional<std::string> unknown_parameter(Route const& route,
                                             std::map<std::string, std::string> const& query) {
  for (auto const& [name, value] : query) {
    auto known = route.parameters;
    bool found = false;
    while (!known.empty() && !found) {
      auto const space = known.find(' ');
      found = known.substr(0, space) == name;
      known = space == std::string_view::npos ? std::string_view{} : known.substr(space + 1);
    }
    if (!found) return name;
  }
  return std::nullopt;
}

}  // namespace hotside::api
