#pragma once
// A configuration file and the environment, read against the table of settings.hpp. Every problem
// is found in one go, each with file, line and key.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/app/settings.hpp"

namespace hotside::app {

using Environment = std::map<std::string, std::string, std::less<>>;
Environment process_environment();  // the HOTSIDE_ variables

struct Problem {
  std::string origin;  // "hotside.toml:17", or "HOTSIDE_HTTP_LISTEN"
  std::string key;     // "http.listen"; empty where the file itself is meant
  std::string what;
  std::string text() const;
};

struct Configuration {
  Settings settings;  // to be used only when there are no problems
  std::vector<Problem> problems;
};

// `name` is the file as problems call it.
Configuration read_configuration(std::string_view name, std::string_view toml,
                                 Environment const& environment, Reader reader);
Result<Configuration> read_configuration_file(std::string const& path,
                                              Environment const& environment, Reader reader);

}  // namespace hotside::app
