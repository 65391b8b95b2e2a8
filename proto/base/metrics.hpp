#pragma once
// The counters of product.md section 4, as one object that is handed in at construction.
// Thread-safe.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hotside {

enum class Gauge : std::uint8_t {
  chain_epoch,
  chain_offset,
  chain_final_epoch,
  chain_lag_seconds,
  ready,
  violation,
  events_head,
  hold,
  events_withheld,
  store_wal_bytes,
  store_memory_bytes,
  writer_inbox,
  catchup_epochs_left,
  process_resident_bytes,
  process_heap_bytes,
  process_open_fds
};
enum class LabelledGauge : std::uint8_t {
  node_up,                            // label: node
  deposits,                           // label: state
  webhook_backlog,                    // label: endpoint
  webhook_oldest_undelivered_seconds  // label: endpoint
};
enum class Counter : std::uint8_t {
  blocks,          // label: kind (micro, macro)
  blocks_refused,  // label: reason
  frames_refused,  // label: reason
  reconcile,       // label: reason
  limits_reached   // label: limit, as in docs/limits.md
};
enum class Timing : std::uint8_t { commit, block_to_event };

class Metrics {
 public:
  explicit Metrics(std::string_view version);
  ~Metrics();
  Metrics(Metrics const&) = delete;
  Metrics& operator=(Metrics const&) = delete;

  void set(Gauge gauge, double value);
  void set(LabelledGauge gauge, std::string_view label, double value);
  void forget(LabelledGauge gauge, std::string_view label);  // what it was of is no more
  void add(Counter counter, std::string_view label, double by = 1);
  void observe(Timing timing, double seconds);
  void http_request(std::string_view route, int code, double seconds);

  std::string text() const;  // Prometheus text exposition format 0.0.4

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace hotside
