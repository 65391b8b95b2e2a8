#include "chainclient/simnode/requests.hpp"

#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <set>

#include "proto/model/address.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::simnode {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kComment = 882;   // bytes of UTF-8
constexpr std::size_t kKeyGroups = 52;  // of five bits, for 32 bytes

// Fewer than 64 digits are filled up: an odd one from the left, the rest from the right.
std::optional<Hash> lenient_hash(std::string_view hex) {
  if (hex.size() > 64) return std::nullopt;
  std::string text = (hex.size() % 2 == 1 ? "0" : "") + std::string(hex);
  text.resize(64, '0');
  return Hash::from_hex(text);
}

// Five-bit groups of a bech32 payload whose prefix and checksum are good; else none.
std::optional<std::size_t> bech32_groups(std::string_view hrp, std::string_view given) {
  static constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  static constexpr std::array<std::uint32_t, 5> kGenerator{0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                                           0x3d4233dd, 0x2a1462b3};
  bool const upper = std::ranges::any_of(given, [](char c) { return c >= 'A' && c <= 'Z'; });
  bool const lower = std::ranges::any_of(given, [](char c) { return c >= 'a' && c <= 'z'; });
  if (upper && lower) return std::nullopt;
  std::string text(given);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (text.size() < hrp.size() + 7 || !text.starts_with(hrp) || text[hrp.size()] != '1')
    return std::nullopt;
  std::uint32_t check = 1;
  auto const step = [&check](std::uint32_t value) {
    std::uint32_t const top = check >> 25;
    check = ((check & 0x1ffffff) << 5) ^ value;
    for (std::size_t i = 0; i < kGenerator.size(); ++i)
      if (((top >> i) & 1) != 0) check ^= kGenerator[i];
  };
  for (char const c : hrp) step(static_cast<std::uint32_t>(c) >> 5);
  step(0);
  for (char const c : hrp) step(static_cast<std::uint32_t>(c) & 31);
  for (char const c : text.substr(hrp.size() + 1)) {
    auto const value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    step(static_cast<std::uint32_t>(value));
  }
  if (check != 1) return std::nullopt;
  return text.size() - hrp.size() - 1 - 6;
}

// Reads fields; remembers that one was bad, or fatal, and goes on with a default.
class Fields {
 public:
  Fields(dom::object object, std::string_view hrp) : object_(object), hrp_(hrp) {}

  bool is_bad() const { return bad_; }
  std::string const& fatal() const { return fatal_; }

  std::uint64_t unsigned_at(std::string_view key) {
    std::uint64_t value = 0;
    if (object_.at_key(key).get(value) != simdjson::SUCCESS) bad_ = true;
    return value;
  }
  std::uint32_t offset_at(std::string_view key) {
    auto const value = unsigned_at(key);
    if (value > 0xffffffff) bad_ = true;
    return static_cast<std::uint32_t>(value);
  }
  std::int64_t signed_at(std::string_view key) {
    std::int64_t value = 0;
    if (object_.at_key(key).get(value) != simdjson::SUCCESS) bad_ = true;
    return value;
  }
  std::string_view text_at(std::string_view key) {
    std::string_view value;
    if (object_.at_key(key).get(value) != simdjson::SUCCESS) bad_ = true;
    return value;
  }
  dom::array array_at(std::string_view key, bool& is_there) {
    dom::array value;
    is_there = object_.at_key(key).get(value) == simdjson::SUCCESS;
    return value;
  }
  bool has(std::string_view key) { return object_.at_key(key).error() == simdjson::SUCCESS; }

  Hash hash(std::string_view text) {
    auto const value = lenient_hash(text);
    if (!value) bad_ = true;
    return value.value_or(Hash{});
  }
  std::vector<Hash> hashes_at(std::string_view key) {
    std::vector<Hash> list;
    bool is_there = false;
    auto const array = array_at(key, is_there);
    if (!is_there) bad_ = true;
    if (!is_there) return list;
    for (auto const item : array) {
      std::string_view text;
      if (item.get(text) != simdjson::SUCCESS) bad_ = true;
      list.push_back(hash(text));
    }
    return list;
  }
  PublicKey address_at(std::string_view key) {
    auto const text = text_at(key);
    auto const groups = bech32_groups(hrp_, text);
    if (groups && *groups != kKeyGroups) fatal_ = "an address whose payload is not 32 bytes";
    auto const address = model::parse_address(hrp_, text);
    if (!address) bad_ = true;
    return address ? *address : PublicKey{};
  }

  void spoil() { bad_ = true; }
  void kill(std::string why) { fatal_ = std::move(why); }
  std::string_view hrp() const { return hrp_; }

 private:
  dom::object object_;
  std::string_view hrp_;
  bool bad_ = false;
  std::string fatal_;
};

