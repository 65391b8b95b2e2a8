#include <optional>

#include "explorer/api/body.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/hold.hpp"
#include "explorer/api/parameters.hpp"
#include "explorer/api/perform.hpp"
#include "explorer/api/readiness.hpp"
#include "proto/model/render.hpp"

namespace hotside::api {
namespace {

void write_violations(JsonWriter& json, std::vector<store::Violation> const& violations) {
  json.begin_array();
  for (auto const& v : violations)
    model::write_violation(json, v.id, v.at,
                           model::Violated{v.kind, v.epoch, v.stored, v.shown, v.node});
  json.end_array();
}

template <class T>
void write_optional(JsonWriter& json, std::optional<T> const& value) {
  if (value)
    json.unsigned_integer(*value);
  else
    json.null();
}

void write_nodes(JsonWriter& json, std::vector<model::NodeStatus> const& nodes) {
  json.begin_array();
  for (auto const& node : nodes) {
    json.begin_object();
    json.key("name").string(node.name);
    json.key("generation");
    if (node.generation.empty())
      json.null();
    else
      json.string(node.generation);
    json.key("state").string(to_string(node.state));
    json.key("epoch");
    write_optional(json, node.epoch);
    json.key("offset");
    write_optional(json, node.offset);
    json.key("lag_seconds");
    if (node.lag_seconds)
      json.number(*node.lag_seconds);
    else
      json.null();
    json.key("following").boolean(node.following);
    json.end_object();
  }
  json.end_array();
}

void write_tip(JsonWriter& json, std::optional<model::Position> const& position) {
  if (!position) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("epoch").unsigned_integer(position->epoch.value);
  json.key("offset");
  if (position->offset)
    json.unsigned_integer(position->offset->value);
  else
    json.null();
  json.key("block_hash").string(position->block_hash.hex());
  json.key("block_time").string(to_rfc3339(position->block_time));
  json.end_object();
}

}  // namespace

Answer get_status(Context const& context, Call const&, store::Snapshot& snapshot) {
  auto const& options = context.options;
  HS_ASK(feed, snapshot.feed());
  HS_ASK(position, snapshot.position());
  HS_ASK(counts, snapshot.counts());
  HS_ASK(violations, snapshot.violations());
  HS_ASK(hold, snapshot.hold().hold());
  auto const live = context.ports.board.read();
  auto const reasons = readiness(live, StoreFacts{std::nullopt, position, violations},
                                 context.ports.clock.now(), options.health);
  JsonWriter json;
  json.begin_object();
  json.key("version").string(options.version);
  json.key("network").string(options.network);
  json.key("genesis").string(options.genesis.hex());
  json.key("feed").string(feed.feed);
  json.key("head").unsigned_integer(feed.head.value);
  json.key("complete_through");
  write_complete_through(json, position);
  json.key("nodes");
  write_nodes(json, live.nodes);
  json.key("tip");
  write_tip(json, position);
  json.key("counts").begin_object();
  json.key("addresses").unsigned_integer(counts.addresses);
  json.key("deposits").unsigned_integer(counts.deposits);
  json.key("public_outputs").unsigned_integer(counts.public_outputs);
  json.end_object();
  json.key("violations");
  write_violations(json, violations);
  json.key("hold");
  write_hold(json, hold);
  json.key("ready").boolean(reasons.empty());
  json.key("reasons");
  write_reasons(json, reasons);
  json.end_object();
  return json_response(json.take());
}

Answer get_violations(Context const&, Call const&, store::Snapshot& snapshot) {
  HS_ASK(violations, snapshot.violations());
  JsonWriter json;
  json.begin_object();
  json.key("violations");
  write_violations(json, violations);
  json.end_object();
  return json_response(json.take());
}

void delete_violations(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto reason = read_reason(call.body);
  if (!reason) return done(refuse(Problem::invalid_body, std::move(reason.error().what)));
  auto const cleared = [done = std::move(done)](Result<void> result) {
    if (result)
      done(no_content());
    else
      done(tl::unexpected<Refusal>(result.error()));
  };
  auto entry = audit_entry(call, "violation.clear", *reason);
  context.ports.violations.clear(std::move(*reason), std::move(entry), cleared);
}

Answer get_readyz(Context const& context, Call const&, store::Snapshot* snapshot,
                  std::string const& fault) {
  StoreFacts facts;
  if (snapshot == nullptr) {
    facts.fault = fault;
  } else {
    auto position = snapshot->position();
    auto violations = snapshot->violations();
    if (!position)
      facts.fault = position.error().what;
    else if (!violations)
      facts.fault = violations.error().what;
    else
      facts = StoreFacts{std::nullopt, std::move(*position), std::move(*violations)};
  }
  auto const reasons = readiness(context.ports.board.read(), facts, context.ports.clock.now(),
                                 context.options.health);
  JsonWriter json;
  json.begin_object();
  json.key("ready").boolean(reasons.empty());
  json.key("reasons");
  write_reasons(json, reasons);
  json.end_object();
  return json_response(json.take(), reasons.empty() ? 200 : 503);
}

}  // namespace hotside::api
