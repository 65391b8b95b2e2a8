#pragma once
// One thread that does, in the order they were posted, what would keep the net thread from the
// network: opening and parsing frames, reading a token file. Results travel back with asio::post,
// so they keep that order too. How much may wait is the poster's to bound (Link does, in bytes).

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace hotside::node {

class DecodeThread {
 public:
  DecodeThread() = default;
  ~DecodeThread() { stop(); }
  DecodeThread(DecodeThread const&) = delete;
  DecodeThread& operator=(DecodeThread const&) = delete;

  void start();
  void post(std::function<void()> job);  // dropped unless running
  // What waits is dropped; returns when the job under way is done.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace hotside::node
