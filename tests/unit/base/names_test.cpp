// What is stored or shown by name: each name is the contract's, and reads back as what it names.

#include <array>
#include <catch2/catch.hpp>

#include "proto/model/bundle.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"
#include "proto/model/generation.hpp"
#include "proto/model/node_status.hpp"
#include "proto/model/render.hpp"

using namespace hotside;

namespace {
// The names of the first values, in their order.
template <class Enum, std::size_t kCount>
void check(std::array<std::string_view, kCount> const& names) {
  for (std::size_t i = 0; i < kCount; ++i)
    CHECK(model::to_string(static_cast<Enum>(i)) == names[i]);
}
}  // namespace

TEST_CASE("names of states and kinds") {
  check<model::DepositState, 3>({"prepared", "reverted", "committed"});
  check<model::SpendState, 3>({"unspent", "spend_prepared", "spent"});
  check<model::BundleState, 5>({"relayed", "open", "spent", "released", "expired"});
  check<model::ViolationKind, 2>({"macro_block", "genesis"});
  check<model::NodeState, 9>({"connecting", "checking", "wrong_network", "unsynchronised", "behind",
                              "catching_up", "following", "standby", "contradicting"});
  CHECK(model::deposit_state("reverted") == model::DepositState::reverted);
  CHECK_FALSE(model::deposit_state("spent"));
  CHECK(model::spend_state("spent") == model::SpendState::spent);
  CHECK_FALSE(model::spend_state("committed"));
}

TEST_CASE("names of generations") {
  check<model::Generation, 4>({"", "1.2.2", "dev", "1.3"});
  for (auto const generation :
       {model::Generation::v1_2_2, model::Generation::dev, model::Generation::v1_3})
    CHECK(model::parse_generation(model::to_string(generation)) == generation);
  CHECK_FALSE(model::parse_generation("1.2"));
}

TEST_CASE("names of events") {
  for (std::size_t i = 0; i < model::kEventTypes; ++i) {
    auto const type = static_cast<model::EventType>(i);
    CHECK(model::event_type(model::to_string(type)) == type);
  }
  CHECK(model::to_string(model::EventType::deposit_prepared) == "deposit.prepared");
  CHECK(model::to_string(model::EventType::node_up) == "node.up");
  CHECK_FALSE(model::event_type("deposit"));
}
