#include "explorer/api/asking.hpp"

namespace hotside::api {

namespace asio = boost::asio;

void Waits::stop() {
  is_stopping_ = true;
  for (auto* const wait : waiting_) wait->cancel();
}

Waits::Wait::Wait(Waits& all) : all_(all), timer_(all.net_) { all_.waiting_.insert(this); }

Waits::Wait::~Wait() { all_.waiting_.erase(this); }

asio::awaitable<void> Waits::Wait::until(Steady::time_point deadline) {
  if (all_.is_stopping_) co_return;
  timer_.expires_at(deadline);
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace hotside::api
