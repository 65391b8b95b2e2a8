#pragma once
// What is wrong with a command line that the parser refused, when it is a word that nobody knows.

#include <optional>
#include <string>
#include <vector>

#include "explorer/app/command_tree.hpp"

namespace hotside::app {

// "hotside address: no command \"lst\"; did you mean \"list\"? …", or nothing: the parser knows
// better. `words` are the arguments without the program's name.
std::optional<std::string> explain_unknown(CommandText const& root,
                                           std::vector<std::string> const& words);

}  // namespace hotside::app
