#include "explorer/cold/document.hpp"

#include "explorer/cold/blob.hpp"
#include "proto/base/json_writer.hpp"
#include "proto/base/sha3.hpp"
#include "proto/model/address.hpp"

namespace hotside::cold {
namespace {

std::string stg(Amount amount) { return to_stg(amount.value) + " STG"; }

Result<void> write_request(JsonWriter& json, std::string const& hrp,
                           model::BundleRequest const& request) {
  json.begin_object();
  json.key("type").string("create_raw_transaction");
  json.key("source").string(model::to_address(hrp, request.source));
  json.key("txins").begin_array();
  for (auto const& coin : request.inputs) json.string(coin.id.utxo.hex());
  json.end_array();
  json.key("txouts").begin_array();
  for (auto const& output : request.outputs) {
    json.begin_object();
    json.key("output_type").string("public_payment");
    json.key("recipient").string(model::to_address(hrp, output.recipient));
    json.key("amount").integer(output.amount.value);
    json.end_object();
  }
  json.end_array();
  json.key("fee").integer(request.fee.value);
  json.key("unspent_list").begin_array();
  for (auto const& coin : request.inputs) {
    HS_TRY(blob, blob_of(coin));
    json.string(to_hex(blob));
  }
  json.end_array();
  json.key("change");
  if (request.change) {
    json.begin_object();
    json.key("recipient").string(model::to_address(hrp, request.change->recipient));
    json.key("amount").integer(request.change->amount.value);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
  return {};
}

}  // namespace

Result<std::string> manifest_text(Document const& document) {
  auto const& hrp = document.network.hrp;
  std::string text = "hotside-bundle 1\n";
  text += "network " + hrp + "\n";
  text += "genesis " + document.network.genesis.value_or(Hash{}).hex() + "\n";
  text += "bundle " + document.id + "\n";
  text += "created " + to_rfc3339(document.created_at) + "\n";
  text += "expires " + to_rfc3339(document.expires_at) + "\n";
  text += "requests " + std::to_string(document.requests.size()) + "\n";
  for (auto const& request : document.requests) {
    text += "source " + model::to_address(hrp, request.source) + "\n";
    text += "inputs " + std::to_string(request.inputs.size()) + "\n";
    for (auto const& coin : request.inputs) {
      HS_TRY(blob, blob_of(coin));
      text +=
          coin.id.utxo.hex() + " " + std::to_string(coin.amount.value) + " " + to_hex(blob) + "\n";
    }
    text += "outputs " + std::to_string(request.outputs.size()) + "\n";
    for (auto const& output : request.outputs)
      text += model::to_address(hrp, output.recipient) + " " + std::to_string(output.amount.value) +
              "\n";
    text += "fee " + std::to_string(request.fee.value) + "\n";
    text += request.change ? "change last\n" : "change none\n";
  }
  return text;
}

Result<Hash> manifest_of(Document const& document) {
  HS_TRY(text, manifest_text(document));
  return sha3_256(as_bytes(text));
}

std::vector<std::string> summary_of(Document const& document) {
  auto const& hrp = document.network.hrp;
  std::vector<std::string> lines;
  lines.push_back("bundle " + document.id + " on " + document.network.name + ": " +
                  std::to_string(document.requests.size()) + " to sign, valid until " +
                  to_rfc3339(document.expires_at));
  std::size_t number = 0;
  for (auto const& request : document.requests) {
    Sum sum = 0;
    for (auto const& coin : request.inputs) sum += coin.amount.value;
    lines.push_back("request " + std::to_string(++number) + ": from " +
                    model::to_address(hrp, request.source) + ", " +
                    std::to_string(request.inputs.size()) + " inputs of together " + to_stg(sum) +
                    " STG, fee " + stg(request.fee));
    for (std::size_t i = 0; i < request.outputs.size(); ++i) {
      auto const& output = request.outputs[i];
      bool const is_change = request.change && i + 1 == request.outputs.size();
      lines.push_back((is_change ? "  change " : "  pay ") + stg(output.amount) + " to " +
                      model::to_address(hrp, output.recipient));
    }
  }
  return lines;
}

Result<std::string> render_members(Document const& document) {
  JsonWriter json;
  json.begin_object();
  json.key("created_at").string(to_rfc3339(document.created_at));
  json.key("expires_at").string(to_rfc3339(document.expires_at));
  json.key("network").string(document.network.name);
  json.key("genesis").string(document.network.genesis.value_or(Hash{}).hex());
  json.key("requests").begin_array();
  for (auto const& request : document.requests)
    HS_DO(write_request(json, document.network.hrp, request));
  json.end_array();
  json.key("summary").begin_array();
  for (auto const& line : summary_of(document)) json.string(line);
  json.end_array();
  HS_TRY(manifest, manifest_of(document));
  json.key("manifest").string(manifest.hex());
  json.end_object();
  auto const text = json.take();
  return text.substr(1, text.size() - 2);
}

std::string render_answer(std::string const& id, model::BundleState state,
                          std::string const& members) {
  JsonWriter json;
  json.begin_object();
  json.key("id").string(id);
  json.key("state").string(model::to_string(state));
  auto text = json.take();
  return text + "," + members + "}";
}

}  // namespace hotside::cold
