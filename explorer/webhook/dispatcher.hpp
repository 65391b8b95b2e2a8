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
#include "explorer/webhook/lanes.hpp"
#include "proto/base/metrics.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "store/database.hpp"
#include "store/store.hpp"

namespace hotside::webhook {

struct DispatcherOptions {
  std::chrono::milliseconds within{10'000};  // for an answer
  LaneOptions lanes;
  std::chrono::milliseconds save_every{100};     // at most so often a transaction
  std::chrono::milliseconds store_retry{1'000};  // after the store failed
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

  // Where the host of `url` leads: to an address that is not public, or (empty) to none that is
  // known to be. Nothing is connected to. Calls `done` once, from any thread, within the time for
  // an answer; at once, with nothing, when too many ask or it has stopped. From any thread.
  using Found = std::function<void(std::optional<std::string> not_public)>;
  void locate(std::string url, Found done);
  void stop();  // breaks off what is under way, writes what is done, joins; may be called twice

 private:
  struct Search {
    std::string url;
    Found done;
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
  void forget(std::string const& id);
  void start_searches();
  void drop_searches();
  void start_due();
  void send(Sending sending);
  void settle(Client::Ticket ticket, Reply reply);
  void save();
  void hand_over();
  // Whether the writer has answered: then a batch that is written is gone, and one that could not
  // be waits to be handed over again.
  bool is_answered();
  void save_the_rest();
  void show();
  std::chrono::milliseconds idle();

  DispatcherPorts ports_;
  DispatcherOptions options_;
  std::unique_ptr<store::Reader> reader_;
  std::unique_ptr<Client> client_;

  // Of the thread.
  Lanes lanes_;
  std::map<Client::Ticket, Sending> under_way_;
  std::map<Client::Ticket, Found> searching_;
  std::shared_ptr<Batch> batch_;
  Instant look_at_{}, save_at_{}, show_at_{};
  bool is_store_read_ = true;  // the last attempt was good

  std::atomic<bool> rung_{true}, stopping_{false};
  std::mutex mutex_;
  std::vector<Search> searches_;  // guarded by mutex_, and so is the setting of stopping_
  std::thread thread_;
};

}  // namespace hotside::webhook
