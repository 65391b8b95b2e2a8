#include "store/transactions.hpp"

#include "proto/base/json_writer.hpp"
#include "proto/model/render.hpp"
#include "store/database.hpp"

namespace hotside::store {

Result<void> put_transaction(WriteTxn& txn, std::string_view hrp,
                             model::RelayedTransaction const& tx,
                             std::optional<model::EventType> event, Time now) {
  HS_DO(txn.transactions().put(tx));
  if (!event) return {};
  JsonWriter json;
  model::begin_event(json, txn.head().next(), txn.feed(), *event, now, false);
  json.key("transaction");
  model::write_transaction(json, tx, hrp);
  json.end_object();
  return txn.append_event({*event, now, std::nullopt, json.take()});
}

}  // namespace hotside::store
