#pragma once
// POSTs to places that others chose, many at a time on one thread: no redirects, no proxy, TLS
// verified, and every address looked at when it is connected to, so that a name cannot lead inside.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/base/result.hpp"

namespace hotside::webhook {

inline constexpr std::size_t kResponseKept = 1024;
inline constexpr std::size_t kResponseMax = 64 * 1024;  // head and body each; more is not read

struct Post {
  std::string url, body;
  std::vector<std::string> headers;  // "name: value"
  bool allow_private = false;
  bool is_search = false;  // only where it leads: nothing is connected to, and nothing sent
};

struct Reply {
  std::optional<int> status;  // empty: no whole answer came
  std::chrono::milliseconds latency{0};
  std::optional<std::string> refused;   // the address that was not gone to: it is not public
  std::optional<std::string> error;     // why there is no status
  std::optional<std::string> response;  // the first kResponseKept bytes of the body
};

class Client {
 public:
  using Ticket = std::uint64_t;

  // `within` is from the first step to the last byte of the answer.
  static Result<std::unique_ptr<Client>> make(std::chrono::milliseconds within,
                                              std::string user_agent);
  virtual ~Client() = default;

  virtual Ticket start(Post post) = 0;
  virtual void cancel(Ticket ticket) = 0;
  // Moves everything on, waits at most `timeout` for something to happen, gives what is finished.
  virtual std::vector<std::pair<Ticket, Reply>> run(std::chrono::milliseconds timeout) = 0;
  virtual void wake() = 0;  // from any thread: run() returns
};

}  // namespace hotside::webhook
