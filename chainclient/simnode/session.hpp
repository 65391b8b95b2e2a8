#pragma once
// One connection as its node generation would treat it (stegos-protocol.md 1.5, 3.2 to 3.6):
//   v1.2.2  answers newest first, drops bad requests; a reader that is promoted to a live
//           subscriber, told of every take-back; notices lost when its queue is full
//   dev     answers in order, generic errors; readers that are never promoted, one per subscribe
//   v1.3    as dev, but a subscription is one burst and then silence

#include <deque>
#include <string>
#include <vector>

#include "chainclient/simnode/node.hpp"
#include "chainclient/simnode/requests.hpp"

namespace hotside::simnode {

// The socket below: text frames out, and how much of them is still unsent.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual void send(std::string text) = 0;
  virtual std::size_t buffered() const = 0;
  virtual void close_tcp() = 0;  // may be called more than once
};

class Session final : public Listener {
 public:
  Session(Node& node, Outlet& outlet);
  ~Session() override;
  Session(Session const&) = delete;
  Session& operator=(Session const&) = delete;

  // A text frame as it came. Requests wait until `drain`, so that several that arrived together
  // are answered in the generation's order.
  void on_frame(std::string text);
  void drain();

  void on_change(Change const& change, Status const& after) override;
  void on_turn() override;
  void pump() override;
  void send_raw(std::string text) override;
  void drop() override;

 private:
  struct Notice {
    Change change;
    std::uint32_t copies = 1;
  };
  struct Stream {
    std::uint64_t epoch = 0;
    std::uint32_t offset = 0;
    bool is_live = false;
    bool is_over = false;  // v1.3, after its burst
    std::deque<Notice> queue;
  };

  bool is(Generation generation) const { return node_.style().is(generation); }
  void serve_pending();
  void serve(Request const& request);
  void reply(std::string json);
  void refuse(std::uint64_t id, std::string const& text);
  void push(Stream& stream, Change const& change);
  void read_on(Stream& stream);
  bool read_one(Stream& stream);
  void send_notice(Notice const& notice);

  void answer(std::uint64_t id, ask::Version const& call);
  void answer(std::uint64_t id, ask::ChainName const& call);
  void answer(std::uint64_t id, ask::Status const& call);
  void answer(std::uint64_t id, ask::Subscribe const& call);
  void answer(std::uint64_t id, ask::Macro const& call);
  void answer(std::uint64_t id, ask::Micro const& call);
  void answer(std::uint64_t id, ask::Outputs const& call);
  void answer(std::uint64_t id, ask::PublicPayments const& call);
  void answer(std::uint64_t id, ask::Broadcast const& call);
  void answer(std::uint64_t id, ask::CreateRaw const& call);
  void answer(std::uint64_t id, ask::Pop const& call);
  void answer(std::uint64_t id, ask::Certificate const& call);
  void answer(std::uint64_t id, ask::Bad const& call);
  void answer(std::uint64_t id, ask::Broken const& call);
  void answer(std::uint64_t id, ask::Fatal const& call);

  Node& node_;
  Outlet& outlet_;
  std::deque<Request> pending_;
  std::deque<std::string> stalled_;
  std::vector<Stream> streams_;
  bool wants_status_ = false;
  std::deque<Status> statuses_;
  bool is_dropped_ = false;
};

}  // namespace hotside::simnode
