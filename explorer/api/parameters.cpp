#include "explorer/api/parameters.hpp"

#include <limits>

#include "proto/model/address.hpp"

namespace hotside::api {
namespace {

// The code point at `at`, or nullopt where the text is not UTF-8; moves `at` behind it.
std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) {
  auto const byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  std::uint8_t const first = byte(at);
  std::size_t const length = first < 0x80             ? 1
                             : (first & 0xe0) == 0xc0 ? 2
                             : (first & 0xf0) == 0xe0 ? 3
                             : (first & 0xf8) == 0xf0 ? 4
                                                      : 0;
  if (length == 0 || at + length > text.size()) return std::nullopt;
  std::uint32_t value = length == 1 ? first : first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return std::nullopt;
    value = (value << 6) | (byte(at + i) & 0x3fU);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
    return std::nullopt;
  at += length;
  return value;
}

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i)
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i))));
}
std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (char const c : bytes) value = (value << 8) | static_cast<std::uint8_t>(c);
  return value;
}

// The first byte keeps cursors of different lists apart.
constexpr char kDepositCursor = 'd';
constexpr char kAddressCursor = 'a';
constexpr char kUtxoCursor = 'u';
constexpr std::size_t kDepositCursorSize = 1 + 8 + 1 + 4 + 32;

}  // namespace

std::optional<std::string> given(Call const& call, std::string const& name) {
  auto const found = call.query.find(name);
  if (found == call.query.end()) return std::nullopt;
  return found->second;
}

Asked<std::optional<std::uint64_t>> u64_parameter(Call const& call, std::string const& name,
                                                  std::uint64_t min, std::uint64_t max) {
  auto const text = given(call, name);
  if (!text) return std::optional<std::uint64_t>();
  auto const value = parse_u64(*text);
  if (!value || *value < min || *value > max)
    return refuse(Problem::invalid_parameter,
                  name + ": an integer from " + std::to_string(min) + " to " + std::to_string(max));
  return value;
}

Asked<std::optional<std::int64_t>> i64_parameter(Call const& call, std::string const& name,
                                                 std::int64_t min) {
  auto const text = given(call, name);
  if (!text) return std::optional<std::int64_t>();
  auto const value = parse_i64(*text);
  if (!value || *value < min)
    return refuse(Problem::invalid_parameter,
                  name + ": an integer of at least " + std::to_string(min) + ", in µSTG");
  return value;
}

Asked<std::optional<Hash>> hash_parameter(Call const& call, std::string const& name) {
  auto const text = given(call, name);
  if (!text) return std::optional<Hash>();
  auto const value = Hash::from_hex(*text);
  if (!value) return refuse(Problem::invalid_parameter, name + ": 64 hex digits");
  return value;
}

Asked<std::optional<PublicKey>> address_parameter(Context const& context, Call const& call,
                                                  std::string const& name) {
  auto const text = given(call, name);
  if (!text) return std::optional<PublicKey>();
  auto key = model::parse_address(context.options.hrp, *text);
  if (!key) return refuse(Problem::invalid_parameter, name + ": " + key.error().what);
  return std::optional<PublicKey>(*key);
}

Asked<std::size_t> limit_parameter(Call const& call) {
  HS_ASK(limit, u64_parameter(call, "limit", 1, kLimitMax));
  return limit ? static_cast<std::size_t>(*limit) : kLimitDefault;
}

Result<void> check_text(std::string_view name, std::string_view text, std::size_t max) {
  std::string const who(name);
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    auto const point = next_code_point(text, at);
    if (!point) return fail(Fault::rejected, who + ": not valid UTF-8");
    if (*point < 0x20 || (*point >= 0x7f && *point < 0xa0))
      return fail(Fault::rejected, who + ": no control characters");
  }
  if (count < 1 || count > max)
    return fail(Fault::rejected, who + ": 1 to " + std::to_string(max) + " characters");
  return {};
}

