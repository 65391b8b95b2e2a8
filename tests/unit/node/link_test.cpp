#include "chainclient/node/link.hpp"

#include <fstream>
#include <iostream>

#include "tests/support/sanitized.hpp"
#include "tests/unit/node/link_fixture.hpp"

using namespace hotside;
using namespace hotside::node;
using namespace hotside::node::testing;
using model::NodeState;

namespace {

auto const kEvery = {Generation::v1_2_2, Generation::dev, Generation::v1_3};

bool contains(std::string const& text, std::string const& part) {
  return text.find(part) != std::string::npos;
}

double counted(LinkFixture& f, std::string const& series) {
  std::istringstream lines(f.metrics.text());
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  return 0;
}

}  // namespace

TEST_CASE("a link catches up and follows live", "[node][sim]") {
  auto const generation = GENERATE(from_range(kEvery));
  CAPTURE(model::to_string(generation));
  Sim sim(generation);
  sim.act("grow 3");
  LinkFixture f(quick_options({sim.options("a")}));
  REQUIRE(f.reaches(sim.height()));
  for (int i = 0; i < 20; ++i) {  // over several epoch ends
    sim.act("grow 1");
    REQUIRE(f.reaches(sim.height()));
  }
  sim.act("fork 1");
  sim.act("grow 1");
  REQUIRE(f.reaches(sim.height()));
  CHECK(f.sink.told.get().problems.empty());
  CHECK(f.board_shows([&](auto const& live) {
    return live.nodes[0].state == NodeState::following && live.nodes[0].following &&
           live.nodes[0].text.empty() && live.last_block_at && live.node_reachable_since &&
           live.epochs_left == 0 && live.nodes[0].generation == model::to_string(generation);
  }));
  CHECK(counted(f, "hotside_node_up{node=\"a\"}") == 1);
  sim.check_unharmed();
}

TEST_CASE("a link comes back when its connections are killed", "[node][sim]") {
  auto const generation = GENERATE(from_range(kEvery));
  CAPTURE(model::to_string(generation));
  Sim sim(generation);
  LinkFixture f(quick_options({sim.options("a")}));
  for (int i = 0; i < 8; ++i) {
    REQUIRE(f.reaches(sim.height()));
    sim.act("close");
    sim.act("grow 2");
  }
  REQUIRE(f.reaches(sim.height()));
  CHECK(f.sink.told.get().problems.empty());
  sim.check_unharmed();
}

TEST_CASE("a connection is told of when what the node has is taken in", "[node][sim]") {
  auto const generation = GENERATE(from_range(kEvery));
  CAPTURE(model::to_string(generation));
  Sim sim(generation);
  sim.act("grow 130");
  auto const height = sim.height();
  auto options = quick_options({sim.options("a")});
  options.level_within = kPatience;
  LinkFixture f(std::move(options));
  REQUIRE(f.sink.connected_at.wait([](auto const& tips) { return !tips.empty(); }));
  CHECK(f.sink.connected_at.get().front() == height);
  sim.act("close");
  REQUIRE(f.sink.connected_at.wait([](auto const& tips) { return tips.size() > 1; }));
}

