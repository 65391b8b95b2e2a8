#pragma once
// What a consumer of the feed makes of it, and what stands in the tables, in the same terms.

#include <map>
#include <string>
#include <vector>

#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"

namespace hotside::test {

// What is remembered of one deposit by whoever reads the tables or folds the feed.
struct Standing {
  std::string state, spend;
  std::int64_t amount = 0;
  bool operator==(Standing const&) const = default;
};
using Standings = std::map<std::string, Standing>;  // by deposit id

// The text between `"key":` and the next comma or brace; enough for what we wrote ourselves.
inline std::string field(std::string const& json, std::string const& key) {
  auto const at = json.find("\"" + key + "\":");
  if (at == std::string::npos) return {};
  auto begin = at + key.size() + 3;
  auto end = json.find_first_of(",}", begin);
  if (json[begin] == '"') end = json.find('"', ++begin);
  return json.substr(begin, end - begin);
}

// What a consumer knows who applies the feed in order.
inline Standings folded(std::vector<model::OutboxEvent> const& events) {
  Standings standings;
  for (auto const& event : events) {
    if (event.json.find("\"deposit\":") == std::string::npos) continue;
    standings[field(event.json, "id")] = {field(event.json, "state"), field(event.json, "spend"),
                                          std::stoll(field(event.json, "amount"))};
  }
  return standings;
}

inline Standings standings_of(std::vector<model::Deposit> const& deposits) {
  Standings standings;
  for (auto const& deposit : deposits)
    standings[deposit.id.text()] = {std::string(model::to_string(deposit.state)),
                                    std::string(model::to_string(deposit.spend)),
                                    deposit.amount.value};
  return standings;
}

}  // namespace hotside::test
