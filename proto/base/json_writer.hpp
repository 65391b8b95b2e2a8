#pragma once
// Writes JSON text in order. Our own because sums go up to 128 bits, which no library here can
// print as a JSON number, and because an event's text is stored as it was written.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/units.hpp"

namespace hotside {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);  // invalid UTF-8 becomes U+FFFD
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& integer(std::int64_t value) { return raw(std::to_string(value)); }
  JsonWriter& unsigned_integer(std::uint64_t value) { return raw(std::to_string(value)); }
  JsonWriter& sum(Sum value) { return raw(to_decimal(value)); }
  JsonWriter& number(double value);        // "null" when not finite
  JsonWriter& raw(std::string_view json);  // a complete JSON value

  JsonWriter& optional_string(std::optional<std::string> const& text) {
    return text ? string(*text) : null();
  }

  std::string const& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string out_;
  bool need_comma_ = false;
};

}  // namespace hotside
