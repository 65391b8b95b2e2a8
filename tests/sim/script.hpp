#pragma once
// A history as a list of actions. Each carries a number from which everything random in it is
// drawn, so that dropping one leaves the others as they are: that is how a script is shrunk.
//
//   setup 8812          the first line: nodes, generations, options
//   grow 219831
//   cut 99812
//   …

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotside::sim {

enum class Act : std::uint8_t {
  // the chain
  grow,  // micro blocks
  full,  // micro blocks up to the sixtieth
  fork,  // the tail is replaced, from any depth
  drop,  // the tail is taken back, and nothing follows for now
  seal,  // the epoch ends
  rush,  // several epochs end at once
  swap,  // the tail is replaced, and the epoch ends with nobody told
  // the nodes
  step,    // one of them moves on
  level,   // all of them do
  pop,     // one takes a block back by itself
  rewind,  // restored from an older copy
  freeze,  // answers from an older state
  thaw,
  desync,  // says that it is not synchronised, or again that it is
  garble,  // blocks that cannot be used, or no more
  forge,   // another history, from a final epoch on
  repent,
  mute,  // it stalls: neither answers nor tells, or does again
  // the network
  cut,    // a connection ends, with all that is on its way
  spoil,  // a notice is lost, doubled, reordered, late; a queue overflows
  talk,   // a while without incident
  move,   // some messages, some time
  wait,   // a long time
  // the service
  stop,   // and starts again
  kill,   // at a write soon
  power,  // fails at a write soon
  full_disk,
  bad_disk,
  // people
  add,     // registers addresses
  retire,  // retires one
  clear,   // clears violations
  hold,    // the operator's hold is set
  lift,
  relay,    // a signed transaction is given to the desk, or one that it knows
  hook,     // a receiver is well or not; an operator changes a webhook, or wants an event again
  order,    // a bundle
  release,  // is given up
  sign,     // becomes a transaction that is relayed
  answer,   // the node says something about one, or nothing
  poll,     // the exchange reads the feed
  crash,    // the exchange forgets what it had not written down
  backup,   // the exchange copies its books, or goes back to the copy
  doubt     // the exchange reads again from further back
};
inline constexpr std::size_t kActs = static_cast<std::size_t>(Act::doubt) + 1;
std::string_view to_string(Act act);

struct Action {
  Act act = Act::grow;
  std::uint64_t seed = 0;
};

struct Script {
  std::uint64_t setup = 0;
  std::vector<Action> actions;

  static Script from_seed(std::uint64_t seed);
  static std::optional<Script> parse(std::string_view text, std::string& problem);
  std::string text() const;
};

}  // namespace hotside::sim
