#pragma once
// Completion for shells, whole in one script: nothing is run when a key is pressed.

#include <string>

#include "explorer/app/command_tree.hpp"

namespace hotside::app {

std::string bash_completion(CommandText const& root);
std::string zsh_completion(CommandText const& root);

}  // namespace hotside::app