TEST_CASE("a catch-up may take longer than one may be without a block", "[node][sim]") {
  Sim sim(Generation::dev);
  sim.act("grow 150");
  auto const height = sim.height();
  auto options = quick_options({sim.options("a")});
  options.level_within = std::chrono::milliseconds(3'000);
  LinkFixture f(std::move(options), std::chrono::milliseconds(500));
  REQUIRE(f.sink.connected_at.wait([](auto const& tips) { return !tips.empty(); }));
  CHECK(f.sink.connected_at.get().front() == height);
}

TEST_CASE("a connection to a node whose blocks do not come is told of, too", "[node][sim]") {
  Sim sim(Generation::dev);
  sim.act("grow 70");
  sim.act("bad-root");
  sim.act("grow 1");
  auto options = quick_options({sim.options("a")});
  options.level_within = std::chrono::milliseconds(1);
  LinkFixture f(std::move(options));
  REQUIRE(f.sink.connected_at.wait([](auto const& tips) { return !tips.empty(); }));
}

TEST_CASE("a node that stalls or loses notices is followed by asking", "[node][sim]") {
  auto const fault = GENERATE("stall 1", "drop-notice 30", "dup-notice 30", "mute 1");
  CAPTURE(fault);
  Sim sim(Generation::v1_2_2);
  LinkFixture f(quick_options({sim.options("a")}));
  REQUIRE(f.reaches(sim.height()));
  sim.act(fault);
  sim.act("grow 9");
  REQUIRE(f.reaches(sim.height()));
  CHECK(f.sink.told.get().problems.empty());
}

TEST_CASE("garbage frames cost the connection and nothing else", "[node][sim]") {
  auto const fault = GENERATE("garbage", "short-frame", "oversize 3000000");
  CAPTURE(fault);
  Sim sim(Generation::dev);
  auto options = quick_options({sim.options("a")});
  options.peer.max_message_bytes = 2'000'000;
  LinkFixture f(options);
  REQUIRE(f.reaches(sim.height()));
  sim.act(fault);
  REQUIRE(f.log.wait([](auto const& lines) {
    return std::any_of(lines.begin(), lines.end(), [](auto const& line) {
      return contains(line, "no message") || contains(line, "larger than the limit");
    });
  }));
  sim.act("grow 3");
  REQUIRE(f.reaches(sim.height()));
  sim.check_unharmed();
}

TEST_CASE("a bad block stops us, is shown, and is left behind when the node is good again",
          "[node][sim]") {
  auto const fault = GENERATE("bad-hash all", "bad-root all", "bad-id all");
  CAPTURE(fault);
  Sim sim(Generation::dev);
  LinkFixture f(quick_options({sim.options("a")}));
  REQUIRE(f.reaches(sim.height()));
  auto const before = sim.height();
  sim.act(fault);
  sim.act("grow 1");
  CHECK(f.board_shows([](auto const& live) { return live.bad_block.has_value(); }));
  CHECK(f.sink.told.get().tip() == before);
  CHECK(contains(f.metrics.text(), "hotside_blocks_refused_total{reason=\""));
  sim.act("good");
  CHECK(f.reaches(sim.height()));
  CHECK(f.board_shows([](auto const& live) { return !live.bad_block.has_value(); }));
}

TEST_CASE("a wrong token is said to be one, and heals when the file is repaired", "[node][sim]") {
  auto const generation = GENERATE(from_range(kEvery));
  CAPTURE(model::to_string(generation));
  Sim sim(generation);
  auto const good = wire::Token::parse([&] {
    std::ostringstream text;
    text << std::ifstream(sim.token_file->path()).rdbuf();
    return text.str();
  }());
  sim.token_file->write(wire::Token::random().base64());
  LinkFixture f(quick_options({sim.options("a")}));
  CHECK(f.board_shows([](auto const& live) {
    return !live.nodes.empty() && live.nodes[0].state == NodeState::connecting &&
           contains(live.nodes[0].text, "wrong token");
  }));
  CHECK(counted(f, "hotside_node_up{node=\"a\"}") == 0);
  sim.token_file->write("nonsense");
  CHECK(f.board_shows(
      [](auto const& live) { return contains(live.nodes[0].text, "token file /tmp/"); }));
  sim.token_file->write(good->base64() + "\n");
  CHECK(f.reaches(sim.height()));
  sim.check_unharmed();
}

TEST_CASE("an unreachable node says why", "[node]") {
  TempFile token(wire::Token::random().base64());
  DeafPort const deaf;
  auto options = quick_options({{"a", deaf.endpoint(), token.path()},
                                {"b", "ws://no-such-host.invalid:3145", token.path()},
                                {"c", "ws://127.0.0.1:1", "/nonexistent/api.token"}});
  LinkFixture f(options);
  CHECK(f.board_shows([](auto const& live) {
    return live.nodes.size() == 3 && live.nodes[0].text == "cannot connect: Connection refused" &&
           contains(live.nodes[1].text, "cannot connect: ") &&
           live.nodes[2].text == "cannot read the token file /nonexistent/api.token";
  }));
}

TEST_CASE("a message of 100 MB is opened and parsed in the memory it came in", "[node]") {
  wire::Token const token = wire::Token::random();
  TempFile token_file(token.base64());
  constexpr std::size_t kSize = 100'000'000;
  auto frame = std::make_shared<std::string>();
  {
    wire::FrameCipher const cipher(token);
    *frame = cipher.seal(R"({"type":"something_new","pad":")" + std::string(kSize, 'x') + "\"}");
  }
  FakeNode node([&](FakeConnection& connection) {
    if (!connection.handshake()) return;
    connection.send(1, *frame);
    connection.send_text("bm90IG91cnM=");  // does not decode: says that the other one did
    connection.wait_for_close();
  });
  reset_peak_memory();
  auto const before = peak_memory_kib();
  auto options = quick_options({{"a", node.endpoint(), token_file.path()}});
  options.follower.answer_within = std::chrono::hours(1);
  LinkFixture f(options);
  REQUIRE(f.board_shows([&](auto const&) {
    return contains(f.metrics.text(), "hotside_frames_refused_total{reason=\"short\"}");
  }));
  auto const grown = peak_memory_kib() - before;
  std::cout << "100 MB of JSON (" << frame->size() / 1'000'000
            << " MB on the wire): peak memory grew by " << grown / 1024 << " MiB\n";
  CHECK(f.board_shows([](auto const& live) {
    return contains(live.nodes[0].text, "sent a frame that is no message");
  }));
  if (!test::kSanitized) CHECK(grown < 2 * frame->size() / 1024);  // shadow memory counts as well
}

