// What waits for the audit log is bounded, also while the store fails.

#include "explorer/relay/audit_trail.hpp"

#include <catch2/catch.hpp>

#include "tests/support/test_clock.hpp"

using namespace hotside;
using namespace hotside::test;
using relay::AuditTrail;

namespace {

// A writer that answers when told.
struct SlowDesk final : store::WriteDesk {
  std::vector<std::function<void(Result<void>)>> waiting;
  void write(std::function<Result<void>(store::WriteTxn&)>,
             std::function<void(Result<void>)> done) override {
    waiting.push_back(std::move(done));
  }
};

struct World {
  boost::asio::io_context net;
  TestClock clock;
  SlowDesk desk;
  std::shared_ptr<AuditTrail> trail = std::make_shared<AuditTrail>(net, desk, clock);

  std::size_t fill() {
    std::size_t count = 0;
    for (; trail->has_room() && count <= AuditTrail::kWaitingMax; ++count)
      trail->add({"relay", "relay", "relay.version_info", "", "done", "relay-1-1"});
    return count;
  }
  void answer(Result<void> result) {
    REQUIRE(desk.waiting.size() == 1);
    std::exchange(desk.waiting, {}).front()(std::move(result));
    net.restart();
    net.poll();
  }
};

}  // namespace

TEST_CASE("lines for the audit log wait in bounded number, however often the store fails") {
  World world;
  CHECK(world.fill() == AuditTrail::kWaitingMax);
  for (int i = 0; i < 3; ++i) {
    world.trail->flush();
    CHECK(world.fill() == 0);  // what is being written may come back
    world.answer(fail(Fault::transient, "disk full"));
    CHECK(world.fill() == 0);
  }
  world.trail->flush();
  world.answer({});
  CHECK(world.fill() == AuditTrail::kWaitingMax);
}
