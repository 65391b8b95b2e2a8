#pragma once
// The route table: every path we answer, who may use it and which parameters it knows.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "explorer/api/handler.hpp"
#include "explorer/api/tokens.hpp"

namespace hotside::api {

struct LongPoll {};    // GET /v1/events: handlers.hpp, waited for by the server
struct LiveStream {};  // GET /v1/events/stream: event_stream.hpp
using Handler = std::variant<PlainHandler, ReadHandler, HealthHandler, WriteHandler, LookupHandler,
                             DownloadHandler, UploadHandler, LongPoll, LiveStream>;

inline constexpr std::string_view kNoBody{};
inline constexpr std::string_view kJson = "application/json";

struct Route {
  std::string_view method;
  std::string_view path;  // at most one {parameter}, a whole segment; also the metrics label
  Role needs = Role::none;
  Handler handler;
  std::string_view body = kNoBody;  // media types it takes, separated by spaces
  std::string_view parameters{};    // of the query, separated by spaces
  bool needs_body = true;           // where it takes one
};

std::span<Route const> routes();  // what the service answers

struct Matched {
  Route const* route = nullptr;  // null: the path is known, but not with this method
  std::string path_parameter;
  std::string_view path;  // template, for the metrics
  std::string allow;      // methods of this path
};

class RouteTable {
 public:
  explicit RouteTable(std::span<Route const> routes);  // which must outlive it
  // nullopt: no such path. HEAD finds the GET route. A path that a route spells out is never the
  // {parameter} of another one.
  std::optional<Matched> match(std::string_view method,
                               std::span<std::string const> segments) const;
  // Methods of any path, as an Allow header has them.
  std::string const& all_methods() const { return all_methods_; }

 private:
  struct Entry {
    Route const* route;
    std::vector<std::string_view> segments;
    bool has_parameter;
  };
  std::vector<Entry> entries_;  // those with a parameter last
  std::string all_methods_;
};

// Whether `media_type` is one of the route's.
bool takes(Route const& route, std::string_view media_type);

// Whether it answers with a page of rows, of a length that the client chooses.
bool is_page(Route const& route);

// Refuses query names that the route does not know.
std::optional<std::string> unknown_parameter(Route const& route,
                                             std::map<std::string, std::string> const& query);

}  // namespace hotside::api
