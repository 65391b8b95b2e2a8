// The recorded nodes' answers to good, bad and deadly requests, asked again of the simulated one.

#include <simdjson.h>

#include <fstream>

#include "sim_fixture.hpp"

using namespace hotside;
using namespace hotside::simnode;

namespace {

struct Case {
  std::string name;
  std::vector<std::string> frames;  // "json:…", "text:…" (a raw text frame) or "bare:…" (unpadded)
  std::vector<std::string> replies;
  bool is_closed = false, is_fatal = false;
};

std::string after(std::string const& line, std::string const& key) {
  auto const at = line.find(key);
  if (at == std::string::npos) return {};
  return line.substr(at + key.size(), line.size() - at - key.size() - 1);
}

std::string unquoted(std::string const& json) {
  simdjson::dom::parser parser;
  std::string_view text;
  REQUIRE(parser.parse(json).get(text) == simdjson::SUCCESS);
  return std::string(text);
}

void add_line(Case& entry, std::string const& line) {
  if (line.find(R"("dir":"recv","msg":)") != std::string::npos)
    entry.replies.push_back(after(line, R"("msg":)"));
  else if (line.find("tcp closed by node") != std::string::npos)
    entry.is_closed = true;
  else if (line.find("PROCESS DIED") != std::string::npos)
    entry.is_fatal = true;
  else if (auto text = after(line, R"("raw_text_frame":)"); !text.empty())
    entry.frames.push_back("text:" + unquoted(text));
  else if (auto bare = after(line, R"("unpadded_base64_of":)"); !bare.empty())
    entry.frames.push_back("bare:" + bare);
  else if (auto plain = after(line, R"("send","text":)"); !plain.empty())
    entry.frames.push_back("json:" + unquoted(plain));
  else if (auto json = after(line, R"("send","msg":)"); !json.empty())
    entry.frames.push_back("json:" + json);
}

std::vector<Case> cases(std::string const& file) {
  std::ifstream recorded(std::string(HS_SOURCE_DIR) + "/tests/vectors/stegos/recorded/" + file);
  REQUIRE(recorded);
  std::vector<Case> list;
  for (std::string line; std::getline(recorded, line);) {
    if (auto const at = line.find(R"("note":"case: )"); at != std::string::npos)
      list.push_back({line.substr(at + 14), {}, {}, false, false});
    else if (!list.empty())
      add_line(list.back(), line);
  }
  REQUIRE(!list.empty());
  return list;
}

std::vector<std::string> keys_of(std::string const& json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  REQUIRE(parser.parse(json).get(object) == simdjson::SUCCESS);
  std::vector<std::string> keys;
  for (auto const field : object) {
    keys.emplace_back(field.key);
    if (field.key == "type") keys.emplace_back(std::string(std::string_view(field.value)));
  }
  return keys;
}

// Texts that name the state of the recorded chain are compared by their keys.
void compare(std::string const& got, std::string const& recorded) {
  if (recorded.find(R"("error")") != std::string::npos)
    CHECK(got == recorded);
  else
    CHECK(keys_of(got) == keys_of(recorded));
}

void replay(Generation generation, Case const& entry) {
  INFO(entry.name);
  auto node = make_node(generation, 2);
  Client client(*node);
  for (auto const& frame : entry.frames) {
    auto const text = frame.substr(5);
    // The codec refuses to seal what is no object: such a frame is made from one and damaged.
    bool const is_object = text.size() > 1 && text.front() == '{' && text.back() == '}';
    if (frame.starts_with("text:") || !is_object) {
      auto whole = is_object ? text : node->cipher().seal("{}").substr(0, 22) + "==";
      client.session().on_frame(frame.starts_with("text:") ? text : whole);
      continue;
    }
    auto sealed = node->cipher().seal(text);
    if (frame.starts_with("bare:"))
      while (sealed.back() == '=') sealed.pop_back();
    client.session().on_frame(sealed);
  }
  auto const replies = client.take();
  CHECK(client.socket().is_closed == entry.is_closed);
  CHECK(done(*node, "fatal").starts_with(entry.is_fatal ? "fatal 1" : "fatal 0"));
  REQUIRE(replies.size() == entry.replies.size());
  for (std::size_t i = 0; i < replies.size(); ++i) compare(replies[i], entry.replies[i]);
}

}  // namespace

TEST_CASE("good and bad requests are answered as recorded nodes answered them") {
  auto const [generation, folder] = GENERATE(
      table<Generation, std::string>({{Generation::v1_2_2, "v1.2.2"}, {Generation::dev, "dev"}}));
  std::size_t replayed = 0;
  for (auto const& entry : cases(folder + "/errors.jsonl")) {
    if (entry.frames.empty()) continue;  // a wrong token, a binary frame: with real sockets
    replay(generation, entry);
    ++replayed;
  }
  CHECK(replayed > 50);
}

TEST_CASE("what killed recorded nodes is counted") {
  auto const [generation, folder] = GENERATE(
      table<Generation, std::string>({{Generation::v1_2_2, "v1.2.2"}, {Generation::dev, "dev"}}));
  std::size_t replayed = 0;
  for (auto const& entry : cases(folder + "/fatal_requests.jsonl")) {
    if (entry.frames.empty()) continue;
    replay(generation, entry);
    ++replayed;
  }
  CHECK(replayed >= 7);
}
