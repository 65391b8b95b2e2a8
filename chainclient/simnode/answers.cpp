// The pull calls of a session.

#include <algorithm>
#include <limits>

#include "chainclient/simnode/session.hpp"
#include "proto/model/address.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::simnode {
namespace {

std::string brief(Hash const& hash) { return hash.hex().substr(0, 12); }

JsonWriter begin_message(std::string_view type) {
  JsonWriter json;
  json.begin_object().key("type").string(type);
  return json;
}

std::string_view version_text(Generation generation) {
  switch (generation) {
    case Generation::dev:
      return "1.2.113 (c1d4d611 2020-06-23)";
    case Generation::v1_3:
      return "1.3.0 (d4424521 2021-06-12)";
    case Generation::unknown:
    case Generation::v1_2_2:
      break;
  }
  return "1.2.2 (cc1b522f 2020-03-04)";
}

}  // namespace

void Session::answer(std::uint64_t id, ask::Version const&) {
  auto json = begin_message("version_info");
  json.key("version").string(version_text(node_.style().generation));
  end_message(json, id);
  reply(json.take());
}

void Session::answer(std::uint64_t id, ask::ChainName const&) {
  auto json = begin_message("chain_name");
  json.key("name").string(node_.chain().name());
  end_message(json, id);
  reply(json.take());
}

void Session::answer(std::uint64_t id, ask::Status const& call) {
  if (call.subscribe) wants_status_ = true;
  reply(render(node_.style(), call.subscribe ? "subscribed_status" : "status_info", node_.status(),
               id));
}

void Session::answer(std::uint64_t id, ask::Macro const& call) {
  auto const& view = node_.shown();
  if (call.epoch >= view.epoch())
    return refuse(id, (is(Generation::v1_3) ? "Macroblock does not exist: epoch="
                                            : "Macro block doesn't exists: epoch=") +
                          std::to_string(call.epoch));
  auto const& truth = view.macros[call.epoch];
  reply(render(node_.style(), node_.style().name("macro", "info"), *node_.seen(truth),
               node_.damage_of(truth->hash), id));
}

void Session::answer(std::uint64_t id, ask::Micro const& call) {
  auto const& view = node_.shown();
  if (call.epoch != view.epoch() || call.offset >= view.offset())
    return refuse(id, (is(Generation::v1_3) ? "Microblock does not exist: epoch="
                                            : "Micro block doesn't exists: epoch=") +
                          std::to_string(call.epoch) + ", offset=" + std::to_string(call.offset));
  auto const& truth = view.micros[call.offset];
  reply(render(node_.style(), node_.style().name("micro", "info"), *node_.seen(truth),
               node_.damage_of(truth->hash), id));
}

void Session::answer(std::uint64_t id, ask::Outputs const& call) {
  auto json = begin_message("outputs_list");
  json.key("utxos").begin_array();
  for (auto const& utxo : call.ids) {
    auto const output = node_.output(utxo);
    if (!output)
      return refuse(
          id, (is(Generation::v1_3) ? "Output not found for hash " : "Output was not found hash=") +
                  brief(utxo));
    json.string(to_hex(wire::encode_output(*output)));
  }
  json.end_array();
  end_message(json, id);
  reply(json.take());
}

void Session::answer(std::uint64_t id, ask::PublicPayments const& call) {
  auto const& view = node_.shown();
  auto json = begin_message("public_payment_info");
  json.key("epoch").unsigned_integer(view.epoch());
  json.key("offset").unsigned_integer(view.offset() - 1);  // 4294967295 in an empty epoch
  Sum balance = 0;
  JsonWriter list;
  list.begin_array();
  for (auto const& utxo : node_.chain().public_outputs(call.key)) {
    auto const& output = std::get<wire::RawPublicOutput>(*node_.chain().find(utxo));
    balance += output.amount;
    if (is(Generation::v1_3))
      list.begin_array().string(utxo.hex()).integer(output.amount).end_array();
    else
      list.begin_object()
          .key("output_hash")
          .string(utxo.hex())
          .key("amount")
          .integer(output.amount)
          .end_object();
  }
  list.end_array();
  json.key("balance").sum(balance);
  json.key("outputs").raw(list.take());
  json.key("pkey").string(model::to_address(node_.style().hrp, call.key));
  end_message(json, id);
  reply(json.take());
}

void Session::answer(std::uint64_t id, ask::Broadcast const& call) {
  auto const hash = wire::tx_hash(call.tx);
  if (!node_.is_synchronized())
    return refuse(id, "Can't process transaction - node is not synchronized: tx=" + brief(hash));
  auto refused = node_.broadcast(call.tx);
  if (node_.broadcast_habit() == Node::BroadcastHabit::silent) return;
  if (node_.broadcast_habit() == Node::BroadcastHabit::rejecting && !refused)
    refused = "Can't process transaction - mempool is full: tx=" + brief(hash);
  auto json = begin_message("broadcast_transaction");
  json.key("hash").string(hash.hex());
  json.key("status").begin_object().key("status").string(refused ? "rejected" : "accepted");
  if (refused) json.key("error").string(*refused);
  json.end_object();
  end_message(json, id);
  reply(json.take());
}

void Session::answer(std::uint64_t id, ask::CreateRaw const& call) {
  if (!is_canonical(call.secret))
    return refuse(id, "Field value is too large for requested conversion");
  std::vector<wire::RawOutput> inputs;
  for (auto const& utxo : call.inputs) {
    auto const given = std::ranges::find(call.unspent, utxo, wire::output_id);
    auto output = given != call.unspent.end() ? std::optional(*given) : node_.output(utxo);
    if (!output) return refuse(id, "Input not found = " + brief(utxo));
    inputs.push_back(*std::move(output));
  }
  auto const tx = node_.treasury().make(call.inputs, inputs, call.secret, call.outputs, call.fee);
  if (!tx) return refuse(id, tx.error().what);
  auto json = begin_message("create_raw_transaction");
  json.key("txouts").begin_array();
  for (auto const& output : tx->outputs) json.string(wire::output_id(output).hex());
  json.end_array();
  json.key("data").string(to_hex(wire::encode_transaction(wire::RawTransaction(*tx))));
  end_message(json, id);
  reply(json.take());
}

void Session::answer(std::uint64_t id, ask::Pop const&) {
  auto const epoch = node_.chain().view().epoch();
  if (!node_.pop_one())
    return refuse(id, "Attempt to revert a macro block: epoch=" + std::to_string(epoch));
  auto json = begin_message(is(Generation::v1_3) ? "microblock_popped" : "micro_block_popped");
  end_message(json, id);
  reply(json.take());
}

void Session::answer(std::uint64_t id, ask::Certificate const& call) {
  // Certificates are not simulated: no output is known to carry one.
  refuse(id, "Missing UTXO: " + brief(call.output));
}

}  // namespace hotside::simnode