TEST_CASE("a node that falls silent in mid-air is left", "[node]") {
  TempFile token(wire::Token::random().base64());
  FakeNode silent([](FakeConnection& connection) {
    if (connection.handshake()) connection.wait_for_close();  // no answer, no Pong
  });
  auto options = quick_options({{"a", silent.endpoint(), token.path()}});
  options.follower.answer_within = std::chrono::hours(1);
  options.peer.ping_after = std::chrono::milliseconds(100);
  options.peer.silent_within = std::chrono::milliseconds(300);
  LinkFixture f(options);
  CHECK(f.board_shows([](auto const& live) {
    return !live.nodes.empty() && contains(live.nodes[0].text, "not even a Pong");
  }));
  CHECK(f.board_shows([&](auto const&) { return silent.connections() > 1; }));
}

TEST_CASE("a sink without room is waited for, and no deadline passes meanwhile", "[node][sim]") {
  Sim sim(Generation::v1_2_2);
  sim.act("grow 20");
  LinkFixture f(quick_options({sim.options("a")}));
  REQUIRE(f.reaches(sim.height()));
  // A question that is not answered before all this is over.
  sim.act("stall 3600");
  f.clock.advance(std::chrono::seconds(1));
  REQUIRE(f.sink.wait_asked(5));
  f.net.call([&] { f.sink.set_room(false); });
  REQUIRE(f.sink.wait_asked(2));  // from here on it is known
  auto const before = f.sink.told.get();
  f.clock.advance(std::chrono::hours(1));  // longer than any deadline
  REQUIRE(f.sink.wait_asked(5));
  sim.act("stall 0");
  sim.act("grow 25");
  REQUIRE(f.sink.wait_asked(5));
  CHECK(f.sink.told.get().events == before.events);
  auto const lines = f.log.get().size();
  f.sink.set_room(true);
  f.link->resume();
  REQUIRE(f.reaches(sim.height()));
  CHECK(f.sink.told.get().problems.empty());
  CHECK(f.log.get().size() == lines);  // nothing was lost or reconnected over it
}

