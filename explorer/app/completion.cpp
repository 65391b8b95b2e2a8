#include "explorer/app/completion.hpp"

#include <algorithm>

namespace hotside::app {
namespace {

using Words = std::vector<std::string>;

std::string quoted(std::string const& text) {
  std::string out = "'";
  for (char const c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string joined(Words const& words, std::string const& between) {
  std::string out;
  for (auto const& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// What the scripts of both shells are made of: patterns over "<command path> <word before>".
struct Cases {
  Words commands{};  // 'hotside address' and all others below the root
  Words files{};     // an option that takes a file
  std::vector<std::pair<std::string, Words>> fixed{};  // an option that takes one of few values
  Words free{};  // an option with a value that only the user knows
};

Cases cases_of(CommandText const& root) {
  Cases cases;
  for (auto const* command : all_commands(root)) {
    if (command != &root) cases.commands.push_back(quoted(command->path));
    for (auto const& option : command->options) {
      if (option.value.empty() || option.is_positional()) continue;
      for (auto const& name : option.names) {
        auto const pattern = quoted(command->path + " " + name);
        if (!option.choices.empty())
          cases.fixed.emplace_back(pattern, option.choices);
        else
          (option.takes_file() ? cases.files : cases.free).push_back(pattern);
      }
    }
  }
  return cases;
}

// One line of a `case`; none for a pattern that is empty, since shells do not take that.
std::string branch(Words const& patterns, std::string const& does) {
  return patterns.empty() ? "" : "    " + joined(patterns, "|") + ") " + does + " ;;\n";
}

bool takes_file(CommandText const& command) {
  return std::ranges::any_of(command.options, [](OptionText const& option) {
    return option.is_positional() && option.takes_file();
  });
}

// Names of subcommands and values of the positionals: what may stand here without a dash.
Words plain_words(CommandText const& command) {
  Words words;
  for (auto const& sub : command.commands) words.push_back(sub.name());
  for (auto const& option : command.options)
    if (option.is_positional())
      words.insert(words.end(), option.choices.begin(), option.choices.end());
  return words;
}

Words option_names(CommandText const& command) {
  Words names;
  for (auto const& option : command.options)
    if (!option.names.empty()) names.push_back(option.names.back());
  return names;
}

// name:description, as zsh's _describe takes it.
Words described(CommandText const& command) {
  Words out;
  for (auto const& sub : command.commands) out.push_back(quoted(sub.name() + ":" + sub.help));
  for (auto const& option : command.options) {
    if (!option.is_positional()) continue;
    for (auto const& choice : option.choices) out.push_back(quoted(choice + ":" + option.help));
  }
  return out;
}

Words described_options(CommandText const& command) {
  Words out;
  for (auto const& option : command.options)
    if (!option.names.empty()) out.push_back(quoted(option.names.back() + ":" + option.help));
  return out;
}

}  // namespace

std::string bash_completion(CommandText const& root) {
  auto const cases = cases_of(root);
  std::string out =
      "# bash completion for hotside: source <(hotside completion bash)\n"
      "_hotside() {\n"
      "  local at=" +
      quoted(root.path) +
      " word=${COMP_WORDS[COMP_CWORD]} before\n"
      "  COMPREPLY=()\n"
      "  for before in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$at $before\" in\n" +
      branch(cases.commands, "at=\"$at $before\"") +
      "    esac\n"
      "  done\n"
      "  case \"$at ${COMP_WORDS[COMP_CWORD-1]}\" in\n" +
      branch(cases.files, "mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return");
  for (auto const& [pattern, values] : cases.fixed)
    out += branch({pattern}, "mapfile -t COMPREPLY < <(compgen -W " + quoted(joined(values, " ")) +
                                 " -- \"$word\"); return");
  out += branch(cases.free, "return") +
         "  esac\n"
         "  local words= options= files=\n"
         "  case \"$at\" in\n";
  for (auto const* command : all_commands(root))
    out += branch({quoted(command->path)},
                  "words=" + quoted(joined(plain_words(*command), " ")) +
                      " options=" + quoted(joined(option_names(*command), " ")) +
                      (takes_file(*command) ? " files=1" : ""));
  return out +
         "  esac\n"
         "  case \"$word\" in\n"
         "    -*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\") ;;\n"
         "    *)\n"
         "      mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\"; [ -z \"$files\" ] || "
         "compgen -f -- \"$word\")\n"
         "      [ ${#COMPREPLY[@]} -gt 0 ] || [ -n \"$word\" ] ||\n"
         "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
         "      ;;\n"
         "  esac\n"
         "}\n"
         "complete -o filenames -F _hotside hotside\n";
}

std::string zsh_completion(CommandText const& root) {
  auto const cases = cases_of(root);
  std::string out =
      "#compdef hotside\n"
      "# zsh completion for hotside: source <(hotside completion zsh), or _hotside in $fpath\n"
      "_hotside() {\n"
      "  local at=" +
      quoted(root.path) +
      " before files=\n"
      "  local -a described options\n"
      "  for before in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$at $before\" in\n" +
      branch(cases.commands, "at=\"$at $before\"") +
      "    esac\n"
      "  done\n"
      "  case \"$at ${words[CURRENT-1]}\" in\n" +
      branch(cases.files, "_files; return");
  for (auto const& [pattern, values] : cases.fixed)
    out += branch({pattern}, "compadd -- " + joined(values, " ") + "; return");
  out += branch(cases.free, "_message value; return") +
         "  esac\n"
         "  case \"$at\" in\n";
  for (auto const* command : all_commands(root))
    out += branch({quoted(command->path)}, "described=(" + joined(described(*command), " ") +
                                               ") options=(" +
                                               joined(described_options(*command), " ") + ")" +
                                               (takes_file(*command) ? " files=1" : ""));
  return out +
         "  esac\n"
         "  if [[ ${words[CURRENT]} == -* ]]; then\n"
         "    _describe -o option options\n"
         "    return\n"
         "  fi\n"
         "  (( ${#described} )) && _describe command described\n"
         "  [[ -n $files ]] && _files\n"
         "  (( ${#described} )) || [[ -n $files ]] || _describe -o option options\n"
         "}\n"
         "if [[ ${funcstack[1]} == _hotside ]]; then _hotside \"$@\"; else compdef _hotside "
         "hotside; fi\n";
}

}  // namespace hotside::app
