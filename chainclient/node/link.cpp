#include "chainclient/node/link.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <future>
#include <utility>
#include <variant>

#include "chainclient/node/decode_thread.hpp"
#include "chainclient/node/one_off.hpp"
#include "chainclient/node/translate.hpp"

namespace hotside::node {
namespace {

namespace asio = boost::asio;
using chain::NodeId;

// What the peers report, in the order in which it happened; waits here while the sink has no room.
struct Connected {};
struct Lost {
  std::string why;
};
struct Arrival {
  NodeId node = 0;
  std::variant<Connected, Decoded, Lost> what;
};

chain::FollowerOptions follower_options(LinkOptions const& options) {
  auto result = options.follower;
  result.nodes.clear();
  for (auto const& node : options.nodes) result.nodes.push_back(node.name);
  return result;
}

}  // namespace

struct Link::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io, LinkOptions link_options, chain::Stored stored, EventSink& events_to,
       model::StatusBoard& status, Metrics& counters, Clock const& time, LogFn log_to)
      : net(io),
        options(std::move(link_options)),
        sink(events_to),
        board(status),
        metrics(counters),
        clock(time),
        log(std::move(log_to)),
        follower(follower_options(options), std::move(stored)),
        timer(net) {}

  // ---- life ----
  void start();
  void add_peer(NodeId id);
  void stop();
  void finish_stopping();
  void wait_for_tick();
  void on_tick();

  // ---- from the nodes, through the follower, to the sink ----
  void arrive(NodeId node, std::variant<Connected, Decoded, Lost> what);
  void pump();
  void handle(Arrival arrival);
  void handle_decoded(NodeId node, Decoded decoded);
  void run_commands(Instant received);
  void run(chain::Command& command, Instant received);
  void submit_waiting();
  void update_hold();

  // ---- for others ----
  void request(wire::Request what, std::chrono::milliseconds within, Reply done);
  void tell_of_connection();
  void publish();
  std::vector<model::NodeStatus> node_statuses(Time wall) const;

  // The follower's clock stands still while the sink has no room.
  Instant follower_now() const {
    return (blocked_since ? *blocked_since : clock.instant()) - blocked_for;
  }

  asio::io_context& net;
  LinkOptions options;
  EventSink& sink;
  model::StatusBoard& board;
  Metrics& metrics;
  Clock const& clock;
  LogFn log;
  chain::Follower follower;
  asio::steady_timer timer;
  DecodeThread decode;
  std::vector<std::shared_ptr<Peer>> peers;
  OneOffRequests one_offs;

  struct Waiting {
    model::ChainEvent event;
    Instant received;
  };
  std::deque<Arrival> inbox;
  std::deque<Waiting> outbox;
  std::size_t undecoded = 0;
  std::optional<std::pair<NodeId, Time>> connected_to;
  std::optional<Instant> untold_since;  // not told yet; moves on with each block
  bool held = false, pumping = false, stopping = false;
  std::optional<Instant> blocked_since;
  std::chrono::milliseconds blocked_for{0};
  std::optional<Time> last_block_at;
  std::optional<std::promise<void>> stopped;
  Instant stop_by{};
};

// ---- life ----

void Link::Impl::start() {
  decode.start();
  for (NodeId id = 0; id < options.nodes.size(); ++id) add_peer(id);
  on_tick();
}

void Link::Impl::add_peer(NodeId id) {
  auto peer_options = options.peer;
  peer_options.name = options.nodes[id].name;
  peer_options.endpoint = options.nodes[id].endpoint;
  peer_options.token_file = options.nodes[id].token_file;
  peer_options.hrp = options.follower.network.hrp;
  PeerEvents events;  // a peer never outlives this object, and is silent once it is stopped
  events.connected = [this, id] { arrive(id, Connected{}); };
  events.decoded = [this, id](Decoded decoded) {
    undecoded -= decoded.wire_bytes;
    arrive(id, std::move(decoded));
  };
  events.lost = [this, id](std::string why) { arrive(id, Lost{std::move(why)}); };
  events.refused = [this](std::string_view reason) {
    metrics.add(Counter::frames_refused, reason);
  };
  events.unreachable = [this, id](std::string why) { arrive(id, Lost{std::move(why)}); };
  events.undecoded = [this](std::size_t bytes) {
    undecoded += bytes;
    update_hold();
  };
  peers.push_back(
      std::make_shared<Peer>(net, decode, clock, std::move(peer_options), std::move(events)));
}

void Link::Impl::stop() {
  stopping = true;
  stop_by = clock.instant() + options.stop_within;
  inbox.clear();
  outbox.clear();
  one_offs.on_stop();
  for (auto const& peer : peers) peer->stop();
  if (peers.empty()) finish_stopping();
}

void Link::Impl::finish_stopping() {
  timer.cancel();
  peers.clear();
  if (stopped) stopped->set_value();
  stopped.reset();
}

