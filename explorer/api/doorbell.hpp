#pragma once
// Wakes who waits for events. What was said while nobody listened is kept as a number; a ring that
// is lost costs no more than the wait.

#include <set>

#include "explorer/api/asking.hpp"
#include "explorer/api/http_server.hpp"
#include "proto/base/units.hpp"

namespace hotside::api {

class Doorbell {
 public:
  explicit Doorbell(Waits& waits) : waits_(waits) {}
  void ring(EventSeq head);
  // What it takes to read on from there: who keeps up does not wait for who begins at the start.
  Reads reads_after(EventSeq seen) const;
  // Until there is more than `seen`, the client of `exchange` hangs up, or the time is over.
  boost::asio::awaitable<void> wait(EventSeq seen, Steady::time_point deadline,
                                    std::shared_ptr<Exchange> exchange);

 private:
  Waits& waits_;
  EventSeq head_;
  std::set<Waits::Wait*> waiting_;
};

// One of a bounded number of places; gives it back.
class Place {
 public:
  explicit Place(std::size_t& taken) : taken_(taken) { ++taken_; }
  ~Place() { --taken_; }
  Place(Place const&) = delete;
  Place& operator=(Place const&) = delete;

 private:
  std::size_t& taken_;
};

}  // namespace hotside::api
