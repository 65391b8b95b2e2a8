#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "proto/model/render.hpp"

#include <limits>

namespace hotside::api {
namespace {

constexpr auto kU64Max = std::numeric_limits<std::uint64_t>::max();

Asked<store::DepositFilter> read_filter(Context const& context, Call const& call) {
  store::DepositFilter filter;
  HS_ASK(utxo, hash_parameter(call, "utxo"));
  HS_ASK(address, address_parameter(context, call, "address"));
  HS_ASK(reference, text_parameter(call, "reference"));
  HS_ASK(epoch_from, u64_parameter(call, "epoch_from", 0, kU64Max));
  HS_ASK(epoch_to, u64_parameter(call, "epoch_to", 0, kU64Max));
  HS_ASK(min_amount, i64_parameter(call, "min_amount", 0));
  filter.utxo = utxo;
  filter.address = address;
  filter.reference = reference;
  if (epoch_from) filter.epoch_from = Epoch(*epoch_from);
  if (epoch_to) filter.epoch_to = Epoch(*epoch_to);
  if (min_amount) filter.min_amount = Amount(*min_amount);
  if (auto const text = given(call, "state")) {
    filter.state = model::deposit_state(*text);
    if (!filter.state)
      return refuse(Problem::invalid_parameter, "state: one of prepared, committed, reverted");
  }
  if (auto const text = given(call, "spend")) {
    filter.spend = model::spend_state(*text);
    if (!filter.spend)
      return refuse(Problem::invalid_parameter, "spend: one of unspent, spend_prepared, spent");
  }
  return filter;
}

}  // namespace

Answer get_deposits(Context const& context, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(filter, read_filter(context, call));
  HS_ASK(limit, limit_parameter(call));
  std::optional<store::DepositKey> after;
  if (auto const text = given(call, "after")) {
    after = deposit_cursor(*text);
    if (!after) return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  }
  HS_ASK(rows, snapshot.deposits(filter, after, limit + 1));
  HS_ASK(position, snapshot.position());
  std::optional<std::string> next;
  if (rows.size() > limit) {
    rows.resize(limit);
    auto const& last = rows.back().deposit;
    next = cursor_of(store::DepositKey{last.id.epoch, last.offset, last.id.utxo});
  }
  JsonWriter json;
  json.begin_object();
  json.key("deposits").begin_array();
  for (auto const& row : rows)
    model::write_deposit(json, row.deposit, row.reference, context.options.hrp);
  json.end_array();
  write_next(json, next);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

Answer get_deposit(Context const& context, Call const& call, store::Snapshot& snapshot) {
  auto const id = model::DepositId::parse(call.path_parameter);
  if (!id) return refuse(Problem::invalid_parameter, "id: <utxo>:<epoch>, as a list gives it");
  HS_ASK(row, snapshot.deposit(*id));
  if (!row) return refuse(Problem::not_found, "no deposit of this UTXO id in this epoch");
  JsonWriter json;
  model::write_deposit(json, row->deposit, row->reference, context.options.hrp);
  return json_response(json.take());
}

}  // namespace hotside::api
