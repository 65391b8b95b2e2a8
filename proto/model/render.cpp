#include "proto/model/render.hpp"

#include "proto/base/invariant.hpp"
#include "proto/model/address.hpp"

namespace hotside::model {

void write_deposit(JsonWriter& json, Deposit const& deposit,
                   std::optional<std::string> const& reference, std::string_view hrp) {
  json.begin_object();
  json.key("id").string(deposit.id.text());
  json.key("utxo").string(deposit.id.utxo.hex());
  json.key("address").string(to_address(hrp, deposit.recipient));
  json.key("reference").optional_string(reference);
  json.key("amount").integer(deposit.amount.value);
  json.key("amount_stg").string(to_stg(deposit.amount.value));
  json.key("state").string(to_string(deposit.state));
  json.key("spend").string(to_string(deposit.spend));
  json.key("epoch").unsigned_integer(deposit.id.epoch.value);
  json.key("offset");
  if (deposit.offset)
    json.unsigned_integer(deposit.offset->value);
  else
    json.null();
  json.key("block_hash").string(deposit.block_hash.hex());
  json.key("tx_hash");
  if (deposit.tx_hash)
    json.string(deposit.tx_hash->hex());
  else
    json.null();
  json.key("block_time").string(to_rfc3339(deposit.block_time));
  json.key("first_seen").string(to_rfc3339(deposit.first_seen));
  json.key("committed_at");
  if (deposit.committed_at)
    json.string(to_rfc3339(*deposit.committed_at));
  else
    json.null();
  json.key("retired").boolean(deposit.retired);
  json.end_object();
}

std::string_view to_string(ViolationKind kind) {
  switch (kind) {
    case ViolationKind::macro_block:
      return "macro_block";
    case ViolationKind::genesis:
      return "genesis";
  }
  invariant(false, "a violation of no kind");
  return {};
}

void write_violation(JsonWriter& json, std::int64_t id, Time at, Violated const& violation) {
  json.begin_object();
  json.key("id").integer(id);
  json.key("at").string(to_rfc3339(at));
  json.key("kind").string(to_string(violation.kind));
  json.key("epoch").unsigned_integer(violation.epoch.value);
  json.key("stored").string(violation.stored.hex());
  json.key("shown").string(violation.shown.hex());
  json.key("node").string(violation.node);
  json.end_object();
}

void begin_event(JsonWriter& json, EventSeq seq, std::string_view feed, EventType type, Time at,
                 bool backfill) {
  json.begin_object();
  json.key("seq").unsigned_integer(seq.value);
  json.key("feed").string(feed);
  json.key("type").string(to_string(type));
  json.key("at").string(to_rfc3339(at));
  json.key("backfill").boolean(backfill);
}

}  // namespace hotside::model
