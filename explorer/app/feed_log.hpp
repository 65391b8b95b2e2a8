#pragma once
// Writes what was committed to the log, one line an event. It reads the feed like any consumer,
// from its own cursor, so the log never tells what the store does not hold.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "store/store.hpp"

namespace hotside::app {

std::string log_line(std::string_view event_json);  // "deposit committed id=… amount=… …"

class FeedLog {
 public:
  // Begins behind the last event there is.
  static Result<std::unique_ptr<FeedLog>> start(std::string const& store_url);
  ~FeedLog();  // after the last events were written, as far as they can be read

  void wake(EventSeq head);  // from any thread

 private:
  FeedLog(std::unique_ptr<store::Reader> reader, EventSeq head);
  void loop();
  Result<void> write_up_to(EventSeq head);

  std::unique_ptr<store::Reader> reader_;
  EventSeq told_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  EventSeq head_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace hotside::app
