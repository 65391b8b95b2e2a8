#include "tests/sim/script.hpp"

#include <charconv>
#include <sstream>

#include "tests/property/model_chain.hpp"

namespace hotside::sim {
namespace {

// How often each is, of all, in three moods: anything, a live chain, a machine that fails.
struct Known {
  std::string_view name;
  unsigned weights[3];
};
constexpr Known kKnown[kActs] = {
    {"grow", {60, 60, 40}},  {"full", {1, 1, 0}},       {"fork", {20, 30, 8}},
    {"drop", {6, 12, 3}},    {"seal", {22, 14, 14}},    {"rush", {3, 1, 2}},
    {"swap", {6, 6, 3}},     {"step", {40, 30, 20}},    {"level", {12, 40, 20}},
    {"pop", {6, 14, 3}},     {"rewind", {4, 2, 1}},     {"freeze", {4, 2, 1}},
    {"thaw", {4, 4, 2}},     {"desync", {4, 1, 1}},     {"garble", {3, 1, 1}},
    {"forge", {2, 0, 1}},    {"repent", {4, 0, 2}},     {"mute", {4, 1, 1}},
    {"cut", {8, 4, 2}},      {"spoil", {16, 40, 6}},    {"talk", {40, 60, 50}},
    {"move", {60, 40, 30}},  {"wait", {10, 12, 4}},     {"stop", {4, 1, 6}},
    {"kill", {8, 1, 24}},    {"power", {8, 1, 24}},     {"full-disk", {2, 0, 6}},
    {"bad-disk", {2, 0, 6}}, {"register", {14, 8, 12}}, {"retire", {5, 3, 4}},
    {"clear", {4, 0, 2}},    {"hold", {6, 4, 5}},       {"lift", {8, 6, 7}},
    {"relay", {14, 14, 12}}, {"hook", {10, 8, 10}},     {"order", {14, 10, 12}},
    {"release", {4, 4, 4}},  {"sign", {10, 10, 10}},    {"answer", {8, 8, 8}},
    {"poll", {14, 8, 10}},   {"crash", {3, 1, 2}},      {"backup", {3, 1, 2}},
    {"doubt", {3, 1, 2}}};

Act any_act(chain::test::Dice& dice, std::size_t mood) {
  unsigned sum = 0;
  for (auto const& each : kKnown) sum += each.weights[mood];
  auto left = dice.below(sum);
  for (std::size_t at = 0; at < kActs; ++at) {
    if (left < kKnown[at].weights[mood]) return static_cast<Act>(at);
    left -= kKnown[at].weights[mood];
  }
  return Act::grow;
}

}  // namespace

std::string_view to_string(Act act) { return kKnown[static_cast<std::size_t>(act)].name; }

Script Script::from_seed(std::uint64_t seed) {
  chain::test::Dice dice(seed);
  Script script;
  script.setup = dice.below(1U << 30U);
  auto const mood = dice.below(3);
  auto const length = 20 + dice.below(dice.one_in(8) ? 300 : 80);
  while (script.actions.size() < length)
    script.actions.push_back({any_act(dice, mood), dice.below(1U << 30U)});
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
