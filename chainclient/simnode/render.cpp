#include "chainclient/simnode/render.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "proto/model/address.hpp"
#include "proto/wire/hash.hpp"

namespace hotside::simnode {
namespace {

std::string reversed(ByteView bytes) {
  Bytes turned(bytes.rbegin(), bytes.rend());
  return to_hex(turned);
}

std::string trimmed(std::string map) {
  map.erase(map.find_last_not_of('0') + 1);
  return map;
}

Hash damaged(Hash hash) {
  hash.bytes[31] ^= 1;
  return hash;
}

// One message in the making: the writer, the style, and which part is to be wrong.
class Page {
 public:
  Page(Style const& style, Damage damage) : style_(style), damage_(damage) {}

  void text(std::string_view key, std::string_view value) { json_.key(key).string(value); }
  void number(std::string_view key, std::uint64_t value) { json_.key(key).unsigned_integer(value); }
  void amount(std::string_view key, std::int64_t value) { json_.key(key).integer(value); }
  void hash(std::string_view key, Hash const& value) { text(key, value.hex()); }
  void backwards(std::string_view key, ByteView bytes) { text(key, reversed(bytes)); }
  void address(std::string_view key, PublicKey const& value) {
    text(key, model::to_address(style_.hrp, value));
  }

  void block_hash(Hash const& value) {
    hash("block_hash", damage_ == Damage::hash ? damaged(value) : value);
  }
  void outputs_root(Hash const& value) {
    hash("outputs_range_hash", damage_ == Damage::root ? damaged(value) : value);
  }
  void random(wire::RawVrf const& vrf) {
    json_.key("random").begin_object();
    hash("rand", vrf.rand);
    backwards("proof", vrf.proof.view());
    json_.end_object();
  }
  void output(wire::RawOutput const& output);
  void transaction(wire::RawTransaction const& tx, Hash const& tx_hash);
  void info(EpochInfo const& info);
  void ids(std::string_view key, std::vector<Hash> const& list);
  void outputs(std::string_view key, std::vector<wire::RawOutput> const& list);

  JsonWriter& json() { return json_; }
  Style const& style() const { return style_; }

 private:
  void fields(wire::RawPaymentOutput const& output);
  void fields(wire::RawPublicOutput const& output);
  void fields(wire::RawStakeOutput const& output);
  void fields(wire::RawCoinbase const& tx);
  void fields(wire::RawPayment const& tx);
  void fields(wire::RawRestake const& tx);
  void fields(wire::RawSlashing const&) {}  // never made here
  void payload(Bytes const& bytes);

