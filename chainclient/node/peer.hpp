#pragma once
// One configured node: keeps a Session to it, for ever. Reads the token file anew for each attempt,
// so that a repaired one heals; comes back with growing delays; notices a connection that has gone
// silent; has its frames decoded in order. It knows frames and ids, and nothing of chains.
// Everything happens on the net thread, except for what it posts to the decode thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "chainclient/node/backoff.hpp"
#include "chainclient/node/decode_thread.hpp"
#include "chainclient/node/session.hpp"
#include "proto/base/units.hpp"
#include "proto/wire/frame.hpp"
#include "proto/wire/message.hpp"

namespace hotside::node {

struct PeerOptions {
  std::string name;
  std::string endpoint;    // ws://host:port
  std::string token_file;  // Base64 of 16 bytes
  std::string hrp;         // address prefix of the network
  std::size_t max_message_bytes = std::size_t{1} << 30;
  std::chrono::milliseconds handshake_within{10'000};
  std::chrono::milliseconds close_within{2'000};
  std::chrono::milliseconds ping_after{10'000};     // without a byte
  std::chrono::milliseconds silent_within{30'000};  // without a byte, not even a Pong: lost
  std::chrono::milliseconds retry_first{250}, retry_ceiling{30'000};
  std::chrono::milliseconds healthy_after{60'000};  // a connection that lasts this long was good
};

struct Decoded {
  Result<wire::NodeMessage> message;
  std::size_t wire_bytes = 0;  // of memory while it waited
  Instant received;
};

struct PeerEvents {
  std::function<void()> connected;
  std::function<void(Decoded)> decoded;                  // in the order in which the frames came
  std::function<void(std::string_view reason)> refused;  // a frame that is no text; for a counter
  std::function<void(std::string why)> lost;             // after everything that came before
  std::function<void(std::string why)>
      unreachable;  // an attempt failed for another reason than last time
  std::function<void(std::size_t bytes)> undecoded;  // more bytes wait to be decoded
};

class Peer : public std::enable_shared_from_this<Peer> {
 public:
  Peer(boost::asio::io_context& net, DecodeThread& decode, Clock const& clock, PeerOptions options,
       PeerEvents events);

  // At least every 200 ms. Whether an answer may be on its way for which we are to be patient:
  // bytes of an unfinished message came in, or wait to be decoded, or we do not read.
  bool on_tick();
  void send(wire::Request const& request, std::uint64_t id);
  // This connection is worthless; comes back after a delay that grows.
  void drop(std::string why);
  void hold();
  void release();
  // No more attempts, no more events; `idle()` tells when the connection is gone.
  void stop();
  bool idle() const { return phase_ == Phase::waiting && !session_; }

  bool is_up() const { return phase_ == Phase::open; }
  // Why there is no usable connection; empty once the node has said something we understand.
  std::string const& trouble() const { return trouble_; }
  std::optional<Time> up_since() const { return up_since_; }
  std::string const& name() const { return options_.name; }

 private:
  enum class Phase : std::uint8_t { waiting, reading_token, connecting, open, closed };
  // One connection's half of the decode thread: only that thread uses it.
  struct Channel;

  void connect();
  void on_token(Result<wire::Token> token);
  void on_opened();
  void on_text(std::string text);
  void on_decoded(std::uint64_t attempt, Decoded decoded, wire::Generation generation);
  void on_closed(std::string why);
  void retry_later(std::string why);
  bool check_liveness(Instant now);

  boost::asio::io_context& net_;
  DecodeThread& decode_;
  Clock const& clock_;
  PeerOptions options_;
  PeerEvents events_;
  Backoff backoff_;

  Phase phase_ = Phase::waiting;
  std::uint64_t attempt_ = 0;
  Instant retry_at_{};
  bool held_ = false, stopped_ = false;
  std::string trouble_ = "not yet connected";

  std::unique_ptr<Session> session_;
  std::optional<wire::FrameCipher> seal_;
  std::shared_ptr<Channel> channel_;
  wire::Generation generation_ = wire::Generation::unknown;
  bool greeted_ = false, dropped_ = false;
  std::optional<Time> up_since_;
  Instant opened_at_{}, heard_at_{};
  bool pinged_ = false;
  std::uint64_t bytes_heard_ = 0, bytes_whole_ = 0, bytes_partial_ = 0;
  std::size_t undecoded_ = 0;
};

}  // namespace hotside::node
