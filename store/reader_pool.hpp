#pragma once
// Threads that read the store, each with its own connection, behind two bounded queues: what reads
// little never waits for what reads much, however many ask for it.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proto/base/result.hpp"
#include "store/store.hpp"

namespace hotside::store {

class ReaderPool {
 public:
  using Open = std::function<Result<std::unique_ptr<Reader>>()>;
  // What a job is given: its thread's connection, opened when first needed.
  class Connection {
   public:
    explicit Connection(Open const& open) : open_(open) {}
    Result<std::unique_ptr<Snapshot>> snapshot();

   private:
    Open const& open_;
    std::unique_ptr<Reader> reader_;
  };
  using Job = std::function<void(Connection&)>;

  enum class Reads { little, much };  // a row or a few; pages and files

  // `queue_max` of each queue. The first of several threads takes only what reads little.
  ReaderPool(Open open, std::size_t queue_max, std::size_t threads = 3);
  ~ReaderPool() { stop(); }
  ReaderPool(ReaderPool const&) = delete;
  ReaderPool& operator=(ReaderPool const&) = delete;

  // false: the queue is full, or stop() was called.
  bool submit(Job job, Reads reads = Reads::much);
  void stop();  // jobs under way end, jobs still queued are dropped; may be called twice

 private:
  void work(bool takes_much);

  Open open_;
  std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> little_, much_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they use everything above
};

}  // namespace hotside::store