void Link::Impl::wait_for_tick() {
  timer.expires_after(options.tick_every);
  timer.async_wait([weak = weak_from_this()](boost::system::error_code const& ec) {
    auto const self = weak.lock();
    if (self && !ec) self->on_tick();
  });
}

void Link::Impl::on_tick() {
  if (stopping) {
    bool idle = true;
    for (auto const& peer : peers) idle = idle && peer->idle();
    if (idle || clock.instant() >= stop_by) return finish_stopping();
    return wait_for_tick();
  }
  for (NodeId id = 0; id < peers.size(); ++id)
    if (peers[id]->on_tick() && !blocked_since) follower.on_progress(id, follower_now());
  one_offs.on_tick(clock.instant());
  pump();
  if (!blocked_since) {
    follower.on_tick(follower_now(), clock.now());
    run_commands(clock.instant());
    pump();
  }
  wait_for_tick();
}

// ---- from the nodes, through the follower, to the sink ----

void Link::Impl::arrive(NodeId node, std::variant<Connected, Decoded, Lost> what) {
  if (stopping) return;
  inbox.push_back({node, std::move(what)});
  pump();
}

void Link::Impl::pump() {
  if (pumping || stopping) return;  // a sink or a callback that calls back
  pumping = true;
  submit_waiting();
  while (!inbox.empty() && !blocked_since) {
    auto arrival = std::move(inbox.front());
    inbox.pop_front();
    handle(std::move(arrival));
    submit_waiting();
  }
  pumping = false;
  update_hold();
  publish();
  tell_of_connection();
}

void Link::Impl::submit_waiting() {
  while (!outbox.empty() && sink.room()) {
    auto next = std::move(outbox.front());
    outbox.pop_front();
    if (std::holds_alternative<model::Connected>(next.event) ||
        std::holds_alternative<model::Sealed>(next.event)) {
      last_block_at = clock.now();
      if (untold_since) untold_since = clock.instant();
    }
    sink.submit(std::move(next.event), next.received);
  }
  bool const blocked = !outbox.empty() || !sink.room();
  if (blocked && !blocked_since) blocked_since = clock.instant();
  if (!blocked && blocked_since) {
    blocked_for += clock.instant() - *blocked_since;
    blocked_since.reset();
  }
}

void Link::Impl::update_hold() {
  // With hysteresis, so that a full queue does not make every message a start and a stop.
  auto const limit = options.undecoded_bytes_max;
  bool const hold = blocked_since || undecoded > (held ? limit / 2 : limit);
  if (hold == held) return;
  held = hold;
  for (auto const& peer : peers) hold ? peer->hold() : peer->release();
}

void Link::Impl::handle(Arrival arrival) {
  auto const node = arrival.node;
  auto received = clock.instant();
  if (std::holds_alternative<Connected>(arrival.what)) {
    follower.on_connected(node, follower_now());
  } else if (auto* lost = std::get_if<Lost>(&arrival.what)) {
    log(LogLevel::warn, "node " + peers[node]->name() + ": " + peers[node]->trouble());
    one_offs.on_lost(node);
    follower.on_lost(node, std::move(lost->why), follower_now());
  } else if (auto* decoded = std::get_if<Decoded>(&arrival.what)) {
    received = decoded->received;
    handle_decoded(node, std::move(*decoded));
  }
  run_commands(received);
}

void Link::Impl::handle_decoded(NodeId node, Decoded decoded) {
  if (!decoded.message) {
    auto const& reason = decoded.message.error().reason;
    metrics.add(Counter::frames_refused, reason.empty() ? "other" : reason);
    return;  // the peer is dropping the connection
  }
  auto message = std::move(*decoded.message);
  if (message.id && OneOffRequests::owns(*message.id))
    return one_offs.on_answer(node, std::move(message));
  if (auto const id = message.id) {
    if (auto answer = to_answer(std::move(message), decoded.wire_bytes))
      follower.on_answer(node, *id, std::move(*answer), follower_now());
  } else if (auto notice = to_notice(std::move(message), decoded.wire_bytes)) {
    follower.on_notice(node, std::move(*notice), follower_now());
  }
}

void Link::Impl::run_commands(Instant received) {
  for (auto& command : follower.take()) run(command, received);
}

void Link::Impl::run(chain::Command& command, Instant received) {
  if (auto* send = std::get_if<chain::Send>(&command)) {
    peers[send->node]->send(to_request(send->ask), send->id);
  } else if (auto* reconnect = std::get_if<chain::Reconnect>(&command)) {
    peers[reconnect->node]->drop(std::move(reconnect->why));
  } else if (auto* emit = std::get_if<chain::Emit>(&command)) {
    outbox.push_back({std::move(emit->event), received});
  } else if (auto* count = std::get_if<chain::Count>(&command)) {
    bool const refused = count->what == chain::Count::What::block_refused;
    metrics.add(refused ? Counter::blocks_refused : Counter::reconcile, count->reason);
  } else if (auto* line = std::get_if<chain::Log>(&command)) {
    log(line->level, std::move(line->text));
  }
}

