#include "chainclient/simnode/script.hpp"

#include <catch2/catch.hpp>

using namespace hotside;
using simnode::Script;

namespace {

std::string played(std::string_view text) {
  auto script = Script::parse(text);
  if (!script) return script.error().what;
  std::string names;
  while (auto const* command = script->next()) names += command->words[0] + " ";
  return names;
}

}  // namespace

TEST_CASE("loops are unrolled, also within each other") {
  CHECK(played("grow\nrepeat 2\n seal # x\n repeat 2\n  pop\n end\nend\n\nheight") ==
        "grow seal pop pop seal pop pop height ");
  CHECK(played("") == "");
}

TEST_CASE("a script that cannot be played is refused with its line") {
  CHECK(played("grow\nrepeat\nend") == "line 2: repeat N, from 1 to 1000000");
  CHECK(played("repeat 1000001\ngrow\nend") == "line 1: repeat N, from 1 to 1000000");
  CHECK(played("end") == "line 1: `end` without `repeat`");
  CHECK(played("repeat 2\ngrow") == "`repeat` without `end`");
}

// 10^12 turns without an action would be a node that hangs.
TEST_CASE("a loop without an action is refused") {
  CHECK(played("repeat 1000000\nrepeat 1000000\n# nothing\nend\nend") ==
        "line 4: nothing to repeat");
  CHECK(played("repeat 1000000\nrepeat 0\ngrow\nend\nend") ==
        "line 2: repeat N, from 1 to 1000000");
}
