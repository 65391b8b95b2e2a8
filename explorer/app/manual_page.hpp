#pragma once
// hotside(1), for `man`.

#include <string>

#include "explorer/app/command_tree.hpp"

namespace hotside::app {

std::string manual_page(CommandText const& root);

}  // namespace hotside::app