  Style const& style_;
  Damage damage_;
  JsonWriter json_;
};

void Page::payload(Bytes const& bytes) {
  if (!style_.is(Generation::v1_2_2)) return text("payload", to_hex(bytes));
  std::string list = "[";
  list.reserve(bytes.size() * 4 + 2);
  for (auto const byte : bytes) {
    if (list.size() > 1) list.push_back(',');
    list += std::to_string(byte);
  }
  json_.key("payload").raw(list + "]");
}

void Page::fields(wire::RawPaymentOutput const& output) {
  text("type", "payment_output");
  address("recipient", output.recipient);
  json_.key("proof").begin_object();
  backwards("vcmt", output.vcmt.view());
  text("proof", to_hex(output.proof));
  json_.end_object();
  backwards("ag", output.ag.view());
  payload(output.payload);
}

void Page::fields(wire::RawPublicOutput const& output) {
  text("type", "public_payment_output");
  address("recipient", output.recipient);
  amount("serno", output.serno);
  amount("amount", output.amount);
}

void Page::fields(wire::RawStakeOutput const& output) {
  text("type", "stake_output");
  address("recipient", output.recipient);
  backwards("validator", output.validator.view());
  amount("amount", output.amount);
  amount("serno", output.serno);
  backwards("signature", output.signature.view());
}

void Page::output(wire::RawOutput const& output) {
  json_.begin_object();
  auto const id = wire::output_id(output);
  hash("output_hash", damage_ == Damage::id ? damaged(id) : id);
  std::visit([this](auto const& kind) { fields(kind); }, output);
  json_.end_object();
}

void Page::ids(std::string_view key, std::vector<Hash> const& list) {
  json_.key(key).begin_array();
  for (auto const& id : list) json_.string(id.hex());
  json_.end_array();
}

void Page::outputs(std::string_view key, std::vector<wire::RawOutput> const& list) {
  json_.key(key).begin_array();
  for (auto const& item : list) output(item);
  json_.end_array();
}

void Page::fields(wire::RawCoinbase const& tx) {
  text("type", "coinbase_transaction");
  amount("block_reward", tx.block_reward);
  amount("block_fee", tx.block_fee);
  backwards("gamma", tx.gamma.view());
  outputs("txouts", tx.outputs);
}

void Page::fields(wire::RawPayment const& tx) {
  text("type", "payment_transaction");
  ids("txins", tx.inputs);
  outputs("txouts", tx.outputs);
  backwards("gamma", tx.gamma.view());
  amount("fee", tx.fee);
  json_.key("sig").begin_object();
  backwards("u", tx.sig_u.view());
  backwards("K", tx.sig_k.view());
  json_.end_object();
}

void Page::fields(wire::RawRestake const& tx) {
  text("type", "restake_transaction");
  ids("txins", tx.inputs);
  outputs("txouts", tx.outputs);
  backwards("sig", tx.signature.view());
}

void Page::transaction(wire::RawTransaction const& tx, Hash const& tx_hash) {
  json_.begin_object();
  if (!style_.is(Generation::v1_2_2)) hash("tx_hash", tx_hash);
  std::visit([this](auto const& kind) { fields(kind); }, tx);
  json_.end_object();
}

void Page::info(EpochInfo const& info) {
  json_.key("validators").begin_array();
  for (auto const& validator : info.validators) {
    json_.begin_object();
    backwards("network_pkey", validator.network_key.view());
    address("account_pkey", validator.account_key);
    amount("slots", validator.slots);
    json_.end_object();
  }
  json_.end_array();
  backwards("facilitator", info.facilitator.view());
  json_.key("awards").begin_object();
  amount("budget", info.budget);
  number("difficulty", info.difficulty);
  json_.key("validators_activity").begin_object();
  for (auto const& entry : info.activity) {
    json_.key(model::to_address(style_.hrp, entry.account)).begin_object();
    text("status", entry.failed_at ? "failed" : "active");
    if (entry.failed_at) {
      number("epoch", info.epoch);
      number("offset", *entry.failed_at);
    }
    json_.end_object();
  }
  json_.end_object();
  if (info.payout) {
    json_.key("payout").begin_object();
    address("recipient", info.payout->recipient);
    amount("amount", info.payout->amount);
    json_.end_object();
  }
  json_.end_object();
}

void begin_header(Page& page, std::string_view type, Hash const& hash, auto const& header) {
  page.json().begin_object();
  page.text("type", type);
  page.block_hash(hash);
  page.number("version", header.version);
  page.hash("previous", header.previous);
  page.number("epoch", header.epoch);
}

void view_change_proof(Page& page, wire::RawMicroHeader const& header) {
  page.json().key("view_change_proof");
  if (!header.view_change_proof) {
    page.json().null();
    return;
  }
  page.json().begin_object();
  page.text("multimap", trimmed(header.view_change_proof->multimap));
  page.backwards("multisig", header.view_change_proof->multisig.view());
  page.json().end_object();
}

void roots(Page& page, auto const& header) {
  page.number("inputs_len", header.inputs_len);
  page.hash("inputs_range_hash", header.inputs_root);
  page.number("outputs_len", header.outputs_len);
  page.outputs_root(header.outputs_root);
  page.hash("canaries_range_hash", header.canaries_root);
}

}  // namespace

std::string Style::name(std::string_view kind, std::string_view rest) const {
  return std::string(kind) + (is(Generation::v1_3) ? "block_" : "_block_") + std::string(rest);
}

void end_message(JsonWriter& json, std::uint64_t id) {
  if (id != 0) json.key("id").unsigned_integer(id);
  json.end_object();
}

std::string timestamp(Style const& style, std::uint64_t ns) {
  using namespace std::chrono;
  sys_time<nanoseconds> const at{nanoseconds(ns)};
  auto const day = floor<days>(at);
  year_month_day const date(day);
  hh_mm_ss const time(at - day);
  bool const cut = style.is(Generation::v1_2_2);
  auto const fraction = cut ? time.subseconds().count() / 1'000'000 : time.subseconds().count();
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%0*ldZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                cut ? 3 : 9, static_cast<long>(fraction));
  return text.data();
}

