#include "explorer/app/commands/offline_signer.hpp"

#include <simdjson.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>

#include "chainclient/node/session.hpp"
#include "proto/base/bytes.hpp"

namespace hotside::app {
namespace {

constexpr auto kAnswersWithin = std::chrono::seconds(10);
constexpr auto kEndsWithin = std::chrono::seconds(2);

std::string with_key(std::string request, Bytes const& secret) {
  request.pop_back();
  request += ",\"secret_key\":[";
  for (std::size_t i = 0; i < secret.size(); ++i)
    request += (i == 0 ? "" : ",") + std::to_string(secret[i]);
  return request + "],\"id\":1}";
}

Result<std::string> answer_in(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element answer;
  std::string_view data, error;
  if (parser.parse(json.data(), json.size()).get(answer) != simdjson::SUCCESS)
    return fail(Fault::peer, "what the signing node answered is not JSON");
  if (answer.at_key("data").get(data) == simdjson::SUCCESS) return std::string(json);
  if (answer.at_key("error").get(error) == simdjson::SUCCESS)
    return fail(Fault::rejected, "the signing node says: " + std::string(error));
  return fail(Fault::peer, "the signing node answered something else");
}

}  // namespace

Result<std::string> OfflineSigner::sign(std::string request, std::string const& secret) const {
  auto const key = from_hex(secret);
  if (!key || !request.ends_with('}')) return fail(Fault::rejected, "no request, or no key");
  auto const text = with_key(std::move(request), *key);
  boost::asio::io_context net(1);
  std::optional<Result<std::string>> answer;
  std::optional<node::Session> session;
  node::SessionEvents events;
  events.opened = [&] { session->send(cipher_.seal(text)); };
  events.message = [&](std::string frame) {
    auto const plain = cipher_.open(std::move(frame));
    answer = plain ? answer_in(plain->json()) : fail(plain.error());
    net.stop();
  };
  events.closed = [&](std::string const& why) {
    if (!answer) answer = fail(Fault::transient, "the signing node has gone: " + why);
    net.stop();
  };
  session.emplace(net, node::SessionOptions{"ws://127.0.0.1:" + std::to_string(port_)},
                  std::move(events));
  net.run_for(kAnswersWithin);
  session.reset();
  net.restart();
  net.run_for(kEndsWithin);  // what it takes to end the connection in good order
  if (!answer) return fail(Fault::transient, "the signing node does not answer");
  return std::move(*answer);
}

}  // namespace hotside::app
