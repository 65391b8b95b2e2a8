#include "explorer/app/suggestion.hpp"

#include <algorithm>
#include <numeric>

namespace hotside::app {
namespace {

using Words = std::vector<std::string>;

// Letters to put in, take out or replace to make one word of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      auto const replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

std::string question(std::string const& word, Words const& known) {
  std::size_t nearest = std::max<std::size_t>(2, word.size() / 3);
  Words best;
  for (auto const& candidate : known) {
    auto const apart = candidate.starts_with(word) ? 1 : distance(word, candidate);
    if (apart > nearest) continue;
    if (apart < nearest) best.clear();
    nearest = apart;
    best.push_back(candidate);
  }
  std::string text;
  for (auto const& candidate : best)
    text += (text.empty() ? "; did you mean \"" : " or \"") + candidate + "\"";
  return text.empty() ? "" : text + "?";
}

std::string complaint(CommandText const& at, std::string const& what, std::string const& word,
                      Words const& known) {
  return at.path + ": no " + what + " \"" + word + "\"" + question(word, known) + "\nRun \"" +
         at.path + " --help\" for all of them.\n";
}

OptionText const* find_option(CommandText const& command, std::string const& name) {
  for (auto const& option : command.options)
    if (std::ranges::find(option.names, name) != option.names.end()) return &option;
  return nullptr;
}

}  // namespace

std::optional<std::string> explain_unknown(CommandText const& root, Words const& words) {
  auto const* at = &root;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    auto const& word = words[i];
    if (word.starts_with("--")) {
      auto const name = word.substr(0, word.find('='));
      auto const* option = find_option(*at, name);
      if (option == nullptr) {
        Words known;
        for (auto const& each : at->options)
          known.insert(known.end(), each.names.begin(), each.names.end());
        return complaint(*at, "option", name, known);
      }
      if (!option->value.empty() && name == word) ++i;  // the next word is its value
    } else if (!at->commands.empty() && !word.starts_with('-')) {
      auto const found = std::ranges::find(at->commands, word, &CommandText::name);
      if (found == at->commands.end()) {
        Words known;
        for (auto const& each : at->commands) known.push_back(each.name());
        return complaint(*at, "command", word, known);
      }
      at = &*found;
    }
  }
  return std::nullopt;
}

}  // namespace hotside::app
