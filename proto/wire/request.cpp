#include "proto/base/invariant.hpp"
#include "proto/base/json_writer.hpp"
#include "proto/wire/message.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::wire {
namespace {

constexpr std::size_t kOutputsMax = 100;

class Writer {
 public:
  explicit Writer(Dialect dialect) : classic_(dialect == Dialect::classic) { json_.begin_object(); }
  std::string finish(std::uint64_t id) {
    json_.key("id").unsigned_integer(id).end_object();
    return json_.take();
  }

  void operator()(VersionInfo const&) { type("version_info"); }
  void operator()(ChainName const&) { type("chain_name"); }
  void operator()(StatusInfo const&) { type("status_info"); }
  void operator()(SubscribeChain const& request) {
    type("subscribe_chain");
    position(request.epoch, request.offset);
  }
  void operator()(MacroBlockInfo const& request) {
    type(classic_ ? "macro_block_info" : "macroblock_info");
    json_.key("epoch").unsigned_integer(request.epoch.value);
  }
  void operator()(MicroBlockInfo const& request) {
    type(classic_ ? "micro_block_info" : "microblock_info");
    position(request.epoch, request.offset);
  }
  void operator()(OutputsList const& request) {
    type("outputs_list");
    json_.key("utxos").begin_array();
    for (auto const& id : request.ids()) json_.string(id.hex());
    json_.end_array();
  }
  void operator()(BroadcastTransaction const& request) {
    type("broadcast_transaction");
    json_.key("data").string(to_hex(request.data()));
  }

 private:
  void type(std::string_view name) { json_.key("type").string(name); }
  void position(Epoch epoch, Offset offset) {
    json_.key("epoch").unsigned_integer(epoch.value);
    json_.key("offset").unsigned_integer(offset.value);
  }

  JsonWriter json_;
  bool classic_;
};

}  // namespace

Result<OutputsList> OutputsList::make(std::vector<Hash> ids) {
  if (ids.empty() || ids.size() > kOutputsMax)
    return fail(Fault::rejected, "outputs_list: 1 to 100 ids, not " + std::to_string(ids.size()),
                "request");
  OutputsList request;
  request.ids_ = std::move(ids);
  return request;
}

Result<BroadcastTransaction> BroadcastTransaction::make(Bytes transaction) {
  auto const tx = decode_transaction(transaction);
  if (!tx) return fail(Fault::rejected, tx.error().what, "request");
  if (!std::holds_alternative<RawPayment>(*tx))
    return fail(Fault::rejected, "broadcast_transaction: not a payment transaction", "request");
  BroadcastTransaction request;
  request.data_ = std::move(transaction);
  return request;
}

std::string to_json(Request const& request, std::uint64_t id, Dialect dialect) {
  invariant(id != 0, "a request has an id, or its reply could not be matched");
  Writer writer(dialect);
  std::visit(writer, request);
  return writer.finish(id);
}

}  // namespace hotside::wire
