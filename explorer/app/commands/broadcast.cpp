#include <chrono>
#include <iostream>
#include <thread>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
#include "explorer/app/files.hpp"
#include "proto/base/json_writer.hpp"

namespace hotside::app {
namespace {

// The file is a reply of a node as it stands, or its `data` alone.
std::string body_of(std::string const& text) {
  if (text.starts_with('{')) return text;
  JsonWriter json;
  json.begin_object().key("data").string(text).end_object();
  return json.take();
}

// What is told of one state; each only once.
void tell(Access const& access, Json const& tx, std::string const& state) {
  if (access.json) {
    std::cout << simdjson::minify(tx) << '\n';
  } else {
    std::cout << text_at(tx, "hash") << ' ' << state;
    if (tx["error"].is_string()) std::cout << ": " << text_at(tx, "error");
    std::cout << '\n';
  }
  std::cout.flush();
}

}  // namespace

// Sends the same bytes again whenever it does not know what became of them: to the service they are
// the same transaction.
int broadcast(Access const& access, std::string const& file) {
  auto const client = Client::open(access);
  if (!client) return complain(client.error(), kUsage);
  auto const text = read_small_file(file);
  if (!text) return complain(text.error(), kUsage);
  auto const body = body_of(trimmed(*text));
  std::string hash, told;
  bool was_silent = false;
  for (;; std::this_thread::sleep_for(std::chrono::seconds(1))) {
    auto const answer = hash.empty() ? client->ask("POST", "/v1/transactions", body)
                                     : client->ask("GET", "/v1/transactions/" + hash);
    if (!answer || answer->status >= 500 || answer->status == 429) {
      if (!was_silent)
        std::cerr << "hotside: "
                  << (answer ? "the service answered " + std::to_string(answer->status)
                             : answer.error().what)
                  << "; trying again until it is back\n";
      was_silent = true;
      continue;
    }
    was_silent = false;
    // Another store behind the same address: it is to know it, too.
    if (answer->status == 404 && !hash.empty()) {
      hash.clear();
      continue;
    }
    simdjson::dom::parser parser;
    Json tx;
    if (answer->status / 100 != 2 || parser.parse(answer->body).get(tx) != simdjson::SUCCESS)
      return complain({Fault::rejected, "the service refuses it: " + answer->body, {}});
    hash = text_at(tx, "hash");
    auto const state = text_at(tx, "state");
    if (state != told) tell(access, tx, state);
    told = state;
    if (state == "committed") return kDone;
    if (state == "conflicted") return kFailed;
  }
}

}  // namespace hotside::app