std::string render(Style const& style, std::string_view type, Micro const& micro, Damage damage,
                   std::uint64_t id) {
  Page page(style, damage);
  auto const& header = micro.block.header;
  begin_header(page, type, micro.hash, header);
  page.number("offset", header.offset);
  page.number("view_change", header.view_change);
  view_change_proof(page, header);
  page.backwards("pkey", header.pkey.view());
  page.random(header.random);
  page.text("solution", to_hex(header.solution));
  page.text("timestamp", timestamp(style, header.timestamp_ns));
  page.number("transactions_len", header.transactions_len);
  page.hash("transactions_range_hash", header.transactions_root);
  roots(page, header);
  page.backwards("sig", micro.block.sig.view());
  page.json().key("transactions").begin_array();
  for (std::size_t i = 0; i < micro.block.transactions.size(); ++i)
    page.transaction(micro.block.transactions[i], micro.tx_hashes[i]);
  page.json().end_array();
  end_message(page.json(), id);
  return page.json().take();
}

std::string render(Style const& style, std::string_view type, Macro const& macro, Damage damage,
                   std::uint64_t id) {
  Page page(style, damage);
  auto const& header = macro.block.header;
  begin_header(page, type, macro.hash, header);
  page.number("view_change", header.view_change);
  page.backwards("pkey", header.pkey.view());
  page.random(header.random);
  page.number("difficulty", header.difficulty);
  page.text("timestamp", timestamp(style, header.timestamp_ns));
  page.amount("block_reward", header.block_reward);
  page.backwards("gamma", header.gamma.view());
  page.text("activity_map", trimmed(header.activity_map));
  page.number("validators_len", header.validators_len);
  page.hash("validators_range_hash", header.validators_root);
  roots(page, header);
  page.backwards("multisig", macro.block.multisig.view());
  page.text("multisigmap", trimmed(macro.block.multisigmap));
  page.ids("inputs", macro.block.inputs);
  page.outputs("outputs", macro.block.outputs);
  page.info(*macro.info);
  if (!style.is(Generation::v1_2_2)) {
    page.json().key("old_epoch_info");
    if (macro.old_info) {
      page.json().begin_object();
      page.info(*macro.old_info);
      page.json().end_object();
    } else {
      page.json().null();
    }
  }
  end_message(page.json(), id);
  return page.json().take();
}

std::string render(Style const& style, std::string_view type, Status const& status,
                   std::uint64_t id) {
  std::string const last = style.is(Generation::v1_3) ? "last_mblock_" : "last_macro_block_";
  JsonWriter json;
  json.begin_object().key("type").string(type);
  json.key("is_synchronized").boolean(status.is_synchronized);
  json.key("epoch").unsigned_integer(status.epoch);
  json.key("offset").unsigned_integer(status.offset);
  json.key("view_change").unsigned_integer(0);
  json.key("last_block_hash").string(status.last_block.hex());
  json.key(last + "hash").string(status.last_macro.hex());
  json.key(last + "timestamp").string(timestamp(style, status.last_macro_ns));
  json.key("local_timestamp").string(timestamp(style, status.local_ns));
  end_message(json, id);
  return json.take();
}

std::string render_error(std::string_view text, std::uint64_t id) {
  JsonWriter json;
  json.begin_object().key("type").string("error").key("error").string(text);
  end_message(json, id);
  return json.take();
}

std::string render_generic_error(std::uint64_t id) {
  JsonWriter json;
  json.begin_object().key("error").string(
      "Failed to parse request, no api responsible for this request was found.");
  end_message(json, id);
  return json.take();
}

}  // namespace hotside::simnode
