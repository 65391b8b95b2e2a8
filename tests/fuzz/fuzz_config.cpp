// Configuration files and tokens.toml. Behind a zero byte: the environment, one NAME=VALUE a line.

#include "explorer/api/tokens.hpp"
#include "explorer/app/config.hpp"
#include "proto/base/invariant.hpp"

using namespace hotside;

namespace {

app::Environment environment_of(std::string_view text) {
  app::Environment environment;
  while (!text.empty()) {
    auto const line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    auto const equals = line.find('=');
    if (equals != std::string_view::npos)
      environment.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return environment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto const zero = std::min(text.find('\0'), size);
  std::string const toml(text.substr(0, zero));
  auto const environment = environment_of(text.substr(std::min(zero + 1, size)));
  // A client: it opens none of the files that are named.
  auto const read = app::read_configuration("f.toml", toml, environment, app::Reader::client);
  for (auto const& problem : read.problems) {
    invariant(!problem.origin.empty() && !problem.what.empty(), "a problem says where and what");
    static_cast<void>(problem.text());
  }
  if (read.problems.empty()) {
    auto const& settings = read.settings;
    invariant(!settings.nodes.empty() && !settings.store_url.empty(), "what is needed is there");
    invariant(settings.confirm_nodes <= settings.nodes.size(), "as many nodes as must agree");
    for (auto const& [key, origin] : settings.origins) invariant(!origin.empty(), "from somewhere");
  }
  auto const tokens = api::parse_tokens(toml, "tokens.toml");
  invariant(tokens.has_value() || !tokens.error().what.empty(), "a refusal says what is wrong");
  return 0;
}