TEST_CASE("reading stops while more waits to be decoded than may", "[node][sim]") {
  Sim sim(Generation::dev);
  sim.act("grow 30");
  auto options = quick_options({sim.options("a")});
  options.undecoded_bytes_max = GENERATE(std::size_t{1}, std::size_t{100'000});
  LinkFixture f(options);
  REQUIRE(f.reaches(sim.height()));
  sim.act("grow 10");
  REQUIRE(f.reaches(sim.height()));
  for (auto const& line : f.log.get()) CHECK(!contains(line, "connect"));  // none was lost over it
}

TEST_CASE("the node that fails is left for the next", "[node][sim]") {
  Sim a(Generation::v1_2_2), b(Generation::dev);  // of one chain
  LinkFixture f(quick_options({a.options("a"), b.options("b")}));
  // Whoever greets first, the first one listed is followed in the end.
  REQUIRE(f.board_shows([](auto const& live) {
    return live.nodes.size() == 2 && live.nodes[0].following &&
           live.nodes[1].state == NodeState::standby;
  }));
  a.node.reset();
  CHECK(f.board_shows([](auto const& live) { return live.nodes[1].following; }));
}

TEST_CASE("a one-off request is answered once", "[node][sim]") {
  Sim sim(Generation::v1_2_2);
  LinkFixture f(quick_options({sim.options("a")}));
  REQUIRE(f.reaches(sim.height()));
  auto const ask = [&](std::chrono::milliseconds within) {
    auto answer = std::make_shared<std::promise<Result<wire::NodeMessage>>>();
    auto result = answer->get_future();
    f.link->request(*wire::OutputsList::make({Hash{}}), within,
                    [answer](Result<wire::NodeMessage> reply) { answer->set_value(reply); });
    REQUIRE(result.wait_for(kPatience) == std::future_status::ready);
    return result.get();
  };
  auto const reply = ask(kPatience);
  REQUIRE(reply);
  CHECK(std::holds_alternative<wire::ErrorReply>(reply->body));
  SECTION("in time or not") {
    sim.act("stall 3600");
    auto const late = ask(std::chrono::milliseconds(50));
    REQUIRE(!late);
    CHECK(late.error().what == "no answer in time");
  }
  SECTION("or the loss is told") {
    sim.act("stall 3600");
    auto answer = std::make_shared<std::promise<Result<wire::NodeMessage>>>();
    f.link->request(*wire::OutputsList::make({Hash{}}), kPatience,
                    [answer](Result<wire::NodeMessage> got) { answer->set_value(got); });
    f.net.call([] {});
    sim.act("close");
    auto result = answer->get_future();
    REQUIRE(result.wait_for(kPatience) == std::future_status::ready);
    CHECK(!result.get());
  }
}

TEST_CASE("one-off requests that wait are bounded", "[node][sim]") {
  Sim sim(Generation::v1_2_2);
  auto options = quick_options({sim.options("a")});
  options.requests_max = 1;
  LinkFixture f(options);
  REQUIRE(f.reaches(sim.height()));
  sim.act("stall 600");
  f.link->request(*wire::OutputsList::make({Hash{}}), kPatience, [](auto const&) {});
  auto answer = std::make_shared<std::promise<Result<wire::NodeMessage>>>();
  f.link->request(*wire::OutputsList::make({Hash{}}), kPatience,
                  [answer](Result<wire::NodeMessage> got) { answer->set_value(got); });
  auto const refused = answer->get_future().get();
  REQUIRE(!refused);
  CHECK(refused.error().what == "too many requests wait for the node");
  CHECK(contains(f.metrics.text(), "hotside_limits_reached_total{limit=\"node_requests\"} 1\n"));
}

TEST_CASE("a link stops at any moment, in bounded time", "[node][sim]") {
  Sim sim(Generation::dev);
  sim.act("grow 30");
  for (int i = 0; i < 20; ++i) {
    LinkFixture f(quick_options({sim.options("a")}));
    if (i % 3 == 1) f.sink.told.wait([](Told const& told) { return told.events > 0; });
    if (i % 3 == 2) f.reaches(sim.height());
    f.link->stop();
    auto const events = f.sink.told.get().events;
    f.net.call([] {});
    CHECK(f.sink.told.get().events == events);
  }
  sim.check_unharmed();  // no handshake was left half done
}
