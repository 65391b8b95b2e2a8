#pragma once
// The live link around the pure chain::Follower: one Peer per configured node, one decode thread, a
// clock that ticks; carries the follower's asks to the nodes and their answers back, and hands the
// chain events that come out, in order, to a sink that may ask it to wait.
//
// While the sink has no room nothing is read from any node, the follower is fed nothing and its
// clock stands still, so that waiting for our own disk is never mistaken for a node's silence.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chainclient/chain/follower.hpp"
#include "chainclient/node/peer.hpp"
#include "proto/base/metrics.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/chain_event.hpp"
#include "proto/model/node_status.hpp"
#include "proto/wire/message.hpp"

namespace hotside::node {

// Where chain events go. Called on the net thread; must not wait.
struct EventSink {
  virtual ~EventSink() = default;
  // false: nothing more is submitted until Link::resume() is called. One step of the follower may
  // still bring several events after the answer was true.
  virtual bool room() const = 0;
  // `received`: when the message came in that this event follows from.
  virtual void submit(model::ChainEvent event, Instant received) = 0;
  // Requests go to another connection than before: whatever was sent over the old one may be lost.
  // Told when what that node has was submitted, or does not come: it refuses what is mined already.
  virtual void connected() {}
};

struct NodeOptions {
  std::string name;
  std::string endpoint;  // ws://host:port
  std::string token_file;
};

struct LinkOptions {
  std::vector<NodeOptions> nodes;   // in order of preference
  chain::FollowerOptions follower;  // `nodes` is filled from the above
  PeerOptions peer;                 // name, endpoint, token_file and hrp are filled in
  // Of messages read but not yet decoded, over all nodes: above it, reading stops. The size of one
  // message is bounded by peer.max_message_bytes.
  std::size_t undecoded_bytes_max = 128U << 20U;
  std::chrono::milliseconds tick_every{50};
  std::chrono::milliseconds stop_within{5'000};
  // Without a block for so long, connected() is told before all is taken in.
  std::chrono::milliseconds level_within{2'000};
  std::size_t requests_max = 256;  // one-off requests that wait for an answer
};

class Link {
 public:
  using LogLevel = chain::Log::Level;
  using LogFn = std::function<void(LogLevel, std::string)>;
  using Reply = std::function<void(Result<wire::NodeMessage>)>;

  // `net` must be run by one thread, and outlive this object and whatever it still posts.
  Link(boost::asio::io_context& net, LinkOptions options, chain::Stored stored, EventSink& sink,
       model::StatusBoard& board, Metrics& metrics, Clock const& clock, LogFn log);
  ~Link();
  Link(Link const&) = delete;
  Link& operator=(Link const&) = delete;

  // Both from the thread that owns this object.
  void start();
  // Closes every connection and ends the decode thread; returns within stop_within and the time of
  // one message's decoding. Nothing is submitted afterwards. Not from the net thread, which it
  // waits for.
  void stop();

  // From any thread.
  void resume();             // the sink has room again
  void violation_cleared();  // by a named operator
  // One request to the node that is followed. `done` is called once, on the net thread: with the
  // answer (an ErrorReply too), or a transient fault when there is no node (reason no_node: nothing
  // was sent), it is lost, or `within` has passed.
  void request(wire::Request request, std::chrono::milliseconds within, Reply done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
  bool started_ = false;
};

}  // namespace hotside::node
