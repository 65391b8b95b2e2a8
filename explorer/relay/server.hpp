#pragma once
// The node's own WebSocket protocol, for programs that were written for a node. What stands behind
// it is Desk; here are the connections and their limits.
//
// Frames that do not decode and wrong tokens end the connection without a word, as a node would.

#include <cstdint>
#include <memory>
#include <string>

#include "explorer/relay/desk.hpp"
#include "proto/base/metrics.hpp"
#include "proto/wire/frame.hpp"

namespace hotside::relay {

struct ServerOptions {
  std::string host;  // an IP address
  std::uint16_t port = 0;
  std::size_t connections_max = 64;
  std::size_t message_bytes_max = 4U << 20U;
  // A client that reads nothing is dropped; so is the one that has read least when all together
  // leave more than the second unread.
  std::size_t unsent_bytes_max = 16U << 20U, unsent_all_max = 64U << 20U;
  std::size_t in_flight_max = 32;  // calls of one connection that wait for an answer
  double calls_per_second = 50, calls_burst = 100;  // of one connection
  std::chrono::milliseconds handshake_within{10'000};
  std::chrono::milliseconds first_call_within{60'000};
};

class Server {
 public:
  // Begins to listen. transient: the address cannot be had.
  static Result<std::unique_ptr<Server>> start(boost::asio::io_context& net, ServerOptions options,
                                               wire::Token const& token, std::shared_ptr<Desk> desk,
                                               Metrics& metrics);
  ~Server();
  Server(Server const&) = delete;
  Server& operator=(Server const&) = delete;

  std::uint16_t port() const;
  void stop();  // on the net thread, or while nobody runs it; may be called twice

 private:
  struct Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace hotside::relay
