#include "chainclient/node/peer.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/node/support.hpp"

using namespace hotside;
using namespace hotside::node;
using namespace hotside::node::testing;

TEST_CASE("what waits to be decoded is counted with what it takes beside its text", "[node]") {
  constexpr std::size_t kMessages = 1'000;
  FakeNode const node([](FakeConnection& connection) {
    if (!connection.handshake()) return;
    for (std::size_t i = 0; i < kMessages; ++i) connection.send_text("AAAA");
    connection.wait_for_close();
  });
  TempFile const token("AAAAAAAAAAAAAAAAAAAAAA==");
  std::promise<void> go;
  auto const gate = go.get_future().share();
  Watched<std::size_t> waiting;
  DecodeThread decode;
  NetThread net;
  decode.start();
  PeerEvents events;
  events.connected = [&] { decode.post([gate] { gate.wait(); }); };
  events.decoded = [](Decoded const&) {};
  events.refused = [](std::string_view) {};
  events.lost = events.unreachable = [](std::string const&) {};
  events.undecoded = [&](std::size_t bytes) {
    waiting.change([bytes](std::size_t& all) { all += bytes; });
  };
  PeerOptions options;
  options.endpoint = node.endpoint();
  options.token_file = token.path();
  auto peer = std::make_shared<Peer>(net.io, decode, system_clock(), options, events);
  net.call([&] { peer->on_tick(); });
  CHECK(waiting.wait([](std::size_t all) { return all >= kMessages * 512; }));
  go.set_value();
  net.call([&] { peer->stop(); });
  for (bool idle = false; !idle;) idle = net.call([&] { return peer->idle(); });
  decode.stop();
  net.call([&] { peer.reset(); });
}
