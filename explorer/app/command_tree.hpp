#pragma once
// The command line as plain values, read from the parser's own table: completion, manual page and
// suggestions are made from it, so none of them can differ from what the program takes.

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace hotside::app {

struct OptionText {
  std::vector<std::string> names{};    // "-h", "--help"; empty: positional
  std::string value{};                 // "FILE"; empty: a flag
  std::vector<std::string> choices{};  // all values that are taken; empty: any
  std::string default_value{}, help{};
  bool is_required = false;
  bool is_repeated = false;

  bool is_positional() const { return names.empty(); }
  bool takes_file() const { return value == "FILE" || value == "F"; }
};

struct CommandText {
  std::string path{};  // "hotside address add"
  std::string help{};
  std::vector<OptionText> options{};
  std::vector<CommandText> commands{};

  std::string name() const { return path.substr(path.rfind(' ') + 1); }
};

OptionText read_option(CLI::Option const& option);
CommandText read_tree(CLI::App const& app);

// The command with all below it, in the order of the table.
std::vector<CommandText const*> all_commands(CommandText const& root);

}  // namespace hotside::app
