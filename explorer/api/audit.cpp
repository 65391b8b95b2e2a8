#include <limits>

#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "proto/base/units.hpp"

namespace hotside::api {
namespace {

void write_row(JsonWriter& json, store::AuditRow const& row) {
  json.begin_object();
  json.key("n").unsigned_integer(row.n);
  json.key("at").string(to_rfc3339(row.at));
  json.key("who").string(row.entry.who);
  json.key("role").string(row.entry.role);
  json.key("action").string(row.entry.action);
  json.key("target").string(row.entry.target);
  json.key("outcome").string(row.entry.outcome);
  json.key("request_id").string(row.entry.request_id);
  json.key("previous").string(to_hex(row.previous.bytes));
  json.key("hash").string(to_hex(row.hash.bytes));
  json.end_object();
}

}  // namespace

Answer get_audit(Context const&, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(after, u64_parameter(call, "after", 0, std::numeric_limits<std::int64_t>::max()));
  HS_ASK(limit, limit_parameter(call));
  HS_ASK(rows, snapshot.audit().audit(after.value_or(0), limit + 1));
  bool const has_more = rows.size() > limit;
  if (has_more) rows.pop_back();
  JsonWriter json;
  json.begin_object();
  json.key("entries").begin_array();
  for (auto const& row : rows) write_row(json, row);
  json.end_array();
  json.key("next");
  if (has_more)
    json.unsigned_integer(rows.back().n);
  else
    json.null();
  json.end_object();
  return json_response(json.take());
}

}  // namespace hotside::api
