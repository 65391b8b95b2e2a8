#include "chainclient/node/peer.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fstream>
#include <utility>

namespace hotside::node {
namespace {

// Requests are small; a node that takes none of this much has stopped reading for good.
constexpr std::size_t kUnsentBytesMax = 8U << 20U;
// Pongs are a few bytes each, twice on some nodes: not a sign of a message on its way.
constexpr std::uint64_t kPartialBytesMin = 64;
// What a message takes beside its text while it waits, so that very many small ones count.
constexpr std::size_t kMessageBytes = 512;

Result<wire::Token> read_token(std::string const& path) {
  std::ifstream file(path);
  std::string text(512, '\0');
  if (!file) return fail(Fault::transient, "cannot read the token file " + path, "token");
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  auto token = wire::Token::parse(text);
  if (!token)
    return fail(Fault::transient, "token file " + path + ": " + token.error().what, "token");
  return token;
}

}  // namespace

struct Peer::Channel {
  wire::FrameCipher cipher;
  std::string hrp;
  wire::Generation generation = wire::Generation::unknown;

  Result<wire::NodeMessage> decode(std::string text) {
    HS_TRY(frame, cipher.open(std::move(text)));
    wire::ParseOptions const options{.hrp = hrp, .generation = generation};
    auto message = wire::parse_message(std::move(frame), options);
    if (!message) return message;
    // The node's kind shows in its status, which comes before the first block of a connection.
    if (auto const* status = std::get_if<wire::StatusReply>(&message->body))
      if (status->generation != wire::Generation::unknown) generation = status->generation;
    return message;
  }
};

Peer::Peer(boost::asio::io_context& net, DecodeThread& decode, Clock const& clock,
           PeerOptions options, PeerEvents events)
    : net_(net),
      decode_(decode),
      clock_(clock),
      options_(std::move(options)),
      events_(std::move(events)),
      backoff_(options_.retry_first, options_.retry_ceiling) {}

bool Peer::on_tick() {
  auto const now = clock_.instant();
  if (phase_ == Phase::waiting && !stopped_ && !held_ && now >= retry_at_) connect();
  if (phase_ != Phase::open) return false;
  return check_liveness(now);
}

bool Peer::check_liveness(Instant now) {
  auto const bytes = session_->bytes_received();
  if (bytes != bytes_heard_ || held_) {
    bytes_heard_ = bytes;
    heard_at_ = now;
    pinged_ = false;
  }
  if (now - heard_at_ >= options_.silent_within) {
    drop("no byte for " +
         std::to_string(std::chrono::ceil<std::chrono::seconds>(now - heard_at_).count()) +
         " s, not even a Pong");
    return false;
  }
  if (now - heard_at_ >= options_.ping_after && !pinged_) {
    pinged_ = true;
    session_->ping();
  }
  if (session_->bytes_to_send() > kUnsentBytesMax) {
    drop("does not read what is sent to it");
    return false;
  }
  auto const seen = std::max(bytes_whole_, bytes_partial_);
  bool const arriving = bytes >= seen + kPartialBytesMin;
  if (arriving) bytes_partial_ = bytes;
  return arriving || undecoded_ > 0 || held_;
}

void Peer::connect() {
  phase_ = Phase::reading_token;
  ++attempt_;
  auto done = [weak = weak_from_this()](Result<wire::Token> token) {
    if (auto const peer = weak.lock()) peer->on_token(std::move(token));
  };
  decode_.post([&net = net_, path = options_.token_file, done = std::move(done)] {
    auto token = read_token(path);
    boost::asio::post(net, [done, token = std::move(token)] { done(token); });
  });
}

void Peer::on_token(Result<wire::Token> token) {
  if (stopped_) {
    phase_ = Phase::waiting;
    return;
  }
  if (!token) return retry_later(token.error().what);
  phase_ = Phase::connecting;
  seal_.emplace(*token);
  channel_ = std::make_shared<Channel>(Channel{wire::FrameCipher(*token), options_.hrp});
  generation_ = wire::Generation::unknown;
  greeted_ = dropped_ = pinged_ = false;
  bytes_heard_ = bytes_whole_ = bytes_partial_ = 0;
  undecoded_ = 0;
  SessionEvents events;
  events.opened = [this] { on_opened(); };
  events.message = [this](std::string text) { on_text(std::move(text)); };
  events.refused = [this](std::string_view reason) { events_.refused(reason); };
  events.closed = [this](std::string why) { on_closed(std::move(why)); };
  SessionOptions const options{.endpoint = options_.endpoint,
                               .max_message_bytes = options_.max_message_bytes,
                               .handshake_within = options_.handshake_within,
                               .close_within = options_.close_within};
  session_ = std::make_unique<Session>(net_, options, std::move(events));
}

void Peer::on_opened() {
  phase_ = Phase::open;
  opened_at_ = heard_at_ = clock_.instant();
  up_since_ = clock_.now();
  if (held_) session_->hold();
  events_.connected();
}

void Peer::on_text(std::string text) {
  bytes_whole_ = session_->bytes_received();
  auto const bytes = text.size() + kMessageBytes;
  auto const received = clock_.instant();
  undecoded_ += bytes;
  decode_.post([&net = net_, weak = weak_from_this(), channel = channel_, attempt = attempt_,
                text = std::move(text), bytes, received]() mutable {
    Decoded decoded{channel->decode(std::move(text)), bytes, received};
    auto const generation = channel->generation;
    boost::asio::post(net, [weak, attempt, generation, decoded = std::move(decoded)]() mutable {
      if (auto const peer = weak.lock()) peer->on_decoded(attempt, std::move(decoded), generation);
    });
  });
  events_.undecoded(bytes);
}

void Peer::on_decoded(std::uint64_t attempt, Decoded decoded, wire::Generation generation) {
  if (attempt == attempt_) {
    undecoded_ -= decoded.wire_bytes;
    if (decoded.message) {
      generation_ = generation;
      greeted_ = true;
      trouble_.clear();
    } else {
      // Without an authentication tag a wrong key shows as garbage, and as nothing else.
      drop(greeted_ ? "sent a frame that is no message: " + decoded.message.error().what
                    : "its frames do not decode: wrong token or not a Stegos API endpoint (" +
                          decoded.message.error().what + ")");
    }
  }
  events_.decoded(std::move(decoded));
}

void Peer::on_closed(std::string why) {
  bool const was_open = phase_ == Phase::open;
  up_since_.reset();
  if (!was_open || stopped_) {
    session_.reset();
    if (stopped_)
      phase_ = Phase::waiting;
    else
      retry_later(std::move(why));
    return;
  }
  phase_ = Phase::closed;
  // Behind the frames that came before it, through the decode thread.
  auto done = [weak = weak_from_this(), why = std::move(why)] {
    auto const peer = weak.lock();
    if (!peer) return;
    peer->session_.reset();
    bool const refused = !peer->greeted_ && !peer->dropped_;
    peer->retry_later(refused ? "wrong token or not a Stegos API endpoint: " + why +
                                    " before it had answered anything"
                              : why);
    peer->events_.lost(why);
  };
  decode_.post([&net = net_, done = std::move(done)] { boost::asio::post(net, done); });
}

void Peer::retry_later(std::string why) {
  auto const now = clock_.instant();
  bool const lasted = phase_ == Phase::closed && now - opened_at_ >= options_.healthy_after;
  bool const was_good = phase_ == Phase::closed && greeted_ && !dropped_;
  if (lasted || was_good) backoff_.reset();
  bool const news = phase_ != Phase::closed && trouble_ != why;
  trouble_ = std::move(why);
  phase_ = Phase::waiting;
  retry_at_ = now + backoff_.next();
  if (news) events_.unreachable(trouble_);
}

void Peer::send(wire::Request const& request, std::uint64_t id) {
  if (phase_ != Phase::open) return;
  auto const dialect =
      generation_ == wire::Generation::v1_3 ? wire::Dialect::v1_3 : wire::Dialect::classic;
  session_->send(seal_->seal(wire::to_json(request, id, dialect)));
}

void Peer::drop(std::string why) {
  if (phase_ != Phase::open || dropped_) return;
  dropped_ = true;
  session_->close(std::move(why));
}

void Peer::hold() {
  held_ = true;
  if (session_) session_->hold();
}

void Peer::release() {
  held_ = false;
  if (session_) session_->release();
}

void Peer::stop() {
  stopped_ = true;
  if (phase_ == Phase::closed) session_.reset();
  if (phase_ == Phase::closed || phase_ == Phase::reading_token) phase_ = Phase::waiting;
  if (session_) session_->close("stopped");
}

}  // namespace hotside::node
