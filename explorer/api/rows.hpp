#pragma once
// Rows of a text that comes in pieces, however it is cut: CSV (RFC 4180) and one record a line.
// What is held is one row, and no more of it than its bound; a row that cannot be read is given
// as such, with its line, and reading goes on behind it.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hotside::api {

inline constexpr std::size_t kRowBytesMax = std::size_t{64} * 1024;

// A UTF-8 byte order mark at the very beginning is no part of the text.
class ByteOrderMark {
 public:
  // What of `piece` is text; `held` is text that came before it and looked like a mark.
  std::string_view strip(std::string_view piece, std::string_view& held);
  std::string_view rest();  // at the end

 private:
  std::size_t seen_ = 0;
  bool is_over_ = false;
};

struct CsvRow {
  std::uint64_t line = 0;  // where it begins, from 1
  std::vector<std::string> fields;
  std::string_view error;  // not empty: why it is no row
};

// Commas, fields in double quotes with commas, doubled quotes and line breaks inside, lines that
// end in LF or CRLF. Empty lines are no rows.
class CsvReader {
 public:
  using Take = std::function<void(CsvRow&)>;
  explicit CsvReader(std::size_t row_max = kRowBytesMax) : row_max_(row_max) {}
  void feed(std::string_view piece, Take const& take);
  void finish(Take const& take);

 private:
  enum class State : std::uint8_t { begin, plain, quoted, closed, closed_cr, refused };

  void read(std::string_view text, Take const& take);
  void read(char c, Take const& take);
  void end_field();
  void end_row(Take const& take);
  void refuse(std::string_view why);

  std::size_t row_max_;
  ByteOrderMark mark_;
  State state_ = State::begin;
  std::uint64_t lines_ = 0;  // line breaks seen
  std::size_t bytes_ = 0;    // of this row
  std::string field_;
  CsvRow row_{1, {}, {}};
};

struct Line {
  std::uint64_t number = 0;  // from 1
  std::string_view text;     // without its end
  bool is_too_long = false;
};

class LineReader {
 public:
  using Take = std::function<void(Line const&)>;  // not of empty lines
  explicit LineReader(std::size_t line_max = kRowBytesMax) : line_max_(line_max) {}
  void feed(std::string_view piece, Take const& take);
  void finish(Take const& take);

 private:
  void read(std::string_view text, Take const& take);
  void end_line(Take const& take);

  std::size_t line_max_;
  ByteOrderMark mark_;
  std::uint64_t lines_ = 0;
  std::string line_;
  bool is_too_long_ = false;
};

}  // namespace hotside::api
