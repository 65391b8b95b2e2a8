#include "explorer/app/config.hpp"

#include <iostream>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
#include "proto/base/json_writer.hpp"
#include "store/database.hpp"

namespace hotside::app {

namespace {

// What only shows once the rest is good: a store that is of another network.
void check_store(Configuration& read) {
  if (!read.problems.empty()) return;
  auto const& settings = read.settings;
  auto const done =
      store::Database::check(settings.store_url, {settings.network.hrp, *settings.network.genesis});
  if (!done)
    read.problems.push_back({settings.origins.at("store.url"), "store.url", done.error().what});
}

}  // namespace

int config_check(std::string const& config, bool json) {
  auto read = read_configuration_file(config, process_environment(), Reader::service);
  if (!read) return complain(read.error(), kUsage);
  check_store(*read);
  if (json) {
    JsonWriter out;
    out.begin_object().key("problems").begin_array();
    for (auto const& [origin, key, what] : read->problems)
      out.begin_object()
          .key("origin")
          .string(origin)
          .key("key")
          .string(key)
          .key("what")
          .string(what)
          .end_object();
    out.end_array().end_object();
    std::cout << out.text() << '\n';
  } else {
    for (auto const& problem : read->problems) std::cout << problem.text() << '\n';
    if (read->problems.empty()) std::cout << config << ": good\n";
  }
  return read->problems.empty() ? kDone : kFailed;
}

int config_text(std::string const& which) {
  std::cout << (which == "example" ? example_text() : reference_text());
  return kDone;
}

}  // namespace hotside::app
