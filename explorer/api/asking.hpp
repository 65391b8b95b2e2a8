#pragma once
// Coroutines of the network thread wait here for reader threads, which read the store or hand work
// to the writer. No wait is without end, and stop() ends them all.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "explorer/api/handler.hpp"
#include "store/reader_pool.hpp"

namespace hotside::api {

using Steady = std::chrono::steady_clock;
using store::ReaderPool;
using Reads = ReaderPool::Reads;

class Waits {
 public:
  explicit Waits(boost::asio::io_context& net) : net_(net) {}
  void stop();  // also what is to wait later ends at once
  bool is_stopping() const { return is_stopping_; }

  // One wait, ended by its time, cancel() or stop().
  class Wait {
   public:
    explicit Wait(Waits& all);
    ~Wait();
    Wait(Wait const&) = delete;
    Wait& operator=(Wait const&) = delete;
    boost::asio::awaitable<void> until(Steady::time_point deadline);
    void cancel() { timer_.cancel(); }

   private:
    Waits& all_;
    boost::asio::steady_timer timer_;
  };

 private:
  boost::asio::io_context& net_;
  std::set<Wait*> waiting_;
  bool is_stopping_ = false;
};

template <class T>
using Done = std::function<void(Asked<T>)>;
// Runs on a reader thread and calls its Done once, from any thread; late, or never, does no harm.
template <class T>
using Work = std::function<void(ReaderPool::Connection&, Done<T>)>;

class Asker {
 public:
  Asker(boost::asio::io_context& net, Waits& waits, ReaderPool& pool)
      : net_(net), waits_(waits), pool_(pool) {}

  Waits& waits() { return waits_; }

  // Refused as `overloaded` when too many wait for a reader, as `not_finished` after `limit`.
  template <class T>
  boost::asio::awaitable<Asked<T>> ask(Work<T> work, std::chrono::milliseconds limit,
                                       Reads reads = Reads::much) {
    auto pending = std::make_shared<Pending<T>>();
    Done<T> done = [&io = net_, pending](Asked<T> answer) {
      auto arrive = [pending, answer = std::move(answer)]() mutable {
        pending->answer.emplace(std::move(answer));
        if (pending->wait != nullptr) pending->wait->cancel();
      };
      boost::asio::post(io, std::move(arrive));
    };
    auto job = [work = std::move(work), done = std::move(done)](
                   ReaderPool::Connection& connection) { work(connection, done); };
    if (!pool_.submit(std::move(job), reads))
      co_return refuse(Problem::overloaded, "too many requests are waiting for the store");
    Waits::Wait wait(waits_);
    pending->wait = &wait;
    co_await wait.until(Steady::now() + limit);
    pending->wait = nullptr;
    if (pending->answer) co_return std::move(*pending->answer);
    co_return refuse(Problem::not_finished,
                     waits_.is_stopping()
                         ? "the service is stopping"
                         : "no answer within " + std::to_string(limit.count()) + " ms");
  }

 private:
  template <class T>
  struct Pending {
    std::optional<Asked<T>> answer;
    Waits::Wait* wait = nullptr;  // null: nobody waits any more
  };

  boost::asio::io_context& net_;
  Waits& waits_;
  ReaderPool& pool_;
};

// The snapshot that most work begins with, or the refusal.
template <class T, class Use>
void with_snapshot(ReaderPool::Connection& connection, Done<T> const& done, Use&& use) {
  auto snapshot = connection.snapshot();
  if (!snapshot) return done(tl::unexpected<Refusal>(snapshot.error()));
  done(use(**snapshot));
}

}  // namespace hotside::api
