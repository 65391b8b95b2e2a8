#pragma once
// The route table: every path we answer, who may use it and which parameters it knows.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "explorer/api/handler.hpp"
#include "explorer/api/tokens.hpp"

namespace hotside::api {

struct LongPoll {};  // GET /v1/events: handlers.hpp, waited for by the server
using Handler =
    std::variant<PlainHandler, ReadHandler, HealthHandler, WriteHandler, LookupHandler, LongPoll>;

struct Route {
  std::string_view method;
  std::string_view path;  // at most one {parameter}, a whole segment; also the metrics label
  Role needs = Role::none;
  Handler handler;
  bool takes_body = false;        // application/json
  std::string_view parameters{};  // of the query, separated by spaces
};

std::span<Route const> routes();

struct Matched {
  Route const* route = nullptr;  // null: the path is known, but not with this method
  std::string path_parameter;
  std::string_view path;  // template, for the metrics
  std::string allow;      // methods of this path
};

// nullopt: no such path. HEAD finds the GET route.
std::optional<Matched> match(std::string_view method, std::span<std::string const> segments);

// Refuses query names that the route does not know.
std::optional<std::string> unknown_parameter(Route const& route,
                                             std::map<std::string, std::string> const& query);

}  // namespace hotside::api
