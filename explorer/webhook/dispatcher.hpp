#pragma once
// Delivers the feed to webhook endpoints: one thread that reads the store from each endpoint's
// cursor, keeps at most one event of each under way (and one redelivery beside it), and hands what
// became of them to the writer in batches. What is under way or not yet written when the process
// ends is sent again.

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "explorer/webhook/client.hpp"
#include "explorer/webhook/endpoint.hpp"
#include "proto/base/metrics.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "store/database.hpp"
#include "store/store.hpp"

namespace hotside::webhook {

struct DispatcherOptions {
  std::chrono::milliseconds within{10'000};  // for an answer
  RetryTimes retry;
  std::chrono::milliseconds save_every{100};     // at most so often a transaction
  std::chrono::milliseconds store_retry{1'000};  // after the store failed
  std::size_t page = 32, scan = 1'000;           // events read at once, numbers looked at
  std::size_t unsaved_max = 64;                  // attempts of an endpoint that are not written yet
};

struct DispatcherPorts {
  std::function<Result<std::unique_ptr<store::Reader>>()> open_reader;
  store::WriteDesk& desk;  // must live until stop() has returned
  Metrics& metrics;
  Clock const& clock;
  std::string user_agent;
};

class Dispatcher {
 public:
  static Result<std::unique_ptr<Dispatcher>> start(DispatcherPorts ports,
                                                   DispatcherOptions options = {});
  ~Dispatcher();  // as stop()

  void wake();  // something was committed; from any thread
  void stop();  // breaks off what is under way, writes what is done, joins; may be called twice

 private:
  struct Lane {  // one endpoint and what is under way for it
    Endpoint endpoint;
    std::deque<store::Redelivery> again;
    bool is_sending = false, is_resending = false;
  };
  struct UnderWay {
    std::string id;
    EventSeq seq;
    Time at;
    std::optional<std::int64_t> redelivery;  // its n
  };
  enum class BatchState : std::uint8_t { waiting, written, failed, again };
  struct Batch {  // handed to the writer
    std::vector<store::WebhookProgress> progress;
    BatchState state = BatchState::waiting;  // guarded by mutex_
  };

  Dispatcher(DispatcherPorts ports, DispatcherOptions options,
             std::unique_ptr<store::Reader> reader, std::unique_ptr<Client> client);

  void loop();
  void look();
  Result<void> read_store();
  Result<void> reload(store::Snapshot& snapshot);
  void forget(std::string const& id);
  Result<void> read_events(store::Snapshot& snapshot);
  Result<void> read_redeliveries(store::Snapshot& snapshot);
  bool may_send(Lane const& lane) const;
  void start_due();
  void send(Lane& lane, EventSeq seq, std::string const& body, std::optional<std::int64_t> n);
  void settle(Client::Ticket ticket, Reply reply);
  void save();
  void hand_over();
  // Whether the writer has answered: then a batch that is written is gone, and one that could not
  // be waits to be handed over again.
  bool is_answered();
  void save_the_rest();
  void show();
  std::chrono::milliseconds idle();
  bool is_hungry() const;

  DispatcherPorts ports_;
  DispatcherOptions options_;
  std::unique_ptr<store::Reader> reader_;
  std::unique_ptr<Client> client_;

  // Of the thread.
  std::string feed_;
  std::optional<std::uint64_t> revision_;
  EventSeq head_;                  // as far as events are counted
  std::int64_t redelivery_n_ = 0;  // looked at up to here
  std::map<std::string, Lane> lanes_;
  std::map<Client::Ticket, UnderWay> under_way_;
  std::shared_ptr<Batch> batch_;
  Instant look_at_{}, save_at_{}, show_at_{};
  bool is_store_read_ = true;  // the last attempt was good

  std::atomic<bool> rung_{true}, stopping_{false};
  std::mutex mutex_;
  std::thread thread_;
};

}  // namespace hotside::webhook
