#include "tests/sim/script.hpp"

#include <charconv>
#include <sstream>

#include "tests/property/model_chain.hpp"

namespace hotside::sim {
namespace {

struct Known {
  std::string_view name;
  unsigned weight;  // how often, of all
};
constexpr Known kKnown[kActs] = {
    {"grow", 60},  {"full", 1},      {"fork", 20},    {"seal", 22},     {"rush", 3},   {"swap", 6},
    {"step", 40},  {"level", 12},    {"pop", 6},      {"rewind", 4},    {"freeze", 4}, {"thaw", 4},
    {"desync", 4}, {"garble", 3},    {"forge", 2},    {"repent", 4},    {"mute", 4},   {"cut", 8},
    {"spoil", 16}, {"talk", 40},     {"move", 60},    {"wait", 10},     {"stop", 4},   {"kill", 8},
    {"power", 8},  {"full-disk", 2}, {"bad-disk", 2}, {"register", 14}, {"retire", 5}, {"clear", 4},
    {"poll", 14},  {"crash", 3},     {"backup", 3},   {"doubt", 3}};

Act any_act(chain::test::Dice& dice) {
  unsigned sum = 0;
  for (auto const& each : kKnown) sum += each.weight;
  auto left = dice.below(sum);
  for (std::size_t at = 0; at < kActs; ++at) {
    if (left < kKnown[at].weight) return static_cast<Act>(at);
    left -= kKnown[at].weight;
  }
  return Act::grow;
}

}  // namespace

std::string_view to_string(Act act) { return kKnown[static_cast<std::size_t>(act)].name; }

Script Script::from_seed(std::uint64_t seed) {
  chain::test::Dice dice(seed);
  Script script;
  script.setup = dice.below(1U << 30U);
  auto const length = 20 + dice.below(dice.one_in(8) ? 300 : 80);
  while (script.actions.size() < length)
    script.actions.push_back({any_act(dice), dice.below(1U << 30U)});
  return script;
}

std::string Script::text() const {
  std::string text = "setup " + std::to_string(setup) + "\n";
  for (auto const& [act, seed] : actions)
    text += std::string(to_string(act)) + " " + std::to_string(seed) + "\n";
  return text;
}

std::optional<Script> Script::parse(std::string_view text, std::string& problem) {
  Script script;
  std::istringstream lines{std::string(text)};
  std::string line;
  bool has_setup = false;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    problem = "line " + std::to_string(number) + ": \"" + line + "\": expected ";
    auto const space = line.find(' ');
    auto const name = line.substr(0, space);
    auto const digits = space == std::string::npos ? std::string() : line.substr(space + 1);
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      problem += "a word and a number";
      return std::nullopt;
    }
    if (!has_setup) {
      if (name != "setup") {
        problem += "setup NUMBER first";
        return std::nullopt;
      }
      has_setup = true;
      script.setup = value;
      continue;
    }
    std::size_t at = 0;
    while (at < kActs && kKnown[at].name != name) ++at;
    if (at == kActs) {
      problem += "a known action";
      return std::nullopt;
    }
    script.actions.push_back({static_cast<Act>(at), value});
  }
  problem = "no setup line";
  if (!has_setup) return std::nullopt;
  return script;
}

}  // namespace hotside::sim
