#include "explorer/relay/call.hpp"

#include <algorithm>

#include "proto/wire/json_cursor.hpp"
#include "proto/wire/json_fields.hpp"

namespace hotside::relay {
namespace {

constexpr std::size_t kTypeShownMax = 64;

std::string shown(std::string_view type) {
  std::string text(type.substr(0, kTypeShownMax));
  std::ranges::replace_if(
      text, [](char c) { return c <= 32 || c >= 127; }, '?');
  return text;
}

std::string_view unquoted(std::string_view text) {
  bool const is_quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return is_quoted ? text.substr(1, text.size() - 2) : std::string_view{};
}

decltype(Call::what) read_outputs(wire::JsonFields& fields) {
  ask::Outputs call;
  auto const list = fields.has("utxos") ? fields.raw("utxos") : std::string_view{};
  if (!list.starts_with('[')) return ask::Refused{"outputs_list: utxos: a list of ids"};
  wire::JsonElements elements(list);
  while (elements.next()) {
    auto const id = Hash::from_hex(unquoted(elements.value()));
    if (!id) return ask::Refused{"outputs_list: an id is not 64 hexadecimal digits"};
    if (call.ids.size() == kOutputsMax)
      return ask::Refused{"outputs_list: at most " + std::to_string(kOutputsMax) + " ids"};
    call.ids.push_back(*id);
  }
  if (elements.is_broken()) return ask::Refused{"outputs_list: utxos: a list of ids"};
  return call;
}

decltype(Call::what) read_broadcast(wire::JsonFields& fields) {
  auto const text = fields.has("data") ? unquoted(fields.raw("data")) : std::string_view{};
  auto data = from_hex(text);
  if (!data || data->empty()) return ask::Refused{"broadcast_transaction: data: hexadecimal text"};
  return ask::Broadcast{std::move(*data)};
}

decltype(Call::what) read_what(std::string_view type, wire::JsonFields& fields) {
  if (type == "version_info") return ask::Version{};
  if (type == "chain_name") return ask::ChainName{};
  if (type == "status_info") return ask::Status{};
  if (type == "outputs_list") return read_outputs(fields);
  if (type == "broadcast_transaction") return read_broadcast(fields);
  return ask::Refused{"this relay does not serve this call"};
}

JsonWriter begin(std::string_view type) {
  JsonWriter json;
  json.begin_object().key("type").string(type);
  return json;
}

std::string end(JsonWriter& json, std::uint64_t id) {
  if (id != 0) json.key("id").unsigned_integer(id);
  json.end_object();
  return json.take();
}

}  // namespace

Result<Call> read_call(std::string_view json) {
  HS_TRY(fields, wire::JsonFields::read(json));
  Call call;
  // A node takes no id for 0, and nothing but a number for an id.
  if (!fields.raw("id").empty()) {
    call.id = fields.u64("id");
    HS_DO(fields.done("call"));
  }
  fields.forgive();
  auto const type = fields.has("type") ? unquoted(fields.raw("type")) : std::string_view{};
  call.type = shown(type);
  call.what = read_what(type, fields);
  return call;
}

std::string error_answer(std::uint64_t id, std::string_view text) {
  auto json = begin("error");
  json.key("error").string(text);
  return end(json, id);
}

std::string version_answer(std::uint64_t id, std::string_view version) {
  auto json = begin("version_info");
  json.key("version").string("hotside " + std::string(version));
  return end(json, id);
}

std::string chain_name_answer(std::uint64_t id, std::string_view name) {
  auto json = begin("chain_name");
  json.key("name").string(name);
  return end(json, id);
}

std::string status_answer(std::uint64_t id, wire::StatusReply const& status, Time now) {
  auto json = begin("status_info");
  json.key("is_synchronized").boolean(status.is_synchronized);
  json.key("epoch").unsigned_integer(status.epoch.value);
  json.key("offset").unsigned_integer(status.offset.value);
  json.key("view_change").unsigned_integer(status.view_change);
  json.key("last_block_hash").string(status.last_block_hash.hex());
  json.key("last_macro_block_hash").string(status.last_macro_block_hash.hex());
  json.key("last_macro_block_timestamp");
  status.last_macro_block_time ? json.string(to_rfc3339(*status.last_macro_block_time))
                               : json.null();
  json.key("local_timestamp").string(to_rfc3339(now));
  return end(json, id);
}

std::string outputs_answer(std::uint64_t id, std::vector<Bytes> const& blobs) {
  auto json = begin("outputs_list");
  json.key("utxos").begin_array();
  for (auto const& blob : blobs) json.string(to_hex(blob));
  json.end_array();
  return end(json, id);
}

std::string broadcast_answer(std::uint64_t id, Hash const& hash,
                             std::optional<std::string> const& error) {
  auto json = begin("broadcast_transaction");
  json.key("hash").string(hash.hex());
  json.key("status").begin_object();
  json.key("status").string(error ? "rejected" : "accepted");
  if (error) json.key("error").string(*error);
  json.end_object();
  return end(json, id);
}

}  // namespace hotside::relay
