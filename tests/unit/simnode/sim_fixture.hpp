#pragma once
// A simulated node without sockets, and a client that sits on its session.

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "chainclient/simnode/script.hpp"
#include "chainclient/simnode/session.hpp"
#include "proto/wire/message.hpp"

namespace hotside::simnode {

struct FakeSocket final : Outlet {
  void send(std::string text) override { frames.push_back(std::move(text)); }
  std::size_t buffered() const override { return is_slow ? 1u << 30 : 0; }
  void close_tcp() override { is_closed = true; }

  std::vector<std::string> frames;
  bool is_slow = false, is_closed = false;
};

inline std::unique_ptr<Node> make_node(Generation generation, std::uint32_t length = 60,
                                       std::uint64_t seed = 7, std::string network = "dev") {
  Node::Setup setup;
  setup.network = std::move(network);
  setup.generation = generation;
  setup.seed = seed;
  setup.length = length;
  auto node = Node::make(std::move(setup));
  REQUIRE(node.has_value());
  return *std::move(node);
}

inline Result<std::string> act(Node& node, std::string const& line) {
  auto task = node.task(split_words(line));
  if (!task) return fail(std::move(task.error()));
  for (;;)
    if (auto step = (*task)(); step.done) return *step.done;
}
inline std::string done(Node& node, std::string const& line) {
  auto outcome = act(node, line);
  INFO(line << (outcome ? "" : ": " + outcome.error().what));
  REQUIRE(outcome.has_value());
  return *outcome;
}

class Client {
 public:
  explicit Client(Node& node) : node_(node), session_(node, socket_) {}

  void send(std::string const& json) { session_.on_frame(node_.cipher().seal(json)); }
  // Everything that came since the last call, as JSON.
  std::vector<std::string> take() {
    session_.drain();
    session_.pump();
    std::vector<std::string> messages;
    for (auto& frame : std::exchange(socket_.frames, {})) {
      auto plain = node_.cipher().open(std::move(frame));
      REQUIRE(plain.has_value());
      messages.emplace_back(plain->json());
    }
    return messages;
  }
  std::string ask(std::string const& json) {
    send(json);
    auto messages = take();
    REQUIRE(messages.size() == 1);
    return messages[0];
  }

  FakeSocket& socket() { return socket_; }
  Session& session() { return session_; }

 private:
  Node& node_;
  FakeSocket socket_;
  Session session_;
};

// As the codec reads it: the judge of what was rendered.
inline wire::NodeMessage parsed(Node const& node, std::string const& json) {
  wire::PlainFrame frame;
  frame.buffer = json + std::string(wire::PlainFrame::kPadding, ' ');
  frame.size = json.size();
  wire::ParseOptions options;
  options.hrp = node.style().hrp;
  options.generation = node.style().generation;
  auto message = wire::parse_message(std::move(frame), options);
  INFO(json.substr(0, 300) << (message ? "" : ": " + message.error().what));
  REQUIRE(message.has_value());
  return *std::move(message);
}
template <class Body>
Body body_of(Node const& node, std::string const& json) {
  auto message = parsed(node, json);
  if (auto const* bad = std::get_if<wire::BadBlock>(&message.body)) {
    INFO(bad->error.what << " in " << json.substr(0, 300));
    CHECK(std::holds_alternative<Body>(message.body));
  }
  INFO(json.substr(0, 300));
  REQUIRE(std::holds_alternative<Body>(message.body));
  return std::get<Body>(std::move(message.body));
}

// "type epoch/offset", for comparing streams.
inline std::string label(Node const& node, std::string const& json) {
  auto message = parsed(node, json);
  if (auto const* micro = std::get_if<wire::MicroBlockMessage>(&message.body))
    return "micro " + std::to_string(micro->block.epoch.value) + "/" +
           std::to_string(micro->block.offset.value);
  if (auto const* back = std::get_if<wire::MicroBlockReverted>(&message.body))
    return "revert " + std::to_string(back->epoch.value) + "/" + std::to_string(back->offset.value);
  if (auto const* macro = std::get_if<wire::MacroBlockMessage>(&message.body))
    return "macro " + std::to_string(macro->block.epoch.value);
  if (auto const* bad = std::get_if<wire::BadBlock>(&message.body))
    return "bad " + bad->error.reason;
  return json.substr(0, 60);
}
inline std::vector<std::string> labels(Node const& node, std::vector<std::string> const& messages) {
  std::vector<std::string> list;
  for (auto const& json : messages) list.push_back(label(node, json));
  return list;
}

}  // namespace hotside::simnode
