#pragma once
// One WebSocket connection to one node: frames as text, nothing of what is in them. It never probes
// a port: what it begins it finishes, since some nodes abort on a handshake that is left half done
// (stegos-protocol.md 1.6). Everything happens on the one thread that runs the io_context.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio {
class io_context;
}

namespace hotside::node {

struct SessionOptions {
  std::string endpoint;  // ws://host:port
  std::size_t max_message_bytes = std::size_t{1} << 30;
  std::chrono::milliseconds handshake_within{10'000};  // after the TCP connection stands
  std::chrono::milliseconds close_within{2'000};       // for the node to answer our Close
};

struct SessionEvents {
  std::function<void()> opened;
  std::function<void(std::string text)> message;
  // A frame was thrown away: a short stable word for a counter. `closed` follows.
  std::function<void(std::string_view reason)> refused = [](std::string_view) {};
  std::function<void(std::string why)> closed;  // exactly once, the last call; a person reads `why`
};

class Session {
 public:
  // Begins to connect. The events never come from within this call.
  Session(boost::asio::io_context& net, SessionOptions const& options, SessionEvents events);
  // Silent: no event comes any more. What still runs ends by itself: a handshake under way is
  // finished first, then closed.
  ~Session();
  Session(Session const&) = delete;
  Session& operator=(Session const&) = delete;

  void send(std::string const& text);  // ignored unless open
  void ping();
  // Close frame, then TCP close, within `close_within`. While connecting: as soon as that has
  // ended. No message comes after this. `why` is what `closed` will say.
  void close(std::string why);

  // Back-pressure: no byte is read from the socket while held.
  void hold();
  void release();

  std::uint64_t bytes_received() const;  // of everything, as it came in
  std::size_t bytes_to_send() const;     // written by us, not yet taken by the kernel

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
  std::shared_ptr<void> connection_;
};

}  // namespace hotside::node
