#pragma once
// Rows of a CSV file (RFC 4180), one at a time, however long the file is.

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/result.hpp"

namespace hotside::app {

class CsvReader {
 public:
  static Result<CsvReader> open(std::string const& path);

  // The next row that is not empty. A quoted field may hold commas, doubled quotes and line breaks.
  std::optional<std::vector<std::string>> next();
  std::uint64_t line() const { return row_line_; }  // where that row began, from 1

 private:
  std::ifstream file_;
  std::uint64_t lines_ = 0, row_line_ = 0;
};

}  // namespace hotside::app
