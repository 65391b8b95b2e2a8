#include "chainclient/simnode/session.hpp"

#include <algorithm>

namespace hotside::simnode {
namespace {

// What a real node leaves in kernel buffers and in its writer, two to three epochs, made larger so
// that a test loses notices when it says so and not when it is slow.
constexpr std::size_t kBuffered = 8u << 20;
constexpr std::size_t kStatuses = 3;  // a queue of 2, and one in flight
constexpr std::size_t kPending = 1000;
constexpr std::uint32_t kMacroOffset = 0xffffffff;

}  // namespace

Session::Session(Node& node, Outlet& outlet) : node_(node), outlet_(outlet) { node_.attach(this); }
Session::~Session() { node_.detach(this); }

void Session::drop() {
  if (is_dropped_) return;
  is_dropped_ = true;
  pending_.clear();
  streams_.clear();
  wants_status_ = false;
  outlet_.close_tcp();
}

void Session::send_raw(std::string text) {
  if (!is_dropped_) outlet_.send(std::move(text));
}

void Session::reply(std::string json) { send_raw(node_.cipher().seal(json)); }

// ---- requests ----------------------------------------------------------------------------------

void Session::on_frame(std::string text) {
  if (is_dropped_) return;
  if (pending_.size() + stalled_.size() >= kPending) return drop();
  if (node_.is_stalled()) {
    stalled_.push_back(std::move(text));
    return;
  }
  while (text.size() % 4 != 0) text.push_back('=');  // the node takes frames without padding
  auto frame = node_.cipher().open(std::move(text));
  if (!frame) {
    if (frame.error().reason == "short") node_.count_fatal("a frame shorter than 16 bytes");
    return drop();
  }
  pending_.push_back(read_request(frame->json(), node_.style().generation, node_.style().hrp));
}

void Session::drain() {
  if (node_.is_stalled()) return;
  serve_pending();
  pump();
  // A reader of v1.2.2 that waited for room goes on. Not from pump(), which is also called in the
  // middle of a change, when the chain is ahead of what subscribers were told.
  while (is(Generation::v1_2_2) && !streams_.empty() && streams_[0].queue.empty()) {
    read_on(streams_[0]);
    if (streams_[0].queue.empty()) break;
    pump();
  }
}

void Session::serve_pending() {
  for (auto held = std::exchange(stalled_, {}); auto& text : held) on_frame(std::move(text));
  auto requests = std::exchange(pending_, {});
  if (is(Generation::v1_2_2)) {
    // Answered by the connection's own handler: first. The others go through the node: newest
    // first.
    std::stable_partition(requests.begin(), requests.end(), [](Request const& request) {
      return std::holds_alternative<ask::Version>(request.call) ||
             std::holds_alternative<ask::Broken>(request.call) ||
             std::holds_alternative<ask::Bad>(request.call) ||
             std::holds_alternative<ask::Fatal>(request.call);
    });
    auto const own = std::ranges::find_if(requests, [](Request const& request) {
      return !std::holds_alternative<ask::Version>(request.call);
    });
    std::reverse(own, requests.end());
  }
  for (auto const& request : requests)
    if (!is_dropped_) serve(request);
}

void Session::serve(Request const& request) {
  std::visit([&](auto const& call) { answer(request.id, call); }, request.call);
  bool const reaches_node = !std::holds_alternative<ask::Version>(request.call) &&
                            !std::holds_alternative<ask::ChainName>(request.call) &&
                            !std::holds_alternative<ask::Subscribe>(request.call);
  if (reaches_node) node_.turn();
  pump();
}

void Session::refuse(std::uint64_t id, std::string const& text) { reply(render_error(text, id)); }

void Session::answer(std::uint64_t id, ask::Bad const&) {
  if (is(Generation::v1_2_2)) return drop();
  reply(render_generic_error(id));
}
void Session::answer(std::uint64_t, ask::Broken const&) { drop(); }
void Session::answer(std::uint64_t, ask::Fatal const& call) {
  node_.count_fatal(call.why);
  drop();
}

// ---- notices -----------------------------------------------------------------------------------

void Session::push(Stream& stream, Change const& change) {
  auto const copies = node_.copies_of_next_notice();
  if (copies > 0) stream.queue.push_back({change, copies});
}

// The next stored block in key order (epoch, offset), a macro block being at the largest offset.
bool Session::read_one(Stream& stream) {
  auto const& view = node_.shown();
  Change change;
  if (stream.epoch < view.epoch()) {
    change = {Change::Kind::committed, nullptr, view.macros[stream.epoch]};
    stream.epoch += 1;
    stream.offset = 0;
  } else if (stream.epoch == view.epoch() && stream.offset < view.offset()) {
    change = {Change::Kind::prepared, view.micros[stream.offset], nullptr};
    stream.offset += 1;
    // As the node has it: behind the last micro block comes the next epoch, and the macro block
    // between the two is never read.
    if (stream.offset >= view.length) {
      stream.epoch += 1;
      stream.offset = 0;
    }
  } else {
    return false;
  }
  push(stream, change);
  return true;
}

void Session::read_on(Stream& stream) {
  if (stream.is_live || stream.is_over || node_.is_mute()) return;
  auto const capacity = node_.shown().length + 11;
  while (stream.queue.size() < capacity)
    if (!read_one(stream)) break;
  auto const& view = node_.shown();
  if (is(Generation::v1_2_2) && stream.epoch == view.epoch() && stream.offset == view.offset())
    stream.is_live = true;
}

void Session::on_turn() {
  if (is(Generation::v1_3)) return;
  for (auto& stream : streams_) read_on(stream);
}

void Session::on_change(Change const& change, Status const& after) {
  for (auto& stream : streams_) {
    if (!stream.is_live) continue;
    if (stream.queue.size() < node_.shown().length + 11) push(stream, change);
  }
  if (!wants_status_ || node_.is_mute()) return;
  if (statuses_.size() < kStatuses)
    statuses_.push_back(after);
  else if (!is(Generation::v1_2_2))
    wants_status_ = false;
}

void Session::send_notice(Notice const& notice) {
  auto const& style = node_.style();
  auto const& change = notice.change;
  std::string json;
  if (change.macro)
    json = render(style, style.name("macro", "committed"), *node_.seen(change.macro),
                  node_.damage_of(change.macro->hash));
  else
    json = render(
        style, style.name("micro", change.kind == Change::Kind::prepared ? "prepared" : "reverted"),
        *node_.seen(change.micro), node_.damage_of(change.micro->hash));
  for (std::uint32_t i = 0; i < notice.copies; ++i) reply(json);
}

void Session::pump() {
  if (node_.is_stalled() || is_dropped_) return;
  while (!statuses_.empty() && outlet_.buffered() < kBuffered) {
    reply(render(node_.style(), "status_changed", statuses_.front()));
    statuses_.pop_front();
  }
  for (bool more = true; more && outlet_.buffered() < kBuffered;) {
    more = false;
    for (auto& stream : streams_) {
      if (stream.queue.empty()) continue;
      send_notice(stream.queue.front());
      stream.queue.pop_front();
      more = true;
    }
  }
  std::erase_if(streams_, [](Stream const& s) { return s.is_over && s.queue.empty(); });
}

void Session::answer(std::uint64_t id, ask::Subscribe const& call) {
  auto const& view = node_.shown();
  if (call.epoch > view.epoch()) {
    if (is(Generation::v1_2_2))
      return refuse(id, "Invalid epoch requested: epoch=" + std::to_string(call.epoch));
    return reply(render_generic_error(id));
  }
  JsonWriter json;
  json.begin_object().key("type").string("subscribed_chain");
  json.key("current_epoch").unsigned_integer(view.epoch());
  json.key("current_offset").unsigned_integer(view.offset());
  end_message(json, id);
  reply(json.take());
  if (is(Generation::v1_2_2)) streams_.clear();
  if (streams_.size() >= 16) return drop();  // a real dev node leaks them without end
  Stream stream;
  stream.epoch = call.epoch;
  stream.offset = call.epoch < view.epoch() ? 0 : std::min(call.offset, kMacroOffset);
  if (!is(Generation::dev)) read_on(stream);  // dev sends its first page on the next event
  stream.is_over = is(Generation::v1_3);
  streams_.push_back(std::move(stream));
}

}  // namespace hotside::simnode
