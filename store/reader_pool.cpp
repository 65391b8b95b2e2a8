#include "store/reader_pool.hpp"

namespace hotside::store {

Result<std::unique_ptr<Snapshot>> ReaderPool::Connection::snapshot() {
  if (!reader_) {
    auto opened = open_();
    if (!opened) return fail(std::move(opened.error()));
    reader_ = std::move(*opened);
  }
  auto snapshot = reader_->snapshot();
  if (!snapshot) reader_.reset();  // the file may have been replaced: look again next time
  return snapshot;
}

ReaderPool::ReaderPool(Open open, std::size_t queue_max, std::size_t threads)
    : open_(std::move(open)), queue_max_(queue_max) {
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this, takes_much = i > 0 || threads == 1] { work(takes_much); });
}

void ReaderPool::stop() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

bool ReaderPool::submit(Job job, Reads reads) {
  {
    std::lock_guard const lock(mutex_);
    auto& queue = reads == Reads::little ? little_ : much_;
    if (stopping_ || queue.size() >= queue_max_) return false;
    queue.push_back(std::move(job));
  }
  ready_.notify_all();  // not one: it could be the thread that does not take this
  return true;
}

void ReaderPool::work(bool takes_much) {
  Connection connection(open_);
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      auto const next = [&] { return !little_.empty() || !takes_much ? &little_ : &much_; };
      ready_.wait(lock, [&] { return stopping_ || !next()->empty(); });
      if (stopping_) return;
      auto& queue = *next();
      job = std::move(queue.front());
      queue.pop_front();
    }
    job(connection);
  }
}

}  // namespace hotside::store
