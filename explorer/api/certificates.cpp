#include <limits>

#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"

namespace hotside::api {
namespace {

void write_part(JsonWriter& json, store::Certificate::Part const& part) {
  json.begin_object();
  json.key("count").unsigned_integer(part.count);
  json.key("amount").sum(part.amount);
  json.key("hash").string(part.hash.hex());
  json.end_object();
}

void write_certificate(JsonWriter& json, store::Certificate const& certificate) {
  json.begin_object();
  json.key("epoch").unsigned_integer(certificate.epoch.value);
  json.key("macro_block_hash").string(certificate.macro_hash.hex());
  json.key("public_outputs");
  write_part(json, certificate.public_outputs);
  json.key("matched");
  write_part(json, certificate.matched);
  json.key("previous").string(certificate.previous.hex());
  json.key("feed").string(certificate.feed);
  json.key("feed_seq").unsigned_integer(certificate.feed_seq.value);
  json.key("hash").string(certificate.hash.hex());
  json.end_object();
}

}  // namespace

Answer get_certificate(Context const&, Call const& call, store::Snapshot& snapshot) {
  auto const epoch = parse_u64(call.path_parameter);
  if (!epoch || *epoch > std::numeric_limits<std::int64_t>::max())
    return refuse(Problem::invalid_parameter, "epoch: a number is expected");
  HS_ASK(found, snapshot.certificates().certificates(Epoch(*epoch), 1));
  if (found.empty() || found.front().epoch.value != *epoch)
    return refuse(Problem::not_found,
                  "no certificate of epoch " + call.path_parameter + ": it is not final here");
  JsonWriter json;
  write_certificate(json, found.front());
  return json_response(json.take());
}

Answer get_certificates(Context const&, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(from, u64_parameter(call, "from", 0, std::numeric_limits<std::int64_t>::max()));
  HS_ASK(limit, limit_parameter(call));
  HS_ASK(found, snapshot.certificates().certificates(Epoch(from.value_or(0)), limit + 1));
  HS_ASK(position, snapshot.position());
  JsonWriter json;
  json.begin_object();
  json.key("certificates").begin_array();
  for (std::size_t i = 0; i < std::min(limit, found.size()); ++i) write_certificate(json, found[i]);
  json.end_array();
  json.key("next");
  if (found.size() > limit)
    json.unsigned_integer(found[limit].epoch.value);
  else
    json.null();
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

}  // namespace hotside::api
