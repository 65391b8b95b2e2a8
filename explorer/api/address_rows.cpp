#include "explorer/api/address_rows.hpp"

#include <algorithm>

#include "explorer/api/body.hpp"

namespace hotside::api {
namespace {

constexpr std::array<std::string_view, 3> kColumns{"address", "reference", "label"};

}  // namespace

Result<void> AddressRows::feed(std::string_view piece) {
  if (format_ == Format::csv)
    csv_.feed(piece, [this](CsvRow& row) { on_csv(row); });
  else
    lines_.feed(piece, [this](Line const& line) { on_line(line); });
  if (fatal_) return fail(*fatal_);
  return {};
}

Result<void> AddressRows::finish() {
  if (format_ == Format::csv)
    csv_.finish([this](CsvRow& row) { on_csv(row); });
  else
    lines_.finish([this](Line const& line) { on_line(line); });
  if (!fatal_ && format_ == Format::csv && columns_.empty())
    fatal_ = Error{Fault::rejected, "line 1: the header address,reference,label is missing", {}};
  if (fatal_) return fail(*fatal_);
  return {};
}

void AddressRows::on_header(CsvRow const& row) {
  auto const refuse = [&](std::string const& why) {
    fatal_ = Error{Fault::rejected,
                   "line " + std::to_string(row.line) +
                       ": the header is to be address,reference,label: " + why,
                   {}};
  };
  if (!row.error.empty()) return refuse(std::string(row.error));
  for (auto const& name : row.fields) {
    auto const at = std::ranges::find(kColumns, name);
    if (at == kColumns.end())
      return refuse("'" + name.substr(0, 64) + "' is not one of these columns");
    auto const column = static_cast<std::size_t>(at - kColumns.begin());
    if (std::ranges::find(columns_, column) != columns_.end())
      return refuse(name + " stands twice");
    columns_.push_back(column);
  }
  if (std::ranges::find(columns_, 0U) == columns_.end()) refuse("address is missing");
}

void AddressRows::on_csv(CsvRow& row) {
  if (fatal_) return;
  if (columns_.empty()) return on_header(row);
  if (!row.error.empty()) return add(row.line, fail(Fault::rejected, std::string(row.error)));
  if (row.fields.size() != columns_.size())
    return add(row.line, fail(Fault::rejected, std::to_string(row.fields.size()) +
                                                   " fields where the header has " +
                                                   std::to_string(columns_.size())));
  AddressText text;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto& field = row.fields[i];
    if (columns_[i] == 0)
      text.address = std::move(field);
    else if (!field.empty())  // as if the column were not there
      (columns_[i] == 1 ? text.reference : text.label) = std::move(field);
  }
  add(row.line, check_address(std::move(text), hrp_));
}

void AddressRows::on_line(Line const& line) {
  if (line.is_too_long) return add(line.number, fail(Fault::rejected, "longer than 64 KiB"));
  auto text = read_address(line.text);
  if (!text) return add(line.number, fail(std::move(text.error())));
  add(line.number, check_address(std::move(*text), hrp_));
}

void AddressRows::add(std::uint64_t line, Result<model::NewAddress> row) {
  if (row) {
    rows_.push_back(std::move(*row));
    return;
  }
  ++errors_total_;
  if (errors_.size() < kRowErrorsListed) errors_.push_back({line, std::move(row.error().what)});
}

}  // namespace hotside::api
