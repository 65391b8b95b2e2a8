#include "explorer/api/body.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>

#include "explorer/api/parameters.hpp"
#include "proto/model/address.hpp"

namespace hotside::api {
namespace {

namespace sj = simdjson::ondemand;

tl::unexpected<Error> bad(std::string what) { return fail(Fault::rejected, std::move(what)); }
tl::unexpected<Error> bad(simdjson::error_code code) {
  return bad(std::string("not valid JSON: ") + simdjson::error_message(code));
}

// A text field that may be absent; given twice is an error.
struct Field {
  std::string_view name;
  bool may_be_null = false;
  std::optional<std::string> value{};
  bool seen = false;
};

Result<void> read_field(std::string const& where, sj::value value, Field& field) {
  std::string const name = where + std::string(field.name);
  if (field.seen) return bad(name + ": given twice");
  field.seen = true;
  bool is_null = false;
  if (auto const code = value.is_null().get(is_null)) return bad(code);
  if (is_null && field.may_be_null) return {};
  sj::json_type type{};
  if (auto const code = value.type().get(type)) return bad(code);
  if (type != sj::json_type::string) return bad(name + ": a text");
  std::string_view text;
  if (auto const code = value.get_string().get(text)) return bad(code);
  field.value = std::string(text);
  return {};
}

// All fields of one object; `where` leads each message.
Result<void> read_fields(std::string const& where, sj::object object, std::span<Field> fields) {
  for (auto item : object) {
    std::string_view key;
    if (auto const code = item.unescaped_key().get(key)) return bad(code);
    sj::value value;
    if (auto const code = item.value().get(value)) return bad(code);
    auto const field = std::ranges::find(fields, key, &Field::name);
    if (field == fields.end())
      return bad(where + "unknown field '" + std::string(key.substr(0, 64)) + "'");
    if (auto done = read_field(where, value, *field); !done) return done;
  }
  return {};
}

Result<AddressText> read_text(std::string const& where, sj::object object) {
  std::array<Field, 3> fields{Field{"address"}, Field{"reference", true}, Field{"label", true}};
  HS_DO(read_fields(where, object, fields));
  if (!fields[0].value) return bad(where + "address: missing");
  return AddressText{std::move(*fields[0].value), std::move(fields[1].value),
                     std::move(fields[2].value)};
}

Result<void> read_item(std::size_t index, sj::value value, std::string_view hrp,
                       AddressItems& items) {
  std::string const where = "addresses[" + std::to_string(index) + "]";
  sj::object object;
  if (value.get_object().get(object)) return bad(where + ": an object");
  HS_TRY(text, read_text(where + ".", object));
  if (auto item = check_address(std::move(text), hrp))
    items.addresses.push_back(std::move(*item));
  else
    items.errors.push_back({index, std::move(item.error().what)});
  return {};
}

Result<void> read_list(sj::value value, std::string_view hrp, AddressItems& items) {
  sj::array array;
  if (value.get_array().get(array)) return bad("addresses: an array");
  std::size_t index = 0;
  for (auto element : array) {
    sj::value item;
    if (auto const code = element.get(item)) return bad(code);
    HS_DO(read_item(index++, item, hrp, items));
  }
  return {};
}

// Opens the body as one object and calls `read` with it; refuses what follows the object.
template <class Read>
Result<void> with_object(std::string_view body, Read&& read) {
  simdjson::padded_string const padded(body);
  sj::parser parser;
  sj::document document;
  if (auto const code = parser.iterate(padded).get(document)) return bad(code);
  sj::object object;
  if (document.get_object().get(object)) return bad("not a JSON object");
  HS_DO(read(object));
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return bad("not valid JSON: something follows the object");
  return {};
}

Result<std::vector<Hash>> read_hashes(std::string_view name, sj::value value) {
  sj::array array;
  if (value.get_array().get(array)) return bad(std::string(name) + ": an array");
  std::vector<Hash> hashes;
  for (auto element : array) {
    std::string_view text;
    if (element.get_string().get(text)) return bad(std::string(name) + ": texts");
    auto const hash = Hash::from_hex(text);
    if (!hash) return bad(std::string(name) + ": 64 hexadecimal digits each");
    hashes.push_back(*hash);
  }
  return hashes;
}

Result<void> read_transaction_field(std::string_view key, sj::value value, TransactionBody& into) {
  std::string_view text;
  if (key == "data") {
    if (value.get_string().get(text)) return bad("data: a text");
    auto data = from_hex(text);
    if (!data || data->empty())
      return fail(Fault::rejected, "data: not hexadecimal text", "undecodable");
    into.data = std::move(*data);
    return {};
  }
  if (key == "txouts") {
    HS_TRY(outputs, read_hashes(key, value));
    into.outputs = std::move(outputs);
    return {};
  }
  if (key == "type") {
    if (value.get_string().get(text) || text != "create_raw_transaction")
      return bad("type: create_raw_transaction");
    return {};
  }
  std::uint64_t id = 0;
  if (key == "id")
    return value.get_uint64().get(id) ? Result<void>(bad("id: a number")) : Result<void>();
  return bad("unknown field '" + std::string(key.substr(0, 64)) + "'");
}

}  // namespace

Result<TransactionBody> read_transaction(std::string_view body) {
  TransactionBody result;
  std::set<std::string, std::less<>> seen;
  auto const read = [&](sj::object object) -> Result<void> {
    for (auto item : object) {
      std::string_view key;
      if (auto const code = item.unescaped_key().get(key)) return bad(code);
      std::string const name(key.substr(0, 64));
      if (!seen.insert(name).second) return bad(name + ": given twice");
      sj::value value;
      if (auto const code = item.value().get(value)) return bad(code);
      HS_DO(read_transaction_field(name, value, result));
    }
    return {};
  };
  HS_DO(with_object(body, read));
  if (!seen.contains("data")) return bad("data: missing");
  return result;
}

Result<model::NewAddress> check_address(AddressText text, std::string_view hrp) {
  HS_TRY(key, model::parse_address(hrp, text.address));
  if (text.reference) HS_DO(check_text("reference", *text.reference));
  if (text.label) HS_DO(check_text("label", *text.label));
  return model::NewAddress{key, std::move(text.reference), std::move(text.label)};
}

Result<AddressText> read_address(std::string_view body) {
  AddressText text;
  auto const read = [&](sj::object object) -> Result<void> {
    HS_TRY(found, read_text("", object));
    text = std::move(found);
    return {};
  };
  HS_DO(with_object(body, read));
  return text;
}

Result<store::AddressChange> read_address_change(std::string_view body) {
  std::array<Field, 2> fields{Field{"reference", true}, Field{"label", true}};
  auto const read = [&](sj::object object) { return read_fields("", object, fields); };
  HS_DO(with_object(body, read));
  for (auto const& field : fields)
    if (field.value) HS_DO(check_text(field.name, *field.value));
  store::AddressChange change;
  if (fields[0].seen) change.reference.emplace(std::move(fields[0].value));
  if (fields[1].seen) change.label.emplace(std::move(fields[1].value));
  return change;
}

Result<AddressItems> read_addresses(std::string_view body, std::string_view hrp) {
  AddressItems items;
  bool seen = false;
  auto const read = [&](sj::object object) -> Result<void> {
    for (auto item : object) {
      std::string_view key;
      if (auto const code = item.unescaped_key().get(key)) return bad(code);
      if (key != "addresses") return bad("unknown field '" + std::string(key.substr(0, 64)) + "'");
      if (seen) return bad("addresses: given twice");
      seen = true;
      sj::value value;
      if (auto const code = item.value().get(value)) return bad(code);
      HS_DO(read_list(value, hrp, items));
    }
    return {};
  };
  HS_DO(with_object(body, read));
  if (!seen) return bad("addresses: missing");
  return items;
}

Result<std::string> read_reason(std::string_view body) {
  std::array<Field, 1> fields{Field{"reason"}};
  auto const read = [&](sj::object object) { return read_fields("", object, fields); };
  HS_DO(with_object(body, read));
  if (!fields[0].value) return bad("reason: missing");
  HS_DO(check_text("reason", *fields[0].value, 1000));
  return std::move(*fields[0].value);
}

}  // namespace hotside::api
