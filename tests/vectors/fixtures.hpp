#pragma once
// The fixtures under tests/vectors/stegos, read with simdjson's DOM: another reader than the one
// under test.

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/bytes.hpp"

namespace hotside::fixtures {

namespace dom = simdjson::dom;

std::string read_file(std::string_view name);                // raw bytes
std::vector<std::string> read_lines(std::string_view name);  // .gz is unpacked
std::vector<std::string> list(std::string_view folder, std::string_view suffix);

// A document that outlives its parser's buffer.
struct Json {
  explicit Json(std::string const& text) : root(parser.parse(text)) {}
  dom::parser parser;
  dom::element root;
};
inline Json json_file(std::string_view name) { return Json(read_file(name)); }

std::string text(dom::element const& object, std::string_view key);
Hash hash(dom::element const& object, std::string_view key);
Bytes bytes(dom::element const& object, std::string_view key);
bool has(dom::element const& object, std::string_view key);
inline std::string minified(dom::element const& value) { return simdjson::minify(value); }

}  // namespace hotside::fixtures
