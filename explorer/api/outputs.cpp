#include <memory>
#include <unordered_map>

#include "explorer/api/bundle_body.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "proto/model/address.hpp"

namespace hotside::api {
namespace {

struct Asking {
  std::vector<Hash> ids;  // as asked, in order
  std::unordered_map<Hash, Bytes> stored;
};

Answer found_outputs(Asking const& asking, model::Fetched const& fetched) {
  JsonWriter json;
  json.begin_object();
  json.key("outputs").begin_array();
  for (auto const& id : asking.ids) {
    auto const stored = asking.stored.find(id);
    bool const is_stored = stored != asking.stored.end();
    json.begin_object();
    json.key("utxo").string(id.hex());
    json.key("blob").string(to_hex(is_stored ? stored->second : fetched.blobs.at(id)));
    json.key("source").string(is_stored ? "store" : "node");
    json.end_object();
  }
  json.end_array().end_object();
  return json_response(json.take());
}

Answer missing_outputs(std::vector<Hash> const& missing) {
  JsonWriter json;
  json.begin_array();
  for (auto const& id : missing) json.string(id.hex());
  json.end_array();
  return refuse(Problem::outputs_missing,
                std::to_string(missing.size()) + " of these outputs are not known",
                "\"missing\":" + json.take());
}

void write_utxo(JsonWriter& json, store::UtxoRow const& row, Bytes const& blob,
                std::string_view hrp) {
  auto const& coin = row.coin;
  json.begin_object();
  json.key("utxo").string(coin.id.utxo.hex());
  json.key("deposit").string(coin.id.text());
  json.key("address").string(model::to_address(hrp, coin.recipient));
  json.key("reference").optional_string(row.reference);
  json.key("amount").integer(coin.amount.value);
  json.key("amount_stg").string(to_stg(coin.amount.value));
  json.key("blob").string(to_hex(blob));
  json.end_object();
}

model::PublicPayment payment_of(model::Coin const& coin) {
  model::PublicPayment payment;
  payment.id = coin.id.utxo;
  payment.recipient = coin.recipient;
  payment.serno = coin.serno;
  payment.amount = coin.amount;
  return payment;
}

}  // namespace

void post_outputs(Context const& context, Call const& call, store::Snapshot& snapshot,
                  std::function<void(Answer)> done) {
  auto ids = read_utxos(call.body);
  if (!ids) return done(refuse(Problem::invalid_body, std::move(ids.error().what)));
  auto const asking = std::make_shared<Asking>();
  asking->ids = std::move(*ids);
  auto const payments = snapshot.public_outputs(asking->ids);
  if (!payments) return done(tl::unexpected<Refusal>(payments.error()));
  for (auto const& payment : *payments) {
    auto blob = context.ports.outputs->blob(payment);
    if (!blob) return done(tl::unexpected<Refusal>(blob.error()));
    asking->stored.emplace(payment.id, std::move(*blob));
  }
  std::vector<Hash> unknown;
  for (auto const& id : asking->ids)
    if (!asking->stored.contains(id)) unknown.push_back(id);
  if (unknown.empty()) return done(found_outputs(*asking, {}));
  context.ports.outputs->fetch(
      std::move(unknown), [asking, done = std::move(done)](Result<model::Fetched> fetched) {
        if (!fetched)
          done(refuse(Problem::node_unavailable, std::move(fetched.error().what)));
        else if (!fetched->missing.empty())
          done(missing_outputs(fetched->missing));
        else
          done(found_outputs(*asking, *fetched));
      });
}

Answer get_utxos(Context const& context, Call const& call, store::Snapshot& snapshot) {
  store::UtxoFilter filter;
  HS_ASK(address, address_parameter(context, call, "address"));
  HS_ASK(reference, text_parameter(call, "reference"));
  HS_ASK(min_amount, i64_parameter(call, "min_amount", 0));
  HS_ASK(limit, limit_parameter(call));
  filter.address = address;
  filter.reference = reference;
  if (min_amount) filter.min_amount = Amount(*min_amount);
  std::optional<store::UtxoKey> after;
  if (auto const text = given(call, "after")) {
    after = utxo_cursor(*text);
    if (!after) return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  }
  HS_ASK(rows, snapshot.bundles().utxos(filter, after, limit + 1, context.ports.clock.now()));
  HS_ASK(position, snapshot.position());
  auto const next = cut_page(rows, limit, [](auto const& row) {
    return cursor_of(store::UtxoKey{row.coin.amount, row.row});
  });
  JsonWriter json;
  json.begin_object();
  json.key("utxos").begin_array();
  for (auto const& row : rows) {
    HS_ASK(blob, context.ports.outputs->blob(payment_of(row.coin)));
    write_utxo(json, row, blob, context.options.hrp);
  }
  json.end_array();
  write_next(json, next);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

}  // namespace hotside::api
