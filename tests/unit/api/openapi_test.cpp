// The description and the code say the same.

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <set>

#include "explorer/api/problem.hpp"
#include "explorer/api/routes.hpp"
#include "explorer/api/static_files.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;

namespace {
std::set<std::string> words(std::string_view text) {
  std::set<std::string> out;
  while (!text.empty()) {
    auto const space = text.find(' ');
    out.emplace(text.substr(0, space));
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
  }
  return out;
}
}  // namespace

TEST_CASE("every route is described with its parameters, and nothing else is") {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  REQUIRE_FALSE(parser.parse(simdjson::padded_string(embedded_file("openapi.json"))).get(root));
  std::set<std::string> described;
  for (auto path : simdjson::dom::object(root["paths"]))
    for (auto operation : simdjson::dom::object(path.value))
      if (operation.key != "parameters") {
        std::string method(operation.key);
        for (auto& c : method) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        described.insert(method + " " + std::string(path.key));
      }
  std::set<std::string> routed;
  for (auto const& route : routes()) {
    std::string const name = std::string(route.method) + " " + std::string(route.path);
    routed.insert(name);
    INFO(name);
    std::string method(route.method);
    for (auto& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    simdjson::dom::element operation;
    REQUIRE_FALSE(root["paths"][route.path][method].get(operation));
    std::set<std::string> parameters;
    simdjson::dom::array list;
    if (!operation["parameters"].get(list))
      for (auto parameter : list) {
        simdjson::dom::element named = parameter;
        std::string_view reference;
        if (!parameter["$ref"].get(reference))
          REQUIRE_FALSE(root.at_pointer(reference.substr(1)).get(named));
        if (std::string_view(named["in"]) == "query")
          parameters.emplace(std::string_view(named["name"]));
      }
    CHECK(parameters == words(route.parameters));
    simdjson::dom::element body;
    CHECK((operation["requestBody"].get(body) == simdjson::SUCCESS) == !route.body.empty());
    if (!route.body.empty()) CHECK(bool(operation["requestBody"]["required"]) == route.needs_body);
  }
  CHECK(described == routed);
}

TEST_CASE("every problem has a row, and the page shows each") {
  auto const page = errors_page();
  std::set<std::string_view> names;
  for (auto const& kind : problem_kinds()) {
    CHECK(names.insert(kind.name).second);
    CHECK(contains(page, "id=\"" + std::string(kind.name) + "\""));
    CHECK(kind_of(kind.problem).name == kind.name);
  }
  CHECK(problem_kinds().size() == static_cast<std::size_t>(Problem::not_finished) + 1);
}
