#include "explorer/app/command_tree.hpp"

#include <CLI/App.hpp>

namespace hotside::app {
namespace {

// The parser gives the value's name with what its checks say of themselves, "NAME:{a,b}" or
// "X:FLOAT in [0 - 9]"; a name may have a colon of its own, as UTXO:EPOCH has.
void read_type(std::string const& type, OptionText& into) {
  auto const set = type.find(":{");
  auto const range = type.find(" in [");
  if (set != std::string::npos) {
    into.value = type.substr(0, set);
    auto const end = type.find('}', set);
    for (std::size_t at = set + 2; at < end;) {
      auto const comma = std::min(type.find(',', at), end);
      into.choices.push_back(type.substr(at, comma - at));
      at = comma + 1;
    }
  } else if (range != std::string::npos) {
    into.value = type.substr(0, type.rfind(':', range));
  } else {
    into.value = type;
  }
}

CommandText read_below(CLI::App const& app, std::string const& above) {
  CommandText text{above + app.get_name(), app.get_description(), {}, {}};
  for (auto const* option : app.get_options()) text.options.push_back(read_option(*option));
  for (auto const* sub : app.get_subcommands(std::function<bool(CLI::App const*)>{}))
    text.commands.push_back(read_below(*sub, text.path + " "));
  return text;
}

void collect(CommandText const& command, std::vector<CommandText const*>& into) {
  into.push_back(&command);
  for (auto const& sub : command.commands) collect(sub, into);
}

}  // namespace

OptionText read_option(CLI::Option const& option) {
  OptionText text;
  for (auto const& name : option.get_snames()) text.names.push_back("-" + name);
  for (auto const& name : option.get_lnames()) text.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) read_type(option.get_type_name(), text);
  text.default_value = option.get_default_str();
  text.help = option.get_description();
  text.is_required = option.get_required();
  text.is_repeated = option.get_items_expected_max() > 1;
  return text;
}

CommandText read_tree(CLI::App const& app) { return read_below(app, ""); }

std::vector<CommandText const*> all_commands(CommandText const& root) {
  std::vector<CommandText const*> found;
  collect(root, found);
  return found;
}

}  // namespace hotside::app
