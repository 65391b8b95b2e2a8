#include "explorer/api/doorbell.hpp"

#include <algorithm>

namespace hotside::api {
namespace {

constexpr std::uint64_t kNear = 100;  // events

}  // namespace

void Doorbell::ring(EventSeq head) {
  head_ = std::max(head_, head);
  for (auto* const wait : waiting_) wait->cancel();
}

Reads Doorbell::reads_after(EventSeq seen) const {
  bool const is_near = head_ > EventSeq() && seen.value + kNear >= head_.value;
  return is_near ? Reads::little : Reads::much;
}

boost::asio::awaitable<void> Doorbell::wait(EventSeq seen, Steady::time_point deadline,
                                            std::shared_ptr<Exchange> exchange) {
  // Rung, or left, between the reading and now.
  if (head_ > seen || exchange->is_abandoned) co_return;
  Waits::Wait wait(waits_);
  waiting_.insert(&wait);
  exchange->on_abandoned = [&wait] { wait.cancel(); };
  co_await wait.until(deadline);
  exchange->on_abandoned = nullptr;
  waiting_.erase(&wait);
}

}  // namespace hotside::api