Asked<std::optional<std::string>> text_parameter(Call const& call, std::string const& name) {
  auto text = given(call, name);
  if (!text) return std::optional<std::string>();
  if (auto const checked = check_text(name, *text); !checked)
    return refuse(Problem::invalid_parameter, checked.error().what);
  return text;
}

std::string cursor_of(store::DepositKey const& key) {
  std::string bytes(1, kDepositCursor);
  append_big_endian(bytes, key.epoch.value, 8);
  bytes.push_back(key.offset ? '\1' : '\0');
  append_big_endian(bytes, key.offset ? key.offset->value : 0, 4);
  bytes.append(key.utxo.bytes.begin(), key.utxo.bytes.end());
  return base64url(bytes);
}

std::string cursor_of(PublicKey const& key) {
  std::string bytes(1, kAddressCursor);
  bytes.append(key.bytes.begin(), key.bytes.end());
  return base64url(bytes);
}

std::string cursor_of(store::UtxoKey const& key) {
  std::string bytes(1, kUtxoCursor);
  append_big_endian(bytes, static_cast<std::uint64_t>(key.amount.value), 8);
  append_big_endian(bytes, static_cast<std::uint64_t>(key.row), 8);
  return base64url(bytes);
}

std::optional<store::UtxoKey> utxo_cursor(std::string_view text) {
  auto const bytes = from_base64url(text);
  if (!bytes || bytes->size() != 17 || bytes->front() != kUtxoCursor) return std::nullopt;
  std::string_view const rest(*bytes);
  return store::UtxoKey{Amount(static_cast<std::int64_t>(read_big_endian(rest.substr(1, 8)))),
                        static_cast<std::int64_t>(read_big_endian(rest.substr(9)))};
}

std::string cursor_of(char list, std::int64_t row) {
  std::string bytes(1, list);
  append_big_endian(bytes, static_cast<std::uint64_t>(row), 8);
  return base64url(bytes);
}

std::optional<std::int64_t> row_cursor(char list, std::string_view text) {
  auto const bytes = from_base64url(text);
  if (!bytes || bytes->size() != 9 || bytes->front() != list) return std::nullopt;
  return static_cast<std::int64_t>(read_big_endian(std::string_view(*bytes).substr(1)));
}

std::optional<store::DepositKey> deposit_cursor(std::string_view text) {
  auto const bytes = from_base64url(text);
  if (!bytes || bytes->size() != kDepositCursorSize || bytes->front() != kDepositCursor)
    return std::nullopt;
  std::string_view const rest(*bytes);
  store::DepositKey key;
  key.epoch = Epoch(read_big_endian(rest.substr(1, 8)));
  if (rest[9] == '\1')
    key.offset = Offset(static_cast<std::uint32_t>(read_big_endian(rest.substr(10, 4))));
  else if (rest[9] != '\0')
    return std::nullopt;
  key.utxo = *Hash::from_bytes(as_bytes(rest.substr(14)));
  return key;
}

std::optional<PublicKey> address_cursor(std::string_view text) {
  auto const bytes = from_base64url(text);
  if (!bytes || bytes->empty() || bytes->front() != kAddressCursor) return std::nullopt;
  return PublicKey::from_bytes(as_bytes(std::string_view(*bytes).substr(1)));
}

void write_complete_through(JsonWriter& json, std::optional<model::Position> const& position) {
  if (!position) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("final_epoch").unsigned_integer(position->final_epoch.value);
  json.key("epoch").unsigned_integer(position->epoch.value);
  json.key("offset");
  if (position->offset)
    json.unsigned_integer(position->offset->value);
  else
    json.null();
  json.key("block_hash").string(position->block_hash.hex());
  json.end_object();
}

void write_next(JsonWriter& json, std::optional<std::string> const& next) {
  json.key("next").optional_string(next);
}

}  // namespace hotside::api
