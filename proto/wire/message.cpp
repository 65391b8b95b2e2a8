#include "proto/wire/message.hpp"

#include <array>

#include "proto/wire/block.hpp"
#include "proto/wire/json_cursor.hpp"

namespace hotside::wire {
namespace {

using Body = decltype(NodeMessage::body);

constexpr std::size_t kBlobsMax = 100;  // as many as one request asks for
constexpr std::size_t kTypeShownMax = 64;

Result<Body> parse_version(JsonFields& fields, ParseOptions const&) {
  VersionReply reply{fields.text("version")};
  HS_DO(fields.done("version_info"));
  return Body(std::move(reply));
}

Result<Body> parse_chain_name(JsonFields& fields, ParseOptions const&) {
  ChainNameReply reply{fields.text("name")};
  HS_DO(fields.done("chain_name"));
  return Body(std::move(reply));
}

// v1.3 has other names; the other two differ in the digits of their timestamps.
Result<Body> parse_status(JsonFields& fields, ParseOptions const&) {
  bool const is_v1_3 = fields.has("last_mblock_hash");
  std::string_view const time_key =
      is_v1_3 ? "last_mblock_timestamp" : "last_macro_block_timestamp";
  StatusReply status;
  status.is_synchronized = fields.boolean("is_synchronized");
  status.epoch = Epoch(fields.u64("epoch"));
  status.offset = Offset(fields.u32("offset"));
  status.view_change = fields.u32("view_change");
  status.last_block_hash = fields.fixed<Hash>("last_block_hash");
  status.last_macro_block_hash =
      fields.fixed<Hash>(is_v1_3 ? "last_mblock_hash" : "last_macro_block_hash");
  if (is_v1_3) status.generation = Generation::v1_3;
  if (fields.has(time_key)) {
    auto const time = fields.time(time_key);
    status.last_macro_block_time = from_unix_ms(static_cast<std::int64_t>(time.ns / 1'000'000));
    if (!is_v1_3) status.generation = time.is_exact() ? Generation::dev : Generation::v1_2_2;
  }
  HS_DO(fields.done("status"));
  return Body(status);
}

Result<Body> parse_subscribed(JsonFields& fields, ParseOptions const&) {
  SubscribedReply const reply{Epoch(fields.u64("current_epoch")),
                              Offset(fields.u32("current_offset"))};
  HS_DO(fields.done("subscribed_chain"));
  return Body(reply);
}

Result<Body> parse_outputs(JsonFields& fields, ParseOptions const&) {
  OutputsReply reply;
  JsonElements elements(fields.raw("utxos"));
  while (elements.next()) {
    auto const text = elements.value();
    if (reply.blobs.size() == kBlobsMax)
      return fail(Fault::peer, "outputs_list: more blobs than were asked for", "size");
    auto blob = text.size() < 2 || text.front() != '"' ? std::nullopt
                                                       : from_hex(text.substr(1, text.size() - 2));
    if (!blob) return fail(Fault::peer, "outputs_list: a blob is no hex", "field");
    reply.blobs.push_back(std::move(*blob));
  }
  if (elements.is_broken()) return fail(Fault::peer, "outputs_list: no list of blobs", "field");
  return Body(std::move(reply));
}

Result<Body> parse_broadcast(JsonFields& fields, ParseOptions const&) {
  BroadcastReply reply;
  reply.hash = fields.fixed<Hash>("hash");
  auto status = fields.object("status");
  auto const word = status.plain("status");
  reply.accepted = word == "accepted";
  if (status.has("error"))
    reply.error = status.text("error");
  else if (!reply.accepted)
    reply.error = std::string(word.substr(0, kTypeShownMax));
  fields.adopt(status);
  HS_DO(fields.done("broadcast_transaction"));
  return Body(std::move(reply));
}

// A block that cannot be read or does not verify stops us where it is shown, so it must say which
// one it is; without even an epoch it is no message.
Result<Body> bad_block(JsonFields& fields, bool is_macro, Error error) {
  fields.forgive();
  BadBlock bad;
  bad.is_macro = is_macro;
  bad.epoch = Epoch(fields.u64("epoch"));
  if (!is_macro) bad.offset = Offset(fields.u32("offset"));
  HS_DO(fields.done("block"));
  bad.hash = fields.fixed<Hash>("block_hash");
  if (!fields.is_good()) bad.hash.reset();
  bad.error = std::move(error);
  return Body(std::move(bad));
}

Result<Body> parse_micro(JsonFields& fields, ParseOptions const& options) {
  auto block = parse_micro_block(fields, options);
  if (!block) return bad_block(fields, false, std::move(block.error()));
  return Body(MicroBlockMessage{std::move(*block)});
}

Result<Body> parse_macro(JsonFields& fields, ParseOptions const& options) {
  auto block = parse_macro_block(fields, options);
  if (!block) return bad_block(fields, true, std::move(block.error()));
  return Body(MacroBlockMessage{std::move(*block)});
}

// Its body is that of the block it takes back, which was verified when it came.
Result<Body> parse_reverted(JsonFields& fields, ParseOptions const&) {
  MicroBlockReverted const reverted{Epoch(fields.u64("epoch")), Offset(fields.u32("offset")),
                                    fields.fixed<Hash>("block_hash")};
  HS_DO(fields.done("reverted micro block"));
  return Body(reverted);
}

Result<Body> parse_error(JsonFields& fields, ParseOptions const&) {
  ErrorReply reply;
  reply.text = fields.text("error");
  reply.generic = reply.text.starts_with("Failed to parse request");
  HS_DO(fields.done("error"));
  return Body(std::move(reply));
}

struct Reader {
  std::string_view type;
  Result<Body> (*parse)(JsonFields&, ParseOptions const&);
};
constexpr std::array<Reader, 19> kReaders{{
    {"version_info", parse_version},
    {"chain_name", parse_chain_name},
    {"status_info", parse_status},
    {"status_changed", parse_status},
    {"subscribed_status", parse_status},
    {"subscribed_chain", parse_subscribed},
    {"outputs_list", parse_outputs},
    {"broadcast_transaction", parse_broadcast},
    {"micro_block_info", parse_micro},
    {"micro_block_prepared", parse_micro},
    {"microblock_info", parse_micro},
    {"microblock_prepared", parse_micro},
    {"macro_block_info", parse_macro},
    {"macro_block_committed", parse_macro},
    {"macroblock_info", parse_macro},
    {"macroblock_committed", parse_macro},
    {"micro_block_reverted", parse_reverted},
    {"microblock_reverted", parse_reverted},
    {"error", parse_error},
}};

Result<Body> parse_body(JsonFields& fields, ParseOptions const& options) {
  // Newer nodes leave the type out of some errors.
  if (!fields.has("type") && fields.has("error")) return parse_error(fields, options);
  auto const type = fields.plain("type");
  if (!fields.is_good()) return fail(Fault::peer, "message: has no type", "type");
  // A wallet speaks of itself, with types that also mean something else.
  if (!fields.has("account_id"))
    for (auto const& reader : kReaders)
      if (reader.type == type) return reader.parse(fields, options);
  return Body(Ignored{std::string(type.substr(0, kTypeShownMax))});
}

}  // namespace

Result<NodeMessage> parse_message(PlainFrame frame, ParseOptions const& options) {
  HS_TRY(fields, JsonFields::read(frame.json()));
  NodeMessage message;
  if (fields.has("id")) {
    auto const id = fields.u64("id");
    if (!fields.is_good()) return fail(Fault::peer, "message: id is no number", "id");
    if (id != 0) message.id = id;
  }
  HS_TRY(body, parse_body(fields, options));
  message.body = std::move(body);
  return message;
}

}  // namespace hotside::wire
