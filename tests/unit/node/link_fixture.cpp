#include "tests/unit/node/link_fixture.hpp"

namespace hotside::node::testing {
namespace {

struct Apply {
  Told& told;

  void operator()(model::Connected const& event) {
    auto const& block = event.block;
    if (block.epoch.value != told.sealed.size()) told.problems.push_back("micro of another epoch");
    if (block.offset.value > told.micros.size()) told.problems.push_back("micro leaves a gap");
    told.micros.resize(std::min<std::size_t>(told.micros.size(), block.offset.value));
    told.micros.push_back(block.hash);
  }
  void operator()(model::Sealed const& event) {
    if (event.block.epoch.value != told.sealed.size())
      told.problems.push_back("macro out of order");
    told.sealed.push_back(event.block.hash);
    told.micros.clear();
  }
  void operator()(model::Undone const& event) { told.micros.resize(event.from.value); }
  void operator()(model::Violated const&) { ++told.violations; }
  template <class Other>
  void operator()(Other const&) {}
};

}  // namespace

void RecordingSink::submit(model::ChainEvent event, Instant received) {
  on_submit();
  told.change([&](Told& all) {
    if (!room_) all.problems.push_back("submitted without room");
    ++all.events;
    all.last_received = received;
    std::visit(Apply{all}, event);
  });
}

Sim::Sim(Generation generation, std::uint64_t seed) {
  simnode::Options options;
  options.generation = generation;
  options.speed = 0;
  options.seed = seed;
  options.micro_blocks = 6;
  static auto const start = std::chrono::system_clock::now().time_since_epoch();
  options.now_ns = [] {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(start).count());
  };
  token_file = std::make_unique<TempFile>(options.token.base64());
  auto started = SimNode::start(options);
  INFO((started ? "" : started.error().what));
  REQUIRE(started);
  node = std::move(*started);
}

std::string Sim::act(std::string const& line) {
  auto answer = node->act(line);
  INFO(line << ": " << (answer ? *answer : answer.error().what));
  REQUIRE(answer);
  return *answer;
}

void Sim::check_unharmed() { CHECK(act("fatal").starts_with("fatal 0")); }

LinkOptions quick_options(std::vector<NodeOptions> nodes) {
  LinkOptions options;
  options.nodes = std::move(nodes);
  options.follower.network = *model::network_by_name("dev");
  options.follower.status_every = std::chrono::milliseconds(100);
  options.follower.answer_within = kPatience;
  options.peer.retry_first = std::chrono::milliseconds(20);
  options.peer.retry_ceiling = std::chrono::milliseconds(200);
  options.peer.handshake_within = kPatience;
  options.peer.close_within = std::chrono::milliseconds(300);
  options.tick_every = std::chrono::milliseconds(20);
  options.stop_within = kPatience;
  return options;
}

LinkFixture::LinkFixture(LinkOptions options, std::chrono::milliseconds each) {
  sink.on_submit = [this, each] { clock.advance(each); };
  auto write = [this](Link::LogLevel, std::string text) {
    log.change([&](auto& lines) { lines.push_back(std::move(text)); });
  };
  link = std::make_unique<Link>(net.io, std::move(options), chain::Stored{}, sink, board, metrics,
                                clock, write);
  link->start();
}

}  // namespace hotside::node::testing
