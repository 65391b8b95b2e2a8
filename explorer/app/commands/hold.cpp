#include <iostream>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
#include "proto/base/json_writer.hpp"

namespace hotside::app {
namespace {

std::string body_of(std::string const& reason) {
  JsonWriter json;
  json.begin_object().key("reason").string(reason).end_object();
  return json.take();
}

}  // namespace

int hold_set(Access const& access, std::string const& reason) {
  return show_answer(
      access,
      [&](Client const& client) { return client.send("POST", "/v1/hold", body_of(reason)); },
      [&](Json const& answer) {
        if (text_at(answer, "reason") != reason) std::cout << "a hold was set already:\n";
        print_members(answer);
      });
}

int hold_lift(Access const& access, std::string const& reason) {
  return show_answer(
      access,
      [&](Client const& client) { return client.send("DELETE", "/v1/hold", body_of(reason)); },
      [](Json const&) { std::cout << "lifted\n"; });
}

}  // namespace hotside::app
