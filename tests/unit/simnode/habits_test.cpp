// What each generation does with subscriptions, queues and orders (stegos-protocol.md section 3).

#include "sim_fixture.hpp"

using namespace hotside;
using namespace hotside::simnode;

namespace {

using Labels = std::vector<std::string>;

std::string subscribe(std::uint64_t epoch, std::uint64_t offset) {
  return R"({"type":"subscribe_chain","epoch":)" + std::to_string(epoch) + R"(,"offset":)" +
         std::to_string(offset) + R"(,"id":9})";
}
Labels micros(std::uint64_t epoch, std::uint32_t from, std::uint32_t to) {
  Labels list;
  for (auto offset = from; offset < to; ++offset)
    list.push_back("micro " + std::to_string(epoch) + "/" + std::to_string(offset));
  return list;
}
Labels reverts(std::uint64_t epoch, std::uint32_t count) {
  Labels list;
  for (auto offset = count; offset > 0; --offset)
    list.push_back("revert " + std::to_string(epoch) + "/" + std::to_string(offset - 1));
  return list;
}
Labels operator+(Labels a, Labels const& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Labels next(Node& node, Client& client, std::string const& action) {
  done(node, action);
  return labels(node, client.take());
}
Labels after_subscribing(Node& node, Client& client, std::uint64_t epoch, std::uint64_t offset) {
  client.send(subscribe(epoch, offset));
  auto messages = client.take();
  REQUIRE(!messages.empty());
  CHECK(messages[0].starts_with(R"({"type":"subscribed_chain",)"));
  messages.erase(messages.begin());
  return labels(node, messages);
}

}  // namespace

TEST_CASE("v1.2.2 takes all micro blocks back before it commits") {
  auto node = make_node(Generation::v1_2_2);
  Client client(*node);
  CHECK(after_subscribing(*node, client, 2, 7) == Labels{"macro 2"});
  CHECK(next(*node, client, "grow 61") == micros(3, 0, 60) + reverts(3, 60) + Labels{"macro 3"});
  CHECK(next(*node, client, "epoch-length 2").empty());
  CHECK(next(*node, client, "seal") == micros(4, 0, 2) + reverts(4, 2) + Labels{"macro 4"});
}

TEST_CASE("v1.2.2 skips a macro block when its reader catches up while that is pending") {
  auto node = make_node(Generation::v1_2_2);
  done(*node, "grow 60");
  Client client(*node);
  CHECK(after_subscribing(*node, client, 1, 0) == Labels{"macro 1", "macro 2"} + micros(3, 0, 60));
  CHECK(next(*node, client, "grow").empty());
  CHECK(next(*node, client, "grow 2") == micros(4, 0, 2));
  CHECK(next(*node, client, "fork 1") == Labels{"revert 4/1", "micro 4/1"});
}

TEST_CASE("v1.2.2 reverts what it never sent") {
  auto node = make_node(Generation::v1_2_2, 4);
  Client client(*node);
  done(*node, "grow 2");
  CHECK(after_subscribing(*node, client, 3, 4).empty());
  CHECK(next(*node, client, "grow 2").empty());
  CHECK(next(*node, client, "grow") == reverts(3, 4) + Labels{"macro 3"});
}

TEST_CASE("a second subscription replaces the first in v1.2.2 and joins it in dev") {
  auto const generation = GENERATE(Generation::v1_2_2, Generation::dev);
  auto node = make_node(generation, 4);
  Client client(*node);
  after_subscribing(*node, client, 3, 0);
  after_subscribing(*node, client, 3, 0);
  CHECK(next(*node, client, "grow").size() == (generation == Generation::dev ? 2 : 1));
}

TEST_CASE("v1.2.2 drops notices when its queue is full, and says nothing") {
  auto node = make_node(Generation::v1_2_2, 4);
  Client client(*node);
  after_subscribing(*node, client, 3, 0);
  client.socket().is_slow = true;
  done(*node, "grow 14");
  client.socket().is_slow = false;
  CHECK(next(*node, client, "height") ==  // 15 = 4 + 11 places
        micros(3, 0, 4) + reverts(3, 4) + Labels{"macro 3"} + micros(4, 0, 4) +
            Labels{"revert 4/3", "revert 4/2"});
  CHECK(next(*node, client, "grow") == reverts(5, 4) + Labels{"macro 5"});
}

TEST_CASE("dev sends its first page on the next event, no take-backs and no macro block") {
  auto node = make_node(Generation::dev, 4);
  Client client(*node);
  done(*node, "grow 2");
  CHECK(after_subscribing(*node, client, 2, 0).empty());
  client.send(R"({"type":"status_info","id":1})");
  CHECK(client.take().size() == 4);  // the status, macro 2, two micro blocks
  CHECK(next(*node, client, "grow 4") == micros(3, 2, 4) + micros(4, 0, 1));
  CHECK(next(*node, client, "fork 1").empty());
  CHECK(next(*node, client, "grow") == micros(4, 1, 2));
  CHECK(next(*node, client, "pop 2").empty());
  CHECK(next(*node, client, "grow 3") == micros(4, 2, 3));
}

TEST_CASE("v1.3 sends one burst of the size of its queue, and then nothing") {
  auto node = make_node(Generation::v1_3, 1);
  done(*node, "grow 40");
  Client client(*node);
  Labels expected;
  for (int epoch = 0; epoch < 12; ++epoch) expected.push_back("macro " + std::to_string(epoch));
  CHECK(after_subscribing(*node, client, 0, 0) == expected);
  CHECK(next(*node, client, "grow 5").empty());
  CHECK(after_subscribing(*node, client, 25, 0).size() == 1);
}

TEST_CASE("status notices: v1.2.2 loses some, dev and v1.3 end the subscription") {
  auto const generation = GENERATE(Generation::v1_2_2, Generation::dev);
  auto node = make_node(generation, 6);
  Client client(*node);
  CHECK(client.ask(R"({"type":"subscribe_status","id":3})")
            .starts_with(R"({"type":"subscribed_status","is_synchronized":true,"epoch":3)"));
  done(*node, "grow");
  CHECK(client.take().size() == 1);
  done(*node, "grow 6");
  auto const burst = client.take();
  bool const is_dev = generation == Generation::dev;
  CHECK(burst.size() == (is_dev ? 5 + 3 : 5 + 3 + 1));
  done(*node, "grow");
  CHECK(client.take().size() == (is_dev ? 0 : 1));
}

TEST_CASE("notices can be dropped, doubled, muted") {
  auto node = make_node(Generation::v1_2_2, 9);
  Client client(*node);
  after_subscribing(*node, client, 3, 0);
  CHECK(next(*node, client, "drop-notice").empty());
  CHECK(next(*node, client, "grow 2") == micros(3, 1, 2));
  done(*node, "dup-notice 1");
  CHECK(next(*node, client, "grow 2") == Labels{"micro 3/2", "micro 3/2", "micro 3/3"});
  done(*node, "mute 1000");
  CHECK(next(*node, client, "grow").empty());
  CHECK(client.ask(R"({"type":"micro_block_info","epoch":3,"offset":4,"id":1})").size() > 1000);
  done(*node, "mute 0");
  CHECK(next(*node, client, "grow") == micros(3, 5, 6));
}

TEST_CASE("a stalled node answers nothing, and everything afterwards") {
  auto node = make_node(Generation::v1_2_2, 9);
  Client client(*node);
  after_subscribing(*node, client, 3, 0);
  done(*node, "stall 1000");
  client.send(R"({"type":"status_info","id":1})");
  CHECK(client.take().empty());
  done(*node, "stall 0");
  CHECK(client.take().size() == 1);
}

TEST_CASE("a lagging node answers from the past and tells of it later") {
  auto node = make_node(Generation::v1_2_2, 3);
  Client client(*node);
  auto const own = split_words(done(*node, "addresses"));
  auto const id = done(*node, "pay " + own[0] + " 5000");
  after_subscribing(*node, client, 3, 0);
  CHECK(next(*node, client, "grow 3") == micros(3, 0, 3));
  auto const blob = R"({"type":"outputs_list","utxos":[")" + id + R"("],"id":1})";
  CHECK(body_of<wire::OutputsReply>(*node, client.ask(blob)).blobs.size() == 1);
  done(*node, "lag 3");
  CHECK(client.ask(blob).find("Output was not found hash=" + id.substr(0, 12)) !=
        std::string::npos);
  auto const status =
      body_of<wire::StatusReply>(*node, client.ask(R"({"type":"status_info","id":1})"));
  CHECK(status.offset.value == 0);
  CHECK(next(*node, client, "grow 2").empty());  // macro 3 and micro 4/0, not told yet
  CHECK(body_of<wire::StatusReply>(*node, client.ask(R"({"type":"status_info","id":1})"))
            .offset.value == 2);
  CHECK(next(*node, client, "lag 0") == reverts(3, 3) + Labels{"macro 3", "micro 4/0"});
}

TEST_CASE("a node that lags by a macro block lacks the award, not what micro blocks made") {
  auto node = make_node(Generation::v1_2_2, 3);
  Client client(*node);
  auto const own = split_words(done(*node, "addresses"));
  auto const paid = done(*node, "pay " + own[0] + " 5000");
  done(*node, "award " + own[1] + " 6000");
  done(*node, "seal");
  auto const awarded = node->chain().view().macros.back()->own_outputs.at(1).hex();
  auto const is_there = [&](std::string const& id) {
    return client.ask(R"({"type":"outputs_list","utxos":[")" + id + R"("],"id":1})")
        .starts_with(R"({"type":"outputs_list")");
  };
  CHECK(is_there(paid));
  CHECK(is_there(awarded));
  done(*node, "lag 1");
  CHECK(is_there(paid));
  CHECK(!is_there(awarded));
}

TEST_CASE("a damaged block is refused by the codec, and good again afterwards") {
  auto const [action, reason] = GENERATE(table<std::string, std::string>(
      {{"bad-hash", "block_hash"}, {"bad-root", "outputs_root"}, {"bad-id", "output_id"}}));
  auto node = make_node(Generation::dev, 5);
  Client client(*node);
  done(*node, action);
  done(*node, "grow 2");
  std::string const ask = R"({"type":"micro_block_info","epoch":3,"id":1,"offset":)";
  CHECK(label(*node, client.ask(ask + "0}")) == "bad " + reason);
  CHECK(label(*node, client.ask(ask + "1}")) == "micro 3/1");
  done(*node, "good");
  CHECK(label(*node, client.ask(ask + "0}")) == "micro 3/0");
}

TEST_CASE("another macro block, another genesis: consistent in themselves, and linked") {
  auto node = make_node(Generation::dev, 3);
  Client client(*node);
  done(*node, "grow 6");
  auto const macro = [&](std::uint64_t epoch) {
    return body_of<wire::MacroBlockMessage>(
               *node, client.ask(R"({"type":"macro_block_info","id":1,"epoch":)" +
                                 std::to_string(epoch) + "}"))
        .block;
  };
  auto const micro = [&](int offset) {
    return body_of<wire::MicroBlockMessage>(
               *node, client.ask(R"({"type":"micro_block_info","id":1,"epoch":4,"offset":)" +
                                 std::to_string(offset) + "}"))
        .block;
  };
  auto const before = macro(1), genesis = macro(0), tip = macro(3);
  done(*node, "other-macro 2");
  CHECK(macro(1) == before);
  CHECK(macro(2).hash != node->chain().view().macros[2]->hash);
  CHECK(macro(3).previous == macro(2).hash);
  CHECK(micro(0).previous == macro(3).hash);
  done(*node, "grow");
  CHECK(micro(2).previous == micro(1).hash);
  CHECK(node->status().last_block == micro(2).hash);
  done(*node, "other-genesis");
  CHECK(macro(0).hash != genesis.hash);
  CHECK(macro(1).previous == macro(0).hash);
  done(*node, "good");
  CHECK(macro(0) == genesis);
  CHECK(macro(3) == tip);
}

TEST_CASE("garbage goes to every connection") {
  auto node = make_node(Generation::v1_2_2, 3);
  Client client(*node);
  done(*node, "garbage");
  done(*node, "short-frame");
  done(*node, "oversize 100000");
  auto& frames = client.socket().frames;
  REQUIRE(frames.size() == 3);
  CHECK(node->cipher().open(frames[0]).error().reason == "braces");
  CHECK(node->cipher().open(frames[1]).error().reason == "short");
  CHECK(node->cipher().open(frames[2])->json().size() > 100'000);
}
