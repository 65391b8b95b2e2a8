// What the follower may say and when, beside the order of events that tests/property checks; and
// what it must do in time.

#include <algorithm>
#include <utility>

#include "tests/sim/simulation.hpp"

namespace hotside::sim {

using namespace std::chrono_literals;

void Simulation::check_event(model::ChainEvent const& event) {
  if (std::holds_alternative<model::Undone>(event)) {
    expect(status_now_.has_value(), "only a status answer undoes");
    expect(is_tip(*status_now_, rules_.live), "the status that undoes names what is left");
    expect(status_id_ > held_mark_, "a status from before the take-back undoes nothing");
  }
  if (auto const* back = std::get_if<model::Returned>(&event); back != nullptr && status_now_) {
    expect(is_tip(*status_now_, back->until.value),
           "the status that gives back names what is back");
    expect(status_id_ > held_mark_, "a status from before the take-back gives nothing back");
  }
  if (auto const* held = std::get_if<model::Held>(&event)) {
    expect(taken_back_.has_value(), "only a take-back notice holds blocks");
    expect(held->from.value < rules_.live &&
               rules_.stored.micros[held->from.value].hash == *taken_back_,
           "only what a take-back names is held");
    held_mark_ = last_sent_;
  }
  if (auto const* connected = std::get_if<model::Connected>(&event)) {
    if (connected->block.offset.value < rules_.live) replaced_ = true;
    last_block_ = instant();
  }
  if (auto const* sealed = std::get_if<model::Sealed>(&event)) {
    auto const epoch = sealed->block.epoch.value;
    expect(epoch < world_.macros.size() && world_.macros[epoch].hash == sealed->block.hash,
           "what is final is the chain's");
    expect(shown_[sealed->block.hash].size() >= follower_options_.confirm_nodes,
           "as many nodes as must have shown what is final");
    last_block_ = instant();
  }
  if (std::holds_alternative<model::Violated>(event))
    expect(was_forged_, "honest nodes contradict nothing");
  if (std::holds_alternative<model::Stalled>(event))
    expect(instant() - last_block_ >= follower_options_.stall_after, "a stall is none so early");
  if (auto const* node = std::get_if<model::NodeChanged>(&event)) {
    auto const which = static_cast<std::size_t>(
        std::find(follower_options_.nodes.begin(), follower_options_.nodes.end(), node->node) -
        follower_options_.nodes.begin());
    auto& heard = heard_.at(which);
    expect(node->up == heard.is_down, "a node goes down and comes up in turn");
    expect(node->up || instant() - heard.at >= 10s, "a node is not down so early");
    heard.is_down = !node->up;
  }
}

bool Simulation::is_tip(chain::Status const& status, std::size_t count) const {
  return status.epoch == rules_.next() && status.offset.value == count &&
         status.last_block_hash == rules_.tip(count);
}

// Counted blocks give way only to a branch that is there up to a tip that was named.
void Simulation::check_replaced(bool by_answer) {
  if (!std::exchange(replaced_, false)) return;
  expect(by_answer, "a notice alone replaces nothing that counts");
  auto const& tip = rules_.tip(rules_.live);
  expect(std::find(tips_.begin(), tips_.end(), tip) != tips_.end(),
         "what replaces counted blocks is whole");
  ++coverage_["counted blocks replaced"];
}

// A take-back that was told and that nothing follows takes effect after the grace time, also when
// the service starts anew in between.
void Simulation::check_take_back() {
  for (auto count = 2 + dice_.below(3); count > 0; --count) world_.grow();
  level_nodes();
  rest(10);
  auto const left = dice_.below(world_.micros.size() + 1);
  contents_.remember();
  world_.micros.resize(left);
  level_nodes();
  for (auto& node : nodes_)
    while (!node.wire.empty()) deliver(node);
  while (!submitted_.empty()) work();
  bool const is_held = rules_.live == left && rules_.stored.micros.size() > left;
  if (!is_held) return;
  if (dice_.one_in(2)) stop();
  calm(static_cast<int>(follower_options_.revert_grace / 200ms) + 100);
  expect(is_level(), "a take-back takes effect after its grace time");
  ++coverage_[left == 0 ? "whole epoch undone" : "tail undone"];
  check_end();
}

// No block for long enough, and a node that answers: that is told, once.
void Simulation::check_stall() {
  auto const stalls = [this] {
    return std::count_if(feed_.begin(), feed_.end(), [](auto const& event) {
      return event.type == model::EventType::chain_stalled;
    });
  };
  world_.grow();
  level_nodes();
  calm(1500);
  auto const before = stalls();
  rest(700);
  expect(stalls() == before + 1, "a stall is told, once");
  ++coverage_["stall told"];
}

}  // namespace hotside::sim
