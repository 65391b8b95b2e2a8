#pragma once
// A link, what it hands to its sink, and simulated nodes to follow.

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <sstream>

#include "chainclient/node/link.hpp"
#include "chainclient/simnode/sim_node.hpp"
#include "tests/unit/node/support.hpp"

namespace hotside::node::testing {

// What a naive consumer of the events knows.
struct Told {
  std::vector<Hash> sealed;  // from epoch 0
  std::vector<Hash> micros;  // of the epoch being built; held ones stay
  std::vector<std::string> problems;
  std::size_t events = 0, violations = 0;
  Instant last_received{};

  std::string tip() const {
    auto const& last = !micros.empty() ? micros.back() : sealed.empty() ? Hash{} : sealed.back();
    return std::to_string(sealed.size()) + " " + std::to_string(micros.size()) + " " + last.hex();
  }
};

// Its questions are those of the net thread, at each turn at least one.
class RecordingSink : public EventSink {
 public:
  bool room() const override {
    asked_.change([](std::size_t& times) { ++times; });
    return room_;
  }
  void submit(model::ChainEvent event, Instant received) override;
  void connected() override {
    connected_at.change([&](auto& tips) { tips.push_back(told.get().tip()); });
  }
  void set_room(bool room) { room_ = room; }  // on the net thread
  // Until it was asked so many times more.
  bool wait_asked(std::size_t more) const {
    auto const enough = asked_.get() + more;
    return asked_.wait([&](std::size_t times) { return times >= enough; });
  }
  std::function<void()> on_submit = [] {};
  Watched<Told> told;
  Watched<std::vector<std::string>> connected_at;  // the tip at each connected()

 private:
  std::atomic<bool> room_ = true;
  mutable Watched<std::size_t> asked_;
};

// The system's clock, with a monotonic hand that can be put forward.
class ForwardClock final : public Clock {
 public:
  Time now() const override { return system_clock().now(); }
  Instant instant() const override {
    return system_clock().instant() + std::chrono::milliseconds(ahead_ms_);
  }
  void advance(std::chrono::milliseconds by) { ahead_ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ahead_ms_ = 0;
};

using simnode::Generation;
using simnode::SimNode;

struct Sim {
  // Two of one seed and one length of epochs have the same chain.
  explicit Sim(Generation generation, std::uint64_t seed = 1);
  std::string act(std::string const& line);
  std::string height() { return act("height"); }
  NodeOptions options(std::string const& name) const {
    return {name, "ws://127.0.0.1:" + std::to_string(node->port()), token_file->path()};
  }
  void check_unharmed();  // nothing that would have aborted a real node

  std::unique_ptr<TempFile> token_file;
  std::unique_ptr<SimNode> node;
};

// Short delays, but no deadline that a slow machine could miss.
LinkOptions quick_options(std::vector<NodeOptions> nodes);

struct LinkFixture {
  // The clock goes on by `each` with every event.
  explicit LinkFixture(LinkOptions options, std::chrono::milliseconds each = {});
  ~LinkFixture() { link->stop(); }

  // Waits until the sink's naive view is that of the node.
  bool reaches(std::string const& height) {
    return sink.told.wait([&](Told const& told) { return told.tip() == height; });
  }
  // Polls the board: its writers ring no bell.
  template <class Predicate>
  bool board_shows(Predicate holds) {
    auto const until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      if (holds(board.read())) return true;
      net.call([] {});
      std::this_thread::yield();
    }
    return false;
  }

  ForwardClock clock;
  NetThread net;
  RecordingSink sink;
  model::StatusBoard board;
  Metrics metrics{"test"};
  Watched<std::vector<std::string>> log;
  std::unique_ptr<Link> link;
};

}  // namespace hotside::node::testing
