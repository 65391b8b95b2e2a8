// Scenario files of the simulated node: read whole, then run as far as a few short steps go.

#include <algorithm>
#include <array>

#include "chainclient/simnode/node.hpp"
#include "chainclient/simnode/script.hpp"
#include "proto/base/invariant.hpp"

using namespace hotside;
using namespace hotside::simnode;

namespace {

constexpr int kCommands = 12;  // of one scenario
constexpr int kSteps = 3;      // of one command

// What takes long, or much memory, is for the tests of the node.
bool is_cheap(std::string const& action) {
  constexpr std::array<std::string_view, 3> kDear{"pay", "pay-many", "oversize"};
  return std::ranges::find(kDear, action) == kDear.end();
}

std::unique_ptr<Node> new_node() {
  Node::Setup setup;
  setup.token = wire::Token(std::array<std::uint8_t, 16>{});
  setup.length = 3;
  setup.now_ns = [] { return std::uint64_t{1'600'000'000'000'000'000}; };
  auto node = Node::make(std::move(setup));
  invariant(node.has_value(), "a node starts");
  return std::move(*node);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto script = Script::parse({reinterpret_cast<char const*>(data), size});
  if (!script) {
    invariant(!script.error().what.empty(), "a refusal says what is wrong");
    return 0;
  }
  std::unique_ptr<Node> node;
  for (int left = kCommands; left > 0; --left) {
    auto const* const command = script->next();
    if (command == nullptr) break;
    invariant(command->line == script->line(), "a command knows its line");
    if (!is_cheap(command->words[0])) continue;
    if (!node) node = new_node();
    auto task = node->task(command->words);
    for (int step = 0; task && step < kSteps; ++step)
      if ((*task)().done) break;
  }
  return 0;
}
