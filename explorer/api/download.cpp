#include "explorer/api/download.hpp"

#include <utility>

namespace hotside::api {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kQueuePause{50};
}

DownloadBody::DownloadBody(Asker& asker, Download download, std::chrono::milliseconds limit)
    : asker_(asker), download_(std::make_shared<Download>(std::move(download))), limit_(limit) {}

asio::awaitable<Asked<std::string>> DownloadBody::first() {
  Work<std::string> work = [download = download_](ReaderPool::Connection& connection,
                                                  Done<std::string> const& done) {
    with_snapshot<std::string>(connection, done,
                               [&](store::Snapshot& snapshot) { return download->next(snapshot); });
  };
  auto piece = co_await asker_.ask<std::string>(std::move(work), limit_);
  co_return piece;
}

asio::awaitable<Result<std::string>> DownloadBody::next() {
  auto const deadline = Steady::now() + limit_;
  while (true) {
    auto piece = co_await first();
    if (piece) co_return std::move(*piece);
    bool const may_wait = piece.error().problem == Problem::overloaded &&
                          Steady::now() + kQueuePause < deadline && !asker_.waits().is_stopping();
    if (!may_wait) co_return fail(Fault::transient, piece.error().detail);
    Waits::Wait pause(asker_.waits());
    co_await pause.until(Steady::now() + kQueuePause);
  }
}

}  // namespace hotside::api
