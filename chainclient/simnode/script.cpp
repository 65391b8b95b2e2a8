#include "chainclient/simnode/script.hpp"

#include "chainclient/simnode/node.hpp"

namespace hotside::simnode {
namespace {

constexpr std::uint64_t kMostRepeats = 1'000'000;
constexpr std::size_t kDeepest = 16;

Result<void> check(Command const& command, std::size_t& depth) {
  auto const at = "line " + std::to_string(command.line) + ": ";
  auto const& name = command.words[0];
  if (name == "repeat") {
    auto const count = command.words.size() == 2 ? parse_u64(command.words[1]) : std::nullopt;
    if (!count || *count == 0 || *count > kMostRepeats)
      return fail(Fault::rejected, at + "repeat N, from 1 to " + std::to_string(kMostRepeats));
    if (++depth > kDeepest) return fail(Fault::rejected, at + "too many loops within each other");
    return {};
  }
  if (name == "end") {
    if (command.words.size() != 1 || depth == 0)
      return fail(Fault::rejected, at + "`end` without `repeat`");
    --depth;
    return {};
  }
  if (!Node::is_known(name))
    return fail(Fault::rejected, at + "unknown action '" + name +
                                     "'; known: " + Node::known_actions() + ", repeat, end");
  return {};
}

}  // namespace

std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  line = line.substr(0, line.find('#'));
  for (std::size_t at = 0;;) {
    auto const begin = line.find_first_not_of(" \t\r", at);
    if (begin == std::string_view::npos) return words;
    at = std::min(line.find_first_of(" \t\r", begin), line.size());
    words.emplace_back(line.substr(begin, at - begin));
  }
}

Result<Script> Script::parse(std::string_view text) {
  Script script;
  std::size_t depth = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto const end = std::min(text.find('\n'), text.size());
    Command command{number, split_words(text.substr(0, end))};
    text.remove_prefix(std::min(end + 1, text.size()));
    if (command.words.empty()) continue;
    HS_DO(check(command, depth));
    // So that next() comes to an action within a few steps, however the loops are nested.
    if (command.words[0] == "end" && script.commands_.back().words[0] == "repeat")
      return fail(Fault::rejected, "line " + std::to_string(number) + ": nothing to repeat");
    script.commands_.push_back(std::move(command));
  }
  if (depth > 0) return fail(Fault::rejected, "`repeat` without `end`");
  return script;
}

Command const* Script::next() {
  while (at_ < commands_.size()) {
    auto const& command = commands_[at_++];
    line_ = command.line;
    if (command.words[0] == "repeat") {
      loops_.push_back({at_, *parse_u64(command.words[1])});
      continue;
    }
    if (command.words[0] != "end") return &command;
    if (--loops_.back().left > 0)
      at_ = loops_.back().begin;
    else
      loops_.pop_back();
  }
  return nullptr;
}

}  // namespace hotside::simnode
