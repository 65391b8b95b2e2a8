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
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
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

bool ReaderPool::submit(Job job) {
  {
    std::lock_guard const lock(mutex_);
    if (stopping_ || queue_.size() >= queue_max_) return false;
    queue_.push_back(std::move(job));
  }
  ready_.notify_one();
  return true;
}

void ReaderPool::work() {
  Connection connection(open_);
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job(connection);
  }
}

}  // namespace hotside::store
