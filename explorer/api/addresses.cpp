#include "explorer/api/body.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "explorer/api/perform.hpp"
#include "proto/model/address.hpp"

namespace hotside::api {
namespace {

void write_total(JsonWriter& json, store::Total const& total) {
  json.begin_object();
  json.key("count").unsigned_integer(total.count);
  json.key("amount").sum(total.amount);
  json.key("amount_stg").string(to_stg(total.amount));
  json.end_object();
}

void write_address(JsonWriter& json, store::AddressRow const& row, std::string_view hrp) {
  auto const& address = row.address;
  json.begin_object();
  json.key("address").string(model::to_address(hrp, address.key));
  json.key("reference").optional_string(address.reference);
  json.key("label").optional_string(address.label);
  json.key("retired").boolean(address.retired);
  json.key("created_at").string(to_rfc3339(address.created_at));
  json.key("prepared");
  write_total(json, row.prepared);
  json.key("committed");
  write_total(json, row.committed);
  json.key("unspent");
  write_total(json, row.unspent);
  json.end_object();
}

Asked<PublicKey> path_address(Context const& context, Call const& call) {
  auto key = model::parse_address(context.options.hrp, call.path_parameter);
  if (!key) return refuse(Problem::invalid_parameter, "address: " + key.error().what);
  return *key;
}

Answer registered(model::Registered const& counts, std::vector<AddressItems::Bad> const& errors) {
  JsonWriter json;
  json.begin_object();
  json.key("created").unsigned_integer(counts.created);
  json.key("existing").unsigned_integer(counts.existing);
  json.key("errors").begin_array();
  for (auto const& bad : errors) {
    json.begin_object();
    json.key("index").unsigned_integer(bad.index);
    json.key("error").string(bad.error);
    json.end_object();
  }
  json.end_array().end_object();
  return json_response(json.take());
}

}  // namespace

Answer get_addresses(Context const& context, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(limit, limit_parameter(call));
  store::AddressFilter filter;
  HS_ASK(reference, text_parameter(call, "reference"));
  filter.reference = reference;
  std::optional<PublicKey> after;
  if (auto const text = given(call, "after")) {
    after = address_cursor(*text);
    if (!after) return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  }
  HS_ASK(rows, snapshot.addresses(filter, after, limit + 1));
  HS_ASK(position, snapshot.position());
  std::optional<std::string> next;
  if (rows.size() > limit) {
    rows.resize(limit);
    next = cursor_of(rows.back().address.key);
  }
  JsonWriter json;
  json.begin_object();
  json.key("addresses").begin_array();
  for (auto const& row : rows) write_address(json, row, context.options.hrp);
  json.end_array();
  write_next(json, next);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

Answer get_address(Context const& context, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(key, path_address(context, call));
  HS_ASK(row, snapshot.address(key));
  if (!row) return refuse(Problem::not_found, "this address was never registered");
  JsonWriter json;
  write_address(json, *row, context.options.hrp);
  return json_response(json.take());
}

void post_addresses(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto items = read_addresses(call.body, context.options.hrp);
  if (!items) return done(refuse(Problem::invalid_body, std::move(items.error().what)));
  if (items->addresses.empty()) return done(registered({}, items->errors));
  auto const written = [done = std::move(done),
                        errors = std::move(items->errors)](Result<model::Registered> result) {
    if (result)
      done(registered(*result, errors));
    else
      done(tl::unexpected<Refusal>(result.error()));
  };
  auto entry =
      audit_entry(call, "address.register", std::to_string(items->addresses.size()) + " addresses");
  context.ports.addresses.register_addresses(std::move(items->addresses), std::move(entry),
                                             written);
}

void delete_address(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto const key = path_address(context, call);
  if (!key) return done(tl::unexpected<Refusal>(key.error()));
  auto const written = [done = std::move(done)](Result<bool> result) {
    if (!result)
      done(tl::unexpected<Refusal>(result.error()));
    else if (!*result)
      done(refuse(Problem::not_found, "this address was never registered"));
    else
      done(no_content());
  };
  auto entry = audit_entry(call, "address.retire", model::to_address(context.options.hrp, *key));
  context.ports.addresses.retire_address(*key, std::move(entry), written);
}

}  // namespace hotside::api
