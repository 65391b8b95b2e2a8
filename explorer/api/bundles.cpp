#include <sodium.h>

#include <array>
#include <variant>

#include "explorer/api/bundle_body.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "explorer/api/perform.hpp"

namespace hotside::api {
namespace {

constexpr char kBundleCursor = 'b';

// Hard to guess and hard to mistake for another.
std::string new_bundle_id() {
  std::array<std::uint8_t, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return to_hex(bytes);
}

std::string render(store::BundleRow const& row) {
  JsonWriter json;
  json.begin_object();
  json.key("id").string(row.id);
  json.key("state").string(model::to_string(row.state));
  return json.take() + "," + row.document + "}";
}

tl::unexpected<Refusal> insufficient(store::Shortage const& shortage) {
  auto const& available = shortage.available;
  JsonWriter json;
  json.begin_object();
  json.key("count").unsigned_integer(available.count);
  json.key("amount").sum(available.amount);
  json.key("amount_stg").string(to_stg(available.amount));
  json.end_object();
  bool const is_enough = available.amount >= shortage.wanted;
  return refuse(
      Problem::insufficient_funds,
      to_stg(shortage.wanted) + " STG are wanted, fees included; " + to_stg(available.amount) +
          " STG can be spent" +
          (is_enough ? ", but not in this way with 100 inputs of one key for each request" : ""),
      "\"available\":" + json.take());
}

Refusal refusal_of(Error const& error) {
  if (error.reason == "fee_too_low") return {Problem::fee_too_low, error.what};
  if (error.reason == "fee_too_high") return {Problem::fee_too_high, error.what};
  if (error.reason == "unknown_source") return {Problem::unknown_source, error.what};
  if (error.reason == "reserved") return {Problem::inputs_reserved, error.what};
  return error;
}

Answer make(Context const& context, store::BundleOrder const& order, store::WriteTxn& txn) {
  auto made = context.ports.bundles->make(txn, order, context.ports.clock.now());
  if (!made) return tl::unexpected<Refusal>(refusal_of(made.error()));
  if (auto const* const shortage = std::get_if<store::Shortage>(&*made))
    return insufficient(*shortage);
  auto response = json_response(render(std::get<store::BundleRow>(*made)), 201);
  response.headers.emplace_back("Location", "/v1/bundles/" + order.id);
  return response;
}

Answer release(std::string const& id, Time now, store::WriteTxn& txn) {
  HS_ASK(row, txn.bundles().bundle(id, now));
  if (!row) return refuse(Problem::not_found, "there is no such bundle");
  if (row->state == model::BundleState::relayed)
    return refuse(Problem::bundle_relayed, "a transaction of this bundle was relayed");
  HS_ASK(released, txn.bundles().release(id).map([] { return true; }));
  static_cast<void>(released);
  return no_content();
}

}  // namespace

Answer get_bundles(Context const& context, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(limit, limit_parameter(call));
  std::optional<std::int64_t> before;
  if (auto const text = given(call, "after")) {
    before = row_cursor(kBundleCursor, *text);
    if (!before) return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  }
  HS_ASK(rows, snapshot.bundles().bundles(before, limit + 1, context.ports.clock.now()));
  HS_ASK(position, snapshot.position());
  auto const next =
      cut_page(rows, limit, [](auto const& row) { return cursor_of(kBundleCursor, row.row); });
  JsonWriter json;
  json.begin_object();
  json.key("bundles").begin_array();
  for (auto const& row : rows) json.raw(render(row));
  json.end_array();
  write_next(json, next);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

Answer get_bundle(Context const& context, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(row, snapshot.bundles().bundle(call.path_parameter, context.ports.clock.now()));
  if (!row) return refuse(Problem::not_found, "there is no such bundle");
  return json_response(render(*row));
}

void post_bundles(Context const& context, Call const& call, std::function<void(Answer)> done) {
  if (!call.idempotency_key)
    return done(refuse(Problem::idempotency_key_missing,
                       "this request reserves outputs: send an Idempotency-Key header"));
  auto order = read_bundle_order(call.body, context.options.hrp);
  if (!order) return done(tl::unexpected<Refusal>(std::move(order.error())));
  order->id = new_bundle_id();
  Write write{"bundle.create", order->id,
              [&context, order = std::move(*order)](store::WriteTxn& txn) {
                return make(context, order, txn);
              }};
  perform(context, call, std::move(write), std::move(done));
}

void delete_bundle(Context const& context, Call const& call, std::function<void(Answer)> done) {
  Write write{"bundle.release", call.path_parameter,
              [&clock = context.ports.clock, id = call.path_parameter](store::WriteTxn& txn) {
                return release(id, clock.now(), txn);
              }};
  perform(context, call, std::move(write), std::move(done));
}

}  // namespace hotside::api
