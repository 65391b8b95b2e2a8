#include <limits>

#include "explorer/api/body.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "explorer/api/perform.hpp"
#include "proto/model/address.hpp"

namespace hotside::api {
namespace {

constexpr auto kAnyHistory = std::numeric_limits<std::size_t>::max() - 1;

void write_total(JsonWriter& json, store::Total const& total) {
  json.begin_object();
  json.key("count").unsigned_integer(total.count);
  json.key("amount").sum(total.amount);
  json.key("amount_stg").string(to_stg(total.amount));
  json.end_object();
}

void write_totals(JsonWriter& json, store::Totals const& totals) {
  json.key("prepared");
  write_total(json, totals.prepared);
  json.key("committed");
  write_total(json, totals.committed);
  json.key("unspent");
  write_total(json, totals.unspent);
}

void write_address(JsonWriter& json, store::AddressRow const& row, std::string_view hrp) {
  auto const& address = row.address;
  json.begin_object();
  json.key("address").string(model::to_address(hrp, address.key));
  json.key("reference").optional_string(address.reference);
  json.key("label").optional_string(address.label);
  json.key("retired").boolean(address.retired);
  json.key("created_at").string(to_rfc3339(address.created_at));
  write_totals(json, row.totals);
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

struct AddressPage {
  std::vector<store::AddressRow> rows;
  std::optional<std::string> next;
};

Asked<AddressPage> address_page(Call const& call, store::AddressFilter const& filter,
                                std::size_t limit, store::Snapshot& snapshot) {
  std::optional<PublicKey> after;
  if (auto const text = given(call, "after")) {
    after = address_cursor(*text);
    if (!after) return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  }
  HS_ASK(rows, snapshot.addresses(filter, after, limit + 1));
  auto next = cut_page(rows, limit, [](auto const& row) { return cursor_of(row.address.key); });
  return AddressPage{std::move(rows), std::move(next)};
}

void write_page(JsonWriter& json, AddressPage const& page, std::string_view hrp) {
  json.key("addresses").begin_array();
  for (auto const& row : page.rows) write_address(json, row, hrp);
  json.end_array();
  write_next(json, page.next);
}

}  // namespace

Answer get_addresses(Context const& context, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(limit, limit_parameter(call));
  HS_ASK(reference, text_parameter(call, "reference"));
  HS_ASK(page, address_page(call, {reference}, limit, snapshot));
  HS_ASK(position, snapshot.position());
  JsonWriter json;
  json.begin_object();
  write_page(json, page, context.options.hrp);
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

// The sums are over all addresses of the reference, whichever of them this page shows.
Answer get_reference(Context const& context, Call const& call, store::Snapshot& snapshot) {
  auto const& reference = call.path_parameter;
  if (auto const checked = check_text("reference", reference); !checked)
    return refuse(Problem::invalid_parameter, checked.error().what);
  HS_ASK(given_limit, u64_parameter(call, "limit", 1, kLimitMax));
  HS_ASK(totals, snapshot.books().totals_of(reference));
  if (!totals) return refuse(Problem::not_found, "no address has this reference");
  auto const limit = static_cast<std::size_t>(given_limit.value_or(kLimitMax));
  HS_ASK(page, address_page(call, {reference}, limit, snapshot));
  JsonWriter json;
  json.begin_object();
  json.key("reference").string(reference);
  write_page(json, page, context.options.hrp);
  write_totals(json, *totals);
  json.end_object();
  return json_response(json.take());
}

// One transaction, history and all; what is too much for one is for the import.
void post_addresses(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto items = read_addresses(call.body, context.options.hrp);
  if (!items) return done(refuse(Problem::invalid_body, std::move(items.error().what)));
  auto const target = std::to_string(items->addresses.size()) + " addresses";
  auto work = [&context, items = std::move(*items)](store::WriteTxn& txn) -> Answer {
    HS_ASK(made, context.ports.addresses.add(txn, items.addresses, kAnyHistory));
    return registered(made.count, items.errors);
  };
  perform(context, call, {"address.register", target, std::move(work)}, std::move(done));
}

void patch_address(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto const key = path_address(context, call);
  if (!key) return done(tl::unexpected<Refusal>(key.error()));
  auto change = read_address_change(call.body);
  if (!change) return done(refuse(Problem::invalid_body, std::move(change.error().what)));
  auto const& hrp = context.options.hrp;
  auto work = [&hrp, key = *key, change = std::move(*change)](store::WriteTxn& txn) -> Answer {
    HS_ASK(row, txn.addresses().change(key, change));
    if (!row) return refuse(Problem::not_found, "this address was never registered");
    JsonWriter json;
    write_address(json, *row, hrp);
    return json_response(json.take());
  };
  perform(context, call, {"address.change", model::to_address(hrp, *key), std::move(work)},
          std::move(done));
}

void delete_address(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto const key = path_address(context, call);
  if (!key) return done(tl::unexpected<Refusal>(key.error()));
  auto work = [&context, key = *key](store::WriteTxn& txn) -> Answer {
    HS_ASK(known, context.ports.addresses.retire(txn, key));
    if (!known) return refuse(Problem::not_found, "this address was never registered");
    return no_content();
  };
  perform(context, call,
          {"address.retire", model::to_address(context.options.hrp, *key), std::move(work)},
          std::move(done));
}

}  // namespace hotside::api
