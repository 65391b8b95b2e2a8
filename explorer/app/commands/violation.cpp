#include <iostream>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
#include "proto/base/json_writer.hpp"

namespace hotside::app {

int violation_show(Access const& access) {
  return show_answer(
      access, [](Client const& client) { return client.get("/v1/violations"); },
      [](Json const& answer) {
        bool is_found = false;
        simdjson::dom::array violations;
        if (answer.at_key("violations").get(violations) != simdjson::SUCCESS) return;
        for (auto const& violation : violations) {
          is_found = true;
          print_members(violation);
          std::cout << '\n';
        }
        if (!is_found) std::cout << "none\n";
      });
}

int violation_clear(Access const& access, std::string const& reason) {
  JsonWriter json;
  json.begin_object().key("reason").string(reason).end_object();
  return show_answer(
      access,
      [&](Client const& client) { return client.send("DELETE", "/v1/violations", json.text()); },
      [](Json const&) { std::cout << "cleared\n"; });
}

}  // namespace hotside::app
