#include <chrono>

#include "explorer/api/handlers.hpp"
#include "explorer/api/process.hpp"
#include "explorer/api/readiness.hpp"

namespace hotside::api {
namespace {

// What follows from a snapshot is set when it is asked for; what is only seen as it happens
// (blocks, commits) is counted by those who see it.
void refresh(Context const& context, StoreFacts& facts, store::Snapshot& snapshot) {
  auto& metrics = context.ports.metrics;
  auto position = snapshot.position();
  auto violations = snapshot.violations();
  auto counts = snapshot.counts();
  auto feed = snapshot.feed();
  auto hold = snapshot.hold().hold();
  auto withheld = snapshot.hold().withheld();
  if (!position || !violations || !counts || !feed || !hold || !withheld) {
    facts.fault = "a snapshot cannot be read";
    return;
  }
  if (*position) {
    auto const& at = **position;
    metrics.set(Gauge::chain_epoch, static_cast<double>(at.epoch.value));
    metrics.set(Gauge::chain_offset, at.offset ? static_cast<double>(at.offset->value) + 1 : 0);
    metrics.set(Gauge::chain_final_epoch, static_cast<double>(at.final_epoch.value));
    metrics.set(Gauge::chain_lag_seconds, lag_seconds(at, context.ports.clock.now()));
  }
  metrics.set(Gauge::violation, static_cast<double>(violations->size()));
  metrics.set(Gauge::events_head, static_cast<double>(feed->head.value));
  metrics.set(LabelledGauge::deposits, "prepared", static_cast<double>(counts->prepared));
  metrics.set(LabelledGauge::deposits, "committed", static_cast<double>(counts->committed));
  metrics.set(LabelledGauge::deposits, "reverted", static_cast<double>(counts->reverted));
  metrics.set(Gauge::hold, *hold ? 1 : 0);
  metrics.set(Gauge::events_withheld, static_cast<double>(*withheld));
  facts.position = *position;
  facts.violations = std::move(*violations);
}

void show_memory(Metrics& metrics) {
  auto const use = process_use();
  metrics.set(Gauge::process_resident_bytes, static_cast<double>(use.resident_bytes));
  metrics.set(Gauge::process_heap_bytes, static_cast<double>(use.heap_bytes));
  metrics.set(Gauge::process_open_fds, static_cast<double>(use.open_fds));
  metrics.set(Gauge::store_memory_bytes, static_cast<double>(store::memory_bytes()));
}

bool is_up(model::NodeState state) {
  switch (state) {
    case model::NodeState::connecting:
    case model::NodeState::checking:
    case model::NodeState::wrong_network:
    case model::NodeState::contradicting:
      return false;
    case model::NodeState::unsynchronised:
    case model::NodeState::behind:
    case model::NodeState::catching_up:
    case model::NodeState::following:
    case model::NodeState::standby:
      return true;
  }
  return false;
}

}  // namespace

Answer get_metrics(Context const& context, Call const&, store::Snapshot* snapshot,
                   std::string const& fault) {
  auto& metrics = context.ports.metrics;
  auto const live = context.ports.board.read();
  StoreFacts facts;
  if (snapshot == nullptr)
    facts.fault = fault;
  else
    refresh(context, facts, *snapshot);
  for (auto const& node : live.nodes)
    metrics.set(LabelledGauge::node_up, node.name, is_up(node.state) ? 1 : 0);
  metrics.set(Gauge::catchup_epochs_left, static_cast<double>(live.epochs_left));
  auto const reasons = readiness(live, facts, context.ports.clock.now(), context.options.health);
  metrics.set(Gauge::ready, reasons.empty() ? 1 : 0);
  show_memory(metrics);
  return Response{200, "text/plain; version=0.0.4; charset=utf-8", metrics.text(), {}};
}

}  // namespace hotside::api