Wanted read_wanted(Fields& parent, dom::element element) {
  Wanted wanted;
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) {
    parent.spoil();
    return wanted;
  }
  Fields fields(object, parent.hrp());
  auto const type = fields.text_at("output_type");
  wanted.recipient = fields.address_at("recipient");
  wanted.amount = fields.signed_at("amount");
  wanted.is_private = type == "payment";
  if (!wanted.is_private && type != "public_payment") fields.spoil();
  if (wanted.is_private) {
    auto const comment = fields.text_at("comment");
    if (comment.size() > kComment) fields.kill("a comment over 882 bytes");
    if (wanted.amount < 0) fields.kill("a payment of a negative amount");
  }
  if (!fields.fatal().empty()) parent.kill(fields.fatal());
  if (fields.is_bad()) parent.spoil();
  return wanted;
}

ask::CreateRaw read_create_raw(Fields& fields) {
  ask::CreateRaw call;
  call.inputs = fields.hashes_at("txins");
  call.fee = fields.signed_at("fee");
  bool is_there = false;
  auto const outputs = fields.array_at("txouts", is_there);
  if (!is_there) fields.spoil();
  if (is_there)
    for (auto const item : outputs) call.outputs.push_back(read_wanted(fields, item));
  auto const key = fields.array_at("secret_key", is_there);
  if (!is_there || key.size() != call.secret.bytes.size()) {
    fields.spoil();
    return call;
  }
  std::size_t at = 0;
  for (auto const item : key) {
    std::uint64_t value = 0;
    if (item.get(value) != simdjson::SUCCESS || value > 255) fields.spoil();
    call.secret.bytes[at++] = static_cast<std::uint8_t>(value & 0xff);
  }
  auto const unspent = fields.array_at("unspent_list", is_there);
  if (is_there)
    for (auto const item : unspent) {
      std::string_view text;
      if (item.get(text) != simdjson::SUCCESS) fields.spoil();
      auto const blob = from_hex(text);
      auto output =
          blob ? wire::decode_output(*blob) : Result<wire::RawOutput>(fail(Fault::peer, "not hex"));
      if (output)
        call.unspent.push_back(*std::move(output));
      else
        fields.spoil();
    }
  // Real nodes abort only once the request is otherwise well formed.
  if (call.fee < 0 && !fields.is_bad()) fields.kill("a negative fee");
  return call;
}

Call read_broadcast(Fields& fields) {
  auto const blob = from_hex(fields.text_at("data"));
  if (!blob || blob->empty()) return ask::Bad{};
  auto tx = wire::decode_transaction(*blob);
  if (!tx) return ask::Bad{};
  return ask::Broadcast{*std::move(tx)};
}

Call read_call(Fields& fields, Generation generation) {
  auto const type = fields.text_at("type");
  bool const is_1_3 = generation == Generation::v1_3;
  std::string const micro = is_1_3 ? "microblock" : "micro_block";
  if (type == "version_info") return ask::Version{};
  if (type == "chain_name") return ask::ChainName{};
  if (type == "status_info") return ask::Status{};
  if (type == "subscribe_status") return ask::Status{true};
  if (type == "subscribe_chain")
    return ask::Subscribe{fields.unsigned_at("epoch"), fields.offset_at("offset")};
  if (type == (is_1_3 ? "macroblock_info" : "macro_block_info"))
    return ask::Macro{fields.unsigned_at("epoch")};
  if (type == micro + "_info")
    return ask::Micro{fields.unsigned_at("epoch"), fields.offset_at("offset")};
  if (type == "outputs_list") return ask::Outputs{fields.hashes_at("utxos")};
  if (type == "public_payment_info" && generation != Generation::dev)
    return ask::PublicPayments{fields.address_at("pkey")};
  if (type == "broadcast_transaction") return read_broadcast(fields);
  if (type == "create_raw_transaction") return read_create_raw(fields);
  if (type == "pop_" + micro) return ask::Pop{};
  if (type == "validate_certificate") {
    ask::Certificate const call{fields.hash(fields.text_at("output_hash"))};
    static_cast<void>(fields.address_at("spender"));
    static_cast<void>(fields.address_at("recipient"));
    static_cast<void>(fields.text_at("rvalue"));
    return call;
  }
  return ask::Bad{};
}

// False: the JSON is no request at all (a key twice, an id that is none).
bool read_id(dom::object object, std::uint64_t& id) {
  std::set<std::string_view> seen;
  for (auto const field : object) {
    if (!seen.insert(field.key).second) return false;
    if (field.key == "id" && field.value.get(id) != simdjson::SUCCESS) return false;
  }
  return true;
}

}  // namespace

Request read_request(std::string_view json, Generation generation, std::string_view hrp) {
  dom::parser parser;
  dom::object object;
  simdjson::padded_string const padded(json);
  if (parser.parse(padded).get(object) != simdjson::SUCCESS) return {0, ask::Broken{}};
  Request request;
  if (!read_id(object, request.id)) return {0, ask::Broken{}};
  Fields fields(object, hrp);
  request.call = read_call(fields, generation);
  if (!fields.fatal().empty())
    request.call = ask::Fatal{fields.fatal()};
  else if (fields.is_bad())
    request.call = ask::Bad{};
  return request;
}

}  // namespace hotside::simnode
