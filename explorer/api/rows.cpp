#include "explorer/api/rows.hpp"

#include <algorithm>

namespace hotside::api {
namespace {
constexpr std::string_view kMark = "\xef\xbb\xbf";
}

std::string_view ByteOrderMark::strip(std::string_view piece, std::string_view& held) {
  held = {};
  while (!is_over_ && !piece.empty()) {
    if (piece.front() == kMark[seen_]) {
      piece.remove_prefix(1);
      is_over_ = ++seen_ == kMark.size();
    } else {
      is_over_ = true;
      held = kMark.substr(0, seen_);
    }
  }
  return piece;
}

std::string_view ByteOrderMark::rest() {
  if (is_over_) return {};
  is_over_ = true;
  return kMark.substr(0, seen_);
}

// ---- CSV

void CsvReader::feed(std::string_view piece, Take const& take) {
  std::string_view held;
  auto const text = mark_.strip(piece, held);
  read(held, take);
  read(text, take);
}

void CsvReader::finish(Take const& take) {
  read(mark_.rest(), take);
  if (state_ == State::quoted) refuse("a quoted field is not closed");
  if (bytes_ > 0) end_row(take);
}

void CsvReader::read(std::string_view text, Take const& take) {
  for (char const c : text) read(c, take);
}

void CsvReader::read(char c, Take const& take) {
  if (c == '\n') ++lines_;
  bool const ends = c == '\n' && state_ != State::quoted;
  if (ends) return end_row(take);
  // What is refused is only looked at for its end.
  if (state_ == State::refused) return;
  if (++bytes_ > row_max_)
    return refuse(state_ == State::quoted ? "a quoted field is not closed within 64 KiB"
                                          : "longer than 64 KiB");
  switch (state_) {
    case State::begin:
    case State::plain:
      if (c == ',') return end_field();
      if (c == '"') {
        if (state_ == State::plain) return refuse("a quote inside a field that is not quoted");
        state_ = State::quoted;
        return;
      }
      state_ = State::plain;
      field_.push_back(c);
      return;
    case State::quoted:
      if (c == '"')
        state_ = State::closed;
      else
        field_.push_back(c);
      return;
    case State::closed:
      if (c == ',') return end_field();
      if (c == '\r') {
        state_ = State::closed_cr;
        return;
      }
      if (c != '"') return refuse("something follows a closing quote");
      state_ = State::quoted;
      field_.push_back(c);
      return;
    case State::closed_cr:
      return refuse("something follows a closing quote");
    case State::refused:
      return;
  }
}

void CsvReader::end_field() {
  row_.fields.push_back(std::move(field_));
  field_.clear();
  state_ = State::begin;
}

void CsvReader::end_row(Take const& take) {
  if (state_ == State::plain && field_.ends_with('\r')) {
    field_.pop_back();
    if (field_.empty() && row_.fields.empty()) bytes_ = 0;  // an empty line that ends in CRLF
  }
  if (bytes_ > 0) {
    end_field();
    if (!row_.error.empty()) row_.fields.clear();
    take(row_);
  }
  row_ = CsvRow{lines_ + 1, {}, {}};
  field_.clear();
  bytes_ = 0;
  state_ = State::begin;
}

void CsvReader::refuse(std::string_view why) {
  row_.error = why;
  row_.fields.clear();
  field_.clear();
  state_ = State::refused;
}

// ---- lines

void LineReader::feed(std::string_view piece, Take const& take) {
  std::string_view held;
  auto const text = mark_.strip(piece, held);
  read(held, take);
  read(text, take);
}

void LineReader::finish(Take const& take) {
  read(mark_.rest(), take);
  end_line(take);
}

void LineReader::read(std::string_view text, Take const& take) {
  while (!text.empty()) {
    auto const end = text.find('\n');
    auto const part = text.substr(0, end);
    auto const room = line_max_ - line_.size();
    is_too_long_ = is_too_long_ || part.size() > room;
    line_.append(part.substr(0, room));
    if (end == std::string_view::npos) return;
    end_line(take);
    text.remove_prefix(end + 1);
  }
}

void LineReader::end_line(Take const& take) {
  ++lines_;
  std::string_view text = line_;
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (!text.empty()) take(Line{lines_, text, is_too_long_});
  line_.clear();
  is_too_long_ = false;
}

}  // namespace hotside::api