// ---- for others ----

void Link::Impl::request(wire::Request what, std::chrono::milliseconds within, Reply done) {
  auto const node = follower.following();
  if (stopping || !node || !peers[*node]->is_up())
    return done(fail(Fault::transient, "no node is connected", "no_node"));
  if (one_offs.size() >= options.requests_max) {
    metrics.add(Counter::limits_reached, "node_requests");
    return done(fail(Fault::transient, "too many requests wait for the node", "no_node"));
  }
  auto const id = one_offs.add(*node, clock.instant() + within, std::move(done));
  peers[*node]->send(what, id);
}

std::vector<model::NodeStatus> Link::Impl::node_statuses(Time wall) const {
  auto statuses = follower.nodes(wall);
  for (NodeId id = 0; id < statuses.size() && id < peers.size(); ++id) {
    auto& status = statuses[id];
    auto const& trouble = peers[id]->trouble();
    if (!peers[id]->is_up()) status.state = model::NodeState::connecting;
    if (!trouble.empty() && (!peers[id]->is_up() || status.text.empty())) status.text = trouble;
  }
  return statuses;
}

void Link::Impl::tell_of_connection() {
  auto const node = follower.following();
  auto const since = node ? peers[*node]->up_since() : std::nullopt;
  auto const now = since ? std::optional(std::pair(*node, *since)) : std::nullopt;
  if (now != connected_to) {
    connected_to = now;
    untold_since = now ? std::optional(clock.instant()) : std::nullopt;
  }
  if (!untold_since) return;
  bool const is_level = follower.is_level() && outbox.empty();
  if (!is_level && clock.instant() - *untold_since < options.level_within) return;
  untold_since.reset();
  sink.connected();
}

void Link::Impl::publish() {
  auto const wall = clock.now();
  auto statuses = node_statuses(wall);
  for (auto const& status : statuses) {
    bool const up =
        status.state != model::NodeState::connecting && status.state != model::NodeState::checking;
    metrics.set(LabelledGauge::node_up, status.name, up ? 1 : 0);
  }
  auto const epochs_left = follower.epochs_left();
  metrics.set(Gauge::catchup_epochs_left, static_cast<double>(epochs_left));
  auto const following = follower.following();
  auto const reachable = following ? peers[*following]->up_since() : std::nullopt;
  auto const full = follower.full_epoch_since();
  auto const now = follower_now();
  board.update([&](model::Live& live) {
    live.nodes = std::move(statuses);
    live.bad_block = follower.bad_block();
    live.epochs_left = epochs_left;
    live.last_block_at = last_block_at;
    live.node_reachable_since = reachable;
    live.full_epoch_since = full ? std::optional<Time>(wall - (now - *full)) : std::nullopt;
  });
}

// ---- the outside: everything is posted to the net thread ----

Link::Link(asio::io_context& net, LinkOptions options, chain::Stored stored, EventSink& sink,
           model::StatusBoard& board, Metrics& metrics, Clock const& clock, LogFn log)
    : impl_(std::make_shared<Impl>(net, std::move(options), std::move(stored), sink, board, metrics,
                                   clock, std::move(log))) {}

Link::~Link() { stop(); }

void Link::start() {
  if (std::exchange(started_, true)) return;
  asio::post(impl_->net, [impl = impl_] { impl->start(); });
}

void Link::stop() {
  if (!started_) return;
  started_ = false;
  std::promise<void> stopped;
  auto const done = stopped.get_future();
  asio::post(impl_->net, [impl = impl_, stopped = std::move(stopped)]() mutable {
    impl->stopped.emplace(std::move(stopped));
    impl->stop();
  });
  // Bounded also when nobody runs the net thread any more.
  done.wait_for(impl_->options.stop_within + std::chrono::seconds(1));
  impl_->decode.stop();
}

void Link::resume() {
  asio::post(impl_->net, [weak = std::weak_ptr(impl_)] {
    if (auto const impl = weak.lock()) impl->pump();
  });
}

void Link::violation_cleared() {
  asio::post(impl_->net, [weak = std::weak_ptr(impl_)] {
    auto const impl = weak.lock();
    if (!impl || impl->stopping) return;
    impl->follower.on_violation_cleared(impl->follower_now());
    impl->run_commands(impl->clock.instant());
    impl->pump();
  });
}

void Link::request(wire::Request request, std::chrono::milliseconds within, Reply done) {
  asio::post(impl_->net, [impl = impl_, request = std::move(request), within,
                          done = std::move(done)]() mutable {
    impl->request(std::move(request), within, std::move(done));
  });
}

}  // namespace hotside::node
