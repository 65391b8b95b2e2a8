#include "explorer/app/commands/csv.hpp"

#include <cerrno>
#include <system_error>

namespace hotside::app {
namespace {

// Splits what is complete; false when a quote is still open at the end.
bool split(std::string const& text, std::vector<std::string>& fields) {
  fields.assign(1, {});
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (is_quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"')
      fields.back() += text[++i];
    else if (c == '"' && (is_quoted || fields.back().empty()))
      is_quoted = !is_quoted;
    else if (c == ',' && !is_quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return !is_quoted;
}

}  // namespace

Result<CsvReader> CsvReader::open(std::string const& path) {
  CsvReader reader;
  reader.file_.open(path, std::ios::binary);
  if (!reader.file_)
    return fail(Fault::rejected,
                "cannot read " + path + ": " + std::generic_category().message(errno));
  return reader;
}

std::optional<std::vector<std::string>> CsvReader::next() {
  constexpr std::size_t row_bytes_max = 64 * 1024;
  std::string row, piece;
  std::vector<std::string> fields;
  while (std::getline(file_, piece)) {
    ++lines_;
    if (piece.ends_with('\r')) piece.pop_back();
    if (row.empty()) {
      if (piece.empty()) continue;
      row_line_ = lines_;
      row = std::move(piece);
    } else {
      row += '\n' + piece;
    }
    if (split(row, fields) || row.size() > row_bytes_max) return fields;
  }
  if (row.empty()) return std::nullopt;
  return fields;  // the last quote was never closed: what there is will be refused by its reader
}

}  // namespace hotside::app
