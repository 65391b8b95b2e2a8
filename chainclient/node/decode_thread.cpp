#include "chainclient/node/decode_thread.hpp"

#include <utility>

namespace hotside::node {

void DecodeThread::start() {
  std::lock_guard const lock(mutex_);
  if (running_) return;
  running_ = true;
  thread_ = std::thread([this] { run(); });
}

void DecodeThread::post(std::function<void()> job) {
  {
    std::lock_guard const lock(mutex_);
    if (!running_) return;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void DecodeThread::stop() {
  std::deque<std::function<void()>> dropped;
  {
    std::lock_guard const lock(mutex_);
    running_ = false;
    dropped.swap(jobs_);
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void DecodeThread::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !running_ || !jobs_.empty(); });
    if (!running_) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it held may be large: freed outside the lock
    lock.lock();
  }
}

}  // namespace hotside::node
