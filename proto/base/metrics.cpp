#include "proto/base/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>

namespace hotside {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Family;

struct Described {
  char const* name;
  char const* help;
  char const* label;  // nullptr for none
};

constexpr std::array<Described, 16> kGauges{{
    {"hotside_chain_epoch", "Epoch of the last block taken in", nullptr},
    {"hotside_chain_offset", "Micro blocks of the current epoch taken in", nullptr},
    {"hotside_chain_final_epoch", "Last final epoch", nullptr},
    {"hotside_chain_lag_seconds", "Age of the last block taken in", nullptr},
    {"hotside_ready", "1 when /readyz answers 200", nullptr},
    {"hotside_violation", "Open finality violations", nullptr},
    {"hotside_events_head", "Last sequence number of the feed", nullptr},
    {"hotside_hold", "1 while an operator's hold is set", nullptr},
    {"hotside_events_withheld", "Events kept back by a hold, still without a number", nullptr},
    {"hotside_store_wal_bytes", "Size of the write-ahead log", nullptr},
    {"hotside_store_memory_bytes", "Memory of the store: page caches, for the most part", nullptr},
    {"hotside_writer_inbox", "Chain events waiting for the writer", nullptr},
    {"hotside_catchup_epochs_left", "Closed epochs still to be taken in", nullptr},
    {"process_resident_memory_bytes", "Resident memory size in bytes", nullptr},
    {"process_heap_bytes", "Heap memory in use, with that of the store", nullptr},
    {"process_open_fds", "Number of open file descriptors", nullptr},
}};
constexpr std::array<Described, 4> kLabelledGauges{{
    {"hotside_node_up", "1 when the node answers and is of our chain", "node"},
    {"hotside_deposits", "Deposits by state", "state"},
    {"hotside_webhook_backlog", "Events not yet delivered", "endpoint"},
    {"hotside_webhook_oldest_undelivered_seconds", "Age of the oldest event not yet delivered",
     "endpoint"},
}};
constexpr std::array<Described, 5> kCounters{{
    {"hotside_blocks_total", "Blocks taken in", "kind"},
    {"hotside_blocks_refused_total", "Blocks that did not verify or link", "reason"},
    {"hotside_frames_refused_total", "Frames and messages that could not be read", "reason"},
    {"hotside_reconcile_total", "Times the chain was pulled because notices did not suffice",
     "reason"},
    {"hotside_limits_reached_total", "Times that a bound refused or ended something", "limit"},
}};
constexpr std::array<Described, 2> kTimings{{
    {"hotside_commit_seconds", "Duration of store commits", nullptr},
    {"hotside_block_to_event_seconds", "From receiving a block to its committed events", nullptr},
}};
prometheus::Histogram::BucketBoundaries const kBuckets{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};

// Children that exist from the start: a rate over a series that appears with its first event misses
// that event, and an alert on a series that is not there never fires.
struct Born {
  std::size_t family;
  char const* label;
};
constexpr std::array<Born, 11> kBornCounters{{
    {static_cast<std::size_t>(Counter::blocks), "micro"},
    {static_cast<std::size_t>(Counter::blocks), "macro"},
    {static_cast<std::size_t>(Counter::blocks_refused), "other"},
    {static_cast<std::size_t>(Counter::frames_refused), "other"},
    {static_cast<std::size_t>(Counter::reconcile), "other"},
    {static_cast<std::size_t>(Counter::limits_reached), "http_connections"},
    {static_cast<std::size_t>(Counter::limits_reached), "node_requests"},
    {static_cast<std::size_t>(Counter::limits_reached), "relay_calls"},
    {static_cast<std::size_t>(Counter::limits_reached), "relay_connections"},
    {static_cast<std::size_t>(Counter::limits_reached), "relay_unsent"},
    {static_cast<std::size_t>(Counter::limits_reached), "writes"},
}};
constexpr std::array<Born, 3> kBornGauges{{
    {static_cast<std::size_t>(LabelledGauge::deposits), "prepared"},
    {static_cast<std::size_t>(LabelledGauge::deposits), "reverted"},
    {static_cast<std::size_t>(LabelledGauge::deposits), "committed"},
}};

// The library leaves out families without children; their names are promised all the same.
void append_childless(std::string& text, Described const& family, char const* type) {
  std::string const name = family.name;
  if (text.find("# TYPE " + name + " ") != std::string::npos) return;
  text += "# HELP " + name + " " + family.help + "\n# TYPE " + name + " " + type + "\n";
}
constexpr Described kRequests{"hotside_http_requests_total", "HTTP requests answered", nullptr};

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  std::array<prometheus::Gauge*, kGauges.size()> gauges{};
  std::array<Family<prometheus::Gauge>*, kLabelledGauges.size()> labelled{};
  std::array<Family<prometheus::Counter>*, kCounters.size()> counters{};
  std::array<prometheus::Histogram*, kTimings.size()> timings{};
  Family<prometheus::Counter>* requests = nullptr;
  Family<prometheus::Histogram>* request_seconds = nullptr;
};

