// Rows of an import: how the text is cut into pieces changes nothing, and a row that was read is
// written and read again as the same row. Input: the size of the pieces, then the text.

#include "explorer/api/rows.hpp"
#include "proto/base/invariant.hpp"

using namespace hotside;
using api::CsvRow;

namespace {

constexpr std::size_t kRowMax = 64;  // so that few bytes make a row that is too long

std::vector<CsvRow> read(std::string_view text, std::size_t piece) {
  api::CsvReader reader(kRowMax);
  std::vector<CsvRow> rows;
  auto const take = [&](CsvRow& row) { rows.push_back(row); };
  for (std::size_t at = 0; at < text.size(); at += piece) reader.feed(text.substr(at, piece), take);
  reader.finish(take);
  return rows;
}

std::vector<std::string> lines(std::string_view text, std::size_t piece) {
  api::LineReader reader(kRowMax);
  std::vector<std::string> found;
  auto const take = [&](api::Line const& line) {
    found.push_back(std::to_string(line.number) + (line.is_too_long ? "!" : ":") +
                    std::string(line.text));
  };
  for (std::size_t at = 0; at < text.size(); at += piece) reader.feed(text.substr(at, piece), take);
  reader.finish(take);
  return found;
}

std::string written(std::vector<std::string> const& fields) {
  std::string out;
  for (auto const& field : fields) {
    out += out.empty() ? "\"" : ",\"";
    for (char const c : field) {
      if (c == '"') out += c;
      out += c;
    }
    out += '"';
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 2) return 0;
  std::size_t const piece = std::size_t{1} + data[0];
  std::string_view const text(reinterpret_cast<char const*>(data) + 1, size - 1);
  auto const whole = read(text, text.size()), cut = read(text, piece);
  invariant(whole.size() == cut.size(), "as many rows");
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto const& row = whole[i];
    invariant(row.fields == cut[i].fields && row.line == cut[i].line && row.error == cut[i].error,
              "the same row");
    invariant(row.line > last, "lines ascend");
    last = row.line;
    invariant(row.error.empty() != row.fields.empty(), "a row has fields or an error");
    auto const quoted = written(row.fields);
    if (!row.error.empty() || quoted.size() > kRowMax) continue;
    auto const again = read(quoted, piece);
    invariant(again.size() == 1 && again[0].fields == row.fields, "written and read again");
  }
  invariant(lines(text, text.size()) == lines(text, piece), "the same lines");
  return 0;
}
