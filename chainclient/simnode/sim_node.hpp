#pragma once
// A Stegos node that can be told to misbehave: a websocketpp server that speaks the framed protocol
// of three node generations over a seeded chain of cryptographically consistent blocks. It shares
// nothing with the parts it judges but hs_wire.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/result.hpp"
#include "proto/model/generation.hpp"
#include "proto/wire/frame.hpp"

namespace hotside::simnode {

using model::Generation;

struct Options {
  std::string network = "dev";  // name; the genesis block is that network's own
  Generation generation = Generation::v1_2_2;
  std::string listen = "127.0.0.1:0";  // port 0: the system picks one, port() tells
  std::optional<std::string> control;  // line protocol of actions, same form
  wire::Token token = wire::Token::random();
  std::uint64_t seed = 1;
  double speed = 1;                 // a block every 10 / speed seconds; 0: only when told
  std::uint32_t micro_blocks = 60;  // per epoch; `epoch-length` changes it
  std::string scenario;             // text of a scenario file, run from the start
  // Wall clock, ns since 1970; the system's when empty. Two nodes with one seed and one fixed clock
  // have the same chain. Called on the node's thread.
  std::function<std::uint64_t()> now_ns{};
};

// Runs on a thread of its own until destroyed. Every member may be called from any thread.
class SimNode {
 public:
  static Result<std::unique_ptr<SimNode>> start(Options options);
  virtual ~SimNode() = default;

  virtual std::uint16_t port() const = 0;
  virtual std::uint16_t control_port() const = 0;  // 0 without one
  // Runs one action line ("grow 3", "pay dev1… 1000", see README.md there) and answers what it did.
  virtual Result<std::string> act(std::string_view line) = 0;
};

}  // namespace hotside::simnode