Metrics::Metrics(std::string_view version) : families_(std::make_unique<Families>()) {
  auto& f = *families_;
  BuildGauge()
      .Name("hotside_build_info")
      .Help("1, with the version")
      .Register(f.registry)
      .Add({{"version", std::string(version)}})
      .Set(1);
  for (std::size_t i = 0; i < kGauges.size(); ++i)
    f.gauges[i] =
        &BuildGauge().Name(kGauges[i].name).Help(kGauges[i].help).Register(f.registry).Add({});
  for (std::size_t i = 0; i < kLabelledGauges.size(); ++i)
    f.labelled[i] = &BuildGauge()
                         .Name(kLabelledGauges[i].name)
                         .Help(kLabelledGauges[i].help)
                         .Register(f.registry);
  for (std::size_t i = 0; i < kCounters.size(); ++i)
    f.counters[i] =
        &BuildCounter().Name(kCounters[i].name).Help(kCounters[i].help).Register(f.registry);
  for (std::size_t i = 0; i < kTimings.size(); ++i)
    f.timings[i] = &BuildHistogram()
                        .Name(kTimings[i].name)
                        .Help(kTimings[i].help)
                        .Register(f.registry)
                        .Add({}, kBuckets);
  f.requests = &BuildCounter().Name(kRequests.name).Help(kRequests.help).Register(f.registry);
  f.request_seconds = &BuildHistogram()
                           .Name("hotside_http_request_seconds")
                           .Help("Duration of HTTP requests")
                           .Register(f.registry);
  f.request_seconds->Add({}, kBuckets);
  for (auto const& [family, label] : kBornCounters)
    f.counters[family]->Add({{kCounters[family].label, label}});
  for (auto const& [family, label] : kBornGauges)
    f.labelled[family]->Add({{kLabelledGauges[family].label, label}});
}

Metrics::~Metrics() = default;

void Metrics::set(Gauge gauge, double value) {
  families_->gauges[static_cast<std::size_t>(gauge)]->Set(value);
}

void Metrics::set(LabelledGauge gauge, std::string_view label, double value) {
  auto const i = static_cast<std::size_t>(gauge);
  families_->labelled[i]->Add({{kLabelledGauges[i].label, std::string(label)}}).Set(value);
}

void Metrics::forget(LabelledGauge gauge, std::string_view label) {
  auto const i = static_cast<std::size_t>(gauge);
  auto* const family = families_->labelled[i];
  family->Remove(&family->Add({{kLabelledGauges[i].label, std::string(label)}}));
}

void Metrics::add(Counter counter, std::string_view label, double by) {
  auto const i = static_cast<std::size_t>(counter);
  families_->counters[i]->Add({{kCounters[i].label, std::string(label)}}).Increment(by);
}

void Metrics::observe(Timing timing, double seconds) {
  families_->timings[static_cast<std::size_t>(timing)]->Observe(seconds);
}

void Metrics::http_request(std::string_view route, int code, double seconds) {
  families_->requests->Add({{"route", std::string(route)}, {"code", std::to_string(code)}})
      .Increment();
  families_->request_seconds->Add({}, kBuckets).Observe(seconds);
}

std::string Metrics::text() const {
  auto text = prometheus::TextSerializer().Serialize(families_->registry.Collect());
  for (auto const& family : kLabelledGauges) append_childless(text, family, "gauge");
  append_childless(text, kRequests, "counter");
  return text;
}

}  // namespace hotside
