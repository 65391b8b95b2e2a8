#include "chainclient/node/session.hpp"

#include <catch2/catch.hpp>
#include <iostream>

#include "tests/support/sanitized.hpp"
#include "tests/unit/node/support.hpp"

using namespace hotside;
using namespace hotside::node;
using namespace hotside::node::testing;

namespace {

struct Seen {
  bool opened = false;
  std::vector<std::string> messages;
  std::size_t bytes = 0;
  std::optional<std::string> closed;
};

// A session on a net thread of its own, and what it has said so far.
struct Fixture {
  NetThread net;
  Watched<Seen> seen;
  SessionOptions options;
  std::unique_ptr<Session> session;

  Fixture() { options.handshake_within = kPatience; }
  void connect(std::string const& endpoint) {
    options.endpoint = endpoint;
    net.call([this] {
      SessionEvents events;
      events.opened = [this] { seen.change([](Seen& s) { s.opened = true; }); };
      events.message = [this](std::string text) {
        seen.change([&](Seen& s) {
          s.bytes += text.size();
          s.messages.push_back(text.size() < 1000 ? text : text.substr(0, 16));
        });
      };
      events.closed = [this](std::string why) { seen.change([&](Seen& s) { s.closed = why; }); };
      session = std::make_unique<Session>(net.io, options, std::move(events));
    });
  }
  bool wait_open() {
    return seen.wait([](Seen const& s) { return s.opened || s.closed; }) && seen.get().opened;
  }
  std::string wait_closed() {
    seen.wait([](Seen const& s) { return s.closed.has_value(); });
    return seen.get().closed.value_or("(not closed)");
  }
  bool wait_messages(std::size_t count) {
    return seen.wait([&](Seen const& s) { return s.messages.size() >= count || s.closed; }) &&
           seen.get().messages.size() >= count;
  }
  ~Fixture() {
    net.call([this] { session.reset(); });
  }
};

int value_of(std::promise<int>& promise) {
  auto value = promise.get_future();
  return value.wait_for(kPatience) == std::future_status::ready ? value.get() : -2;
}

bool contains(std::string const& text, std::string const& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a session copes with both kinds of handshake reply", "[node]") {
  bool const dev = GENERATE(false, true);
  CAPTURE(dev);
  FakeNode node([dev](FakeConnection& connection) {
    auto const request = connection.read_handshake();
    auto const* status =
        dev ? "101 Switching Protocols Switching Protocols" : "101 Switching Protocols";
    if (!connection.answer_handshake(request, status, dev)) return;
    auto const frame = connection.read_frame();
    if (frame) connection.send_text("echo " + frame->payload);
    connection.wait_for_close();
  });
  Fixture f;
  f.connect(node.endpoint());
  REQUIRE(f.wait_open());
  f.net.call([&] { f.session->send("hello"); });
  REQUIRE(f.wait_messages(1));
  CHECK(f.seen.get().messages[0] == "echo hello");
}

TEST_CASE("two Pongs, and a Pong nobody asked for, change nothing", "[node]") {
  FakeNode node([](FakeConnection& connection) {
    if (!connection.handshake()) return;
    connection.send(0xA, "unasked");
    auto const ping = connection.read_frame();
    if (!ping || ping->opcode != 0x9) return;
    connection.send(0xA, ping->payload);
    connection.send(0xA, ping->payload);
    connection.send_text("still here");
    connection.wait_for_close();
  });
  Fixture f;
  f.connect(node.endpoint());
  REQUIRE(f.wait_open());
  f.net.call([&] { f.session->ping(); });
  REQUIRE(f.wait_messages(1));
  CHECK(f.seen.get().messages[0] == "still here");
}

TEST_CASE("a connection that fails says why", "[node]") {
  Fixture f;
  SECTION("refused") {
    DeafPort const deaf;
    f.connect(deaf.endpoint());
    CHECK(f.wait_closed() == "cannot connect: Connection refused");
  }
  SECTION("no such name") {
    f.connect("ws://no-such-host.invalid:3145");
    CHECK(contains(f.wait_closed(), "cannot connect: "));
  }
  SECTION("an HTTP server") {
    FakeNode web([](FakeConnection& connection) {
      connection.read_handshake();
      connection.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      connection.wait_for_close();
    });
    f.connect(web.endpoint());
    CHECK(f.wait_closed() == "answered HTTP 404 instead of a WebSocket handshake");
  }
  SECTION("something that is no HTTP at all") {
    FakeNode other([](FakeConnection& connection) {
      connection.write("SSH-2.0-OpenSSH_9.2\r\n\r\n");
      connection.wait_for_close();
    });
    f.connect(other.endpoint());
    INFO(f.wait_closed());
    CHECK(!f.seen.get().opened);
  }
  SECTION("silence") {
    f.options.handshake_within = std::chrono::milliseconds(200);
    FakeNode silent([](FakeConnection& connection) { connection.wait_for_close(); });
    f.connect(silent.endpoint());
    CHECK(f.wait_closed() == "connected, but no WebSocket handshake in time");
  }
  SECTION("closed in the handshake") {
    FakeNode closes([](FakeConnection& connection) { connection.read_handshake(); });
    f.connect(closes.endpoint());
    CHECK(contains(f.wait_closed(), "during the WebSocket handshake"));
  }
  SECTION("no endpoint") {
    f.connect(GENERATE("", "wss://127.0.0.1:1", "http:", "127.0.0.1:3145"));
    CHECK(contains(f.wait_closed(), "is not of the form"));
  }
}

TEST_CASE("a session says why it was closed", "[node]") {
  Fixture f;
  f.options.max_message_bytes = 1000;
  std::function<void(FakeConnection&)> act;
  std::string expected;
  SECTION("by the node, at the TCP level") {
    act = [](FakeConnection&) {};
    expected = "connection closed by the node";
  }
  SECTION("by the node, with a Close frame") {
    act = [](FakeConnection& c) { c.send(0x8, std::string("\x03\xe9", 2) + "bye"); };
    expected = "closed by the node with code 1001: bye";
  }
  SECTION("an oversized message") {
    act = [](FakeConnection& c) {
      c.write(FakeConnection::header(1, 1001));
      c.wait_for_close();
    };
    expected = "a message is larger than the limit";
  }
  SECTION("an oversized message in fragments") {
    act = [](FakeConnection& c) {
      c.send(1, std::string(600, 'a'), false);
      c.write(FakeConnection::header(0, 600));
      c.wait_for_close();
    };
    expected = "a message is larger than the limit";
  }
  SECTION("a binary frame") {
    act = [](FakeConnection& c) {
      c.send(2, "abc");
      c.wait_for_close();
    };
    expected = "sent a binary frame";
  }
  FakeNode node([&](FakeConnection& connection) {
    if (connection.handshake()) act(connection);
  });
  f.connect(node.endpoint());
  CHECK(f.wait_closed() == expected);
  CHECK(f.seen.get().messages.empty());
}

TEST_CASE("a length that no memory can hold ends the connection, not the program", "[node]") {
  constexpr std::uint64_t kMost = ~std::uint64_t{0} >> 1U;
  std::vector<std::uint64_t> lengths = {kMost};  // more than a string may ever have
  // operator new refuses; a sanitizer's ends the program instead of throwing.
  if (!test::kSanitized) lengths.push_back(std::uint64_t{1} << 60U);
  auto const length = GENERATE_COPY(from_range(lengths));
  CAPTURE(length);
  FakeNode node([length](FakeConnection& connection) {
    if (!connection.handshake()) return;
    connection.write(FakeConnection::header(1, length));
    connection.wait_for_close();
  });
  Fixture f;
  f.options.max_message_bytes = kMost;
  f.connect(node.endpoint());
  CHECK(contains(f.wait_closed(), "connection dropped"));
}

TEST_CASE("closing sends a Close frame and ends within its time", "[node]") {
  bool const answers = GENERATE(true, false);
  CAPTURE(answers);
  std::promise<int> opcode;
  FakeNode node([&](FakeConnection& connection) {
    if (!connection.handshake()) return;
    auto const frame = connection.read_frame();
    opcode.set_value(frame ? frame->opcode : -1);
    if (!answers) connection.wait_for_close();
  });
  Fixture f;
  f.options.close_within = std::chrono::milliseconds(200);
  f.connect(node.endpoint());
  REQUIRE(f.wait_open());
  f.net.call([&] { f.session->close("enough"); });
  CHECK(f.wait_closed() == "enough");
  CHECK(value_of(opcode) == 0x8);
}

TEST_CASE("a handshake under way is finished before the connection is closed", "[node]") {
  bool const destroyed = GENERATE(false, true);
  CAPTURE(destroyed);
  std::promise<void> asked, closing;
  std::promise<int> opcode;
  FakeNode node([&](FakeConnection& connection) {
    auto const request = connection.read_handshake();
    asked.set_value();
    closing.get_future().wait_for(kPatience);
    if (!connection.answer_handshake(request, "101 Switching Protocols", false)) return;
    auto const frame = connection.read_frame();
    opcode.set_value(frame ? frame->opcode : -1);
  });
  Fixture f;
  f.connect(node.endpoint());
  asked.get_future().wait_for(kPatience);
  f.net.call([&] {
    if (destroyed)
      f.session.reset();
    else
      f.session->close("stopped");
  });
  closing.set_value();
  CHECK(value_of(opcode) == 0x8);
  if (!destroyed) CHECK(f.wait_closed() == "stopped");
  CHECK(!f.seen.get().opened);
}

TEST_CASE("what is held is not read, and comes complete after it is released", "[node]") {
  constexpr std::size_t kMessages = 400, kSize = 100'000;
  FakeNode node([&](FakeConnection& connection) {
    if (!connection.handshake()) return;
    for (std::size_t i = 0; i < kMessages; ++i)
      if (!connection.send_text(std::string(kSize, static_cast<char>('a' + i % 26)))) return;
    connection.wait_for_close();
  });
  Fixture f;
  f.connect(node.endpoint());
  // Held and released many times, at any point of a message and while a read is in flight.
  for (int round = 0; round < 200; ++round) {
    f.net.call([&] { f.session->hold(); });
    f.net.call([] {});
    f.net.call([&] { f.session->release(); });
  }
  REQUIRE(f.wait_messages(kMessages));
  auto const seen = f.seen.get();
  CHECK(seen.bytes == kMessages * kSize);
  for (std::size_t i = 0; i < kMessages; ++i)
    REQUIRE(seen.messages[i] == std::string(16, static_cast<char>('a' + i % 26)));
}

TEST_CASE("a held session lets the node feel it", "[node]") {
  std::promise<void> held, full;
  FakeNode node([&](FakeConnection& connection) {
    if (!connection.handshake()) return;
    held.get_future().wait_for(kPatience);
    auto const left = connection.write_until_full(FakeConnection::header(1, 50'000'000) +
                                                  std::string(50'000'000, 'x'));
    full.set_value();
    connection.write(left);
    connection.wait_for_close();
  });
  Fixture f;
  f.connect(node.endpoint());
  REQUIRE(f.wait_open());
  // The read that is in flight may still complete; the node has sent nothing yet.
  f.net.call([&] { f.session->hold(); });
  held.set_value();
  full.get_future().wait_for(kPatience);
  CHECK(f.net.call([&] { return f.session->bytes_received(); }) < 1'000'000);
  f.net.call([&] { f.session->release(); });
  CHECK(f.wait_messages(1));
}

TEST_CASE("a message of 100 MB is held once in memory", "[node]") {
  constexpr std::size_t kSize = 100'000'000;
  FakeNode node([](FakeConnection& connection) {
    if (!connection.handshake()) return;
    if (!connection.write(FakeConnection::header(1, kSize))) return;
    std::string const chunk(1'000'000, 'A');
    for (std::size_t sent = 0; sent < kSize; sent += chunk.size())
      if (!connection.write(chunk)) return;
    connection.wait_for_close();
  });
  Fixture f;
  reset_peak_memory();
  auto const before = peak_memory_kib();
  auto const start = std::chrono::steady_clock::now();
  f.connect(node.endpoint());
  REQUIRE(f.wait_messages(1));
  auto const taken = std::chrono::steady_clock::now() - start;
  auto const grown = peak_memory_kib() - before;
  CHECK(f.seen.get().bytes == kSize);
  std::cout << "100 MB message: peak memory grew by " << grown / 1024 << " MiB, "
            << std::chrono::duration_cast<std::chrono::milliseconds>(taken).count() << " ms\n";
  if (!test::kSanitized) CHECK(grown < 150U * 1024U);  // shadow memory counts as well
}
