#pragma once
// An import of addresses, read as it comes: rows to register, and what is wrong with the others.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/api/rows.hpp"
#include "proto/base/result.hpp"
#include "proto/model/ports.hpp"

namespace hotside::api {

inline constexpr std::size_t kRowErrorsListed = 1000;

class AddressRows {
 public:
  enum class Format : std::uint8_t {
    csv,    // a header that names address, reference, label in any order; the last two may miss
    ndjson  // {"address","reference"?,"label"?} on each line
  };
  AddressRows(Format format, std::string hrp) : format_(format), hrp_(std::move(hrp)) {}

  // An error is of the whole: a header that is not one. What is wrong with one row stands in
  // errors(), and the others are read.
  Result<void> feed(std::string_view piece);
  Result<void> finish();

  // Those read since the last call.
  std::vector<model::NewAddress> take() { return std::exchange(rows_, {}); }
  std::size_t ready() const { return rows_.size(); }

  struct Bad {
    std::uint64_t line;
    std::string error;
  };
  std::vector<Bad> const& errors() const { return errors_; }  // the first kRowErrorsListed
  std::uint64_t errors_total() const { return errors_total_; }

 private:
  void on_csv(CsvRow& row);
  void on_header(CsvRow const& row);
  void on_line(Line const& line);
  void add(std::uint64_t line, Result<model::NewAddress> row);

  Format format_;
  std::string hrp_;
  CsvReader csv_;
  LineReader lines_;
  std::vector<std::size_t> columns_;  // what each column of the file is: an index of kColumns
  std::optional<Error> fatal_;
  std::vector<model::NewAddress> rows_;
  std::vector<Bad> errors_;
  std::uint64_t errors_total_ = 0;
};

}  // namespace hotside::api
