#include "explorer/api/rows.hpp"

#include <catch2/catch.hpp>

#include "explorer/api/address_rows.hpp"
#include "explorer/api/body.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace hotside;
using namespace hotside::api;
using namespace hotside::api::testing;
using Fields = std::vector<std::string>;

namespace {

// Read in pieces of every size up to the whole; all must agree.
std::vector<CsvRow> csv(std::string const& text) {
  std::vector<CsvRow> whole;
  for (std::size_t size = std::max<std::size_t>(text.size(), 1); size > 0;
       size = size > 7 ? size / 2 : size - 1) {
    CsvReader reader;
    std::vector<CsvRow> rows;
    auto const take = [&](CsvRow& row) { rows.push_back(row); };
    for (std::size_t at = 0; at < text.size(); at += size)
      reader.feed(std::string_view(text).substr(at, size), take);
    reader.finish(take);
    if (whole.empty()) whole = rows;
    REQUIRE(rows.size() == whole.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      REQUIRE(rows[i].line == whole[i].line);
      REQUIRE(rows[i].fields == whole[i].fields);
      REQUIRE(rows[i].error == whole[i].error);
    }
  }
  return whole;
}

struct Read {
  std::vector<model::NewAddress> rows;
  std::vector<AddressRows::Bad> errors;
  std::uint64_t total = 0;
  std::string fatal;
};
Read read(std::string const& text, AddressRows::Format format = AddressRows::Format::csv,
          std::size_t piece = 11) {
  AddressRows rows(format, "stt");
  Read out;
  Result<void> done;
  for (std::size_t at = 0; at < text.size() && done; at += piece)
    done = rows.feed(std::string_view(text).substr(at, piece));
  if (done) done = rows.finish();
  if (!done) out.fatal = done.error().what;
  out.rows = rows.take();
  out.errors = rows.errors();
  out.total = rows.errors_total();
  return out;
}
constexpr auto kNdjson = AddressRows::Format::ndjson;

}  // namespace

TEST_CASE("CSV is read as RFC 4180 has it, however it is cut") {
  auto const rows =
      csv("\xef\xbb\xbfone,two\r\n\n\r\n\"a,b\",\"say \"\"hi\"\"\"\n"
          "\"two\r\nlines\",x\n,\n\"\"\nlast");
  REQUIRE(rows.size() == 6);
  CHECK(rows[0].fields == Fields{"one", "two"});
  CHECK(rows[0].line == 1);
  CHECK(rows[1].fields == Fields{"a,b", "say \"hi\""});
  CHECK(rows[1].line == 4);
  CHECK(rows[2].fields == Fields{"two\r\nlines", "x"});
  CHECK(rows[2].line == 5);
  CHECK(rows[3].fields == Fields{"", ""});
  CHECK(rows[3].line == 7);
  CHECK(rows[4].fields == Fields{""});
  CHECK(rows[5].fields == Fields{"last"});
  CHECK(rows[5].line == 9);
  CHECK(csv("").empty());
  CHECK(csv("\xef\xbb").front().fields == Fields{"\xef\xbb"});
}

TEST_CASE("a row that cannot be read is told with its line, and reading goes on") {
  auto const rows = csv("a\"b,c\nok\n\"x\"y,\"z\nok\n\"x\"\r \nok\n\"never closed,\nz");
  REQUIRE(rows.size() == 7);
  CHECK(rows[0].error == "a quote inside a field that is not quoted");
  CHECK(rows[1].fields == Fields{"ok"});
  CHECK(rows[2].error == "something follows a closing quote");
  CHECK(rows[3].fields == Fields{"ok"});
  CHECK(rows[3].line == 4);
  CHECK(rows[4].error == "something follows a closing quote");
  CHECK(rows[6].line == 7);
  CHECK(rows[6].error == "a quoted field is not closed");
  CHECK(rows[6].fields.empty());
}

TEST_CASE("a row without end takes no memory without end") {
  std::string const long_text(kRowBytesMax + 1, 'x');
  auto rows = csv(long_text + "\nok\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].error == "longer than 64 KiB");
  CHECK(rows[1].fields == Fields{"ok"});
  // A quote that is never closed does not swallow the rest of the file.
  rows = csv("\"" + long_text + "\nok\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].error == "a quoted field is not closed within 64 KiB");
  CHECK(rows[1].fields == Fields{"ok"});
  CHECK(rows[1].line == 2);
}

TEST_CASE("an import takes its columns in any order, and says what is wrong by line") {
  auto const other = model::to_address("stg", test_key(1));
  auto const got = read(
      "label,address,reference\r\n"
      "first," +
      test_address(1) + ",user-1\r\n" + ",\"" + test_address(2) + "\",\r\n" + "x,nonsense,\r\n" +
      "x," + other + ",\r\n" + "\"two\nlines\"," + test_address(3) + ",\r\n" + "x," +
      test_address(3) + "\r\n" + "\xff," + test_address(3) + ",\r\n" + "x," + test_address(3) +
      "," + std::string(256, 'r') + "\r\n" + std::string("\0", 1) + "," + test_address(3) +
      ",\r\n" + "x," + test_address(3) + ",ok\r\n");
  REQUIRE(got.fatal.empty());
  REQUIRE(got.rows.size() == 3);
  CHECK(got.rows[0].reference == "user-1");
  CHECK(got.rows[0].label == "first");
  CHECK(got.rows[1].key == test_key(2));
  CHECK_FALSE(got.rows[1].reference);
  CHECK_FALSE(got.rows[1].label);
  CHECK(got.rows[2].reference == "ok");
  std::vector<std::uint64_t> lines;
  for (auto const& bad : got.errors) lines.push_back(bad.line);
  CHECK(lines == std::vector<std::uint64_t>{4, 5, 6, 8, 9, 10, 11});
  CHECK(got.total == 7);
  CHECK(contains(got.errors[1].error, "is of mainnet, not of testnet"));
  CHECK(contains(got.errors[2].error, "label: no control characters"));
  CHECK(contains(got.errors[3].error, "2 fields where the header has 3"));
  CHECK(contains(got.errors[4].error, "label: not valid UTF-8"));
  CHECK(contains(got.errors[5].error, "reference: 1 to 255 characters"));
  CHECK(contains(got.errors[6].error, "label: no control characters"));
}

TEST_CASE("an import needs a header that can be trusted") {
  auto const* const bad =
      GENERATE("", "\n\n", "reference,label\n", "address,name\n", "address,address\n",
               "Address;Reference\n", "\"address\n", "stt1qqqq,user,x\n");
  INFO(bad);
  CHECK(contains(read(bad).fatal, "header"));
  CHECK(read("address\n" + test_address(1)).rows.size() == 1);
  CHECK(read("\"address\",\"label\"\n" + test_address(1) + ",x").rows.size() == 1);
}

TEST_CASE("NDJSON is read line by line, each as strictly as a body") {
  auto const line = [](std::size_t i, std::string const& more) {
    return R"({"address":")" + test_address(i) + '"' + more + "}";
  };
  auto const got =
      read("\xef\xbb\xbf" + line(1, R"(,"reference":"user-\u00fc","label":null)") + "\r\n\n" +
               line(2, "") + "\n[]\n{\"label\":\"x\"}\n" + line(3, R"(,"note":1)") + "\n" +
               line(3, "") + "}\n\xff\n" + std::string(kRowBytesMax + 5, ' ') + "\n" + line(3, ""),
           kNdjson, 13);
  REQUIRE(got.rows.size() == 3);
  CHECK(got.rows[0].reference == "user-ü");
  CHECK(got.rows[2].key == test_key(3));
  std::vector<std::uint64_t> lines;
  for (auto const& bad : got.errors) lines.push_back(bad.line);
  CHECK(lines == std::vector<std::uint64_t>{4, 5, 6, 7, 8, 9});
  CHECK(contains(got.errors[1].error, "address: missing"));
  CHECK(contains(got.errors[2].error, "unknown field 'note'"));
  CHECK(got.errors[5].error == "longer than 64 KiB");
  CHECK(read("", kNdjson).fatal.empty());
}

TEST_CASE("of very many errors the first are listed and all are counted") {
  std::string text = "address\n";
  for (std::size_t i = 0; i < kRowErrorsListed + 5; ++i) text += "x\n";
  auto const got = read(text, AddressRows::Format::csv, 4096);
  CHECK(got.errors.size() == kRowErrorsListed);
  CHECK(got.errors.back().line == kRowErrorsListed + 1);
  CHECK(got.total == kRowErrorsListed + 5);
}

TEST_CASE("a change of an address names what it changes") {
  auto const both = read_address_change(R"({"reference":null,"label":"x"})");
  REQUIRE(both);
  REQUIRE(both->reference);
  CHECK_FALSE(both->reference->has_value());
  CHECK(**both->label == "x");
  CHECK_FALSE(read_address_change("{}")->reference);
  for (auto const* bad : {R"({"address":"x"})", R"({"label":1})", R"({"label":""})", "[]", "",
                          R"({"label":"a","label":"b"})"})
    CHECK_FALSE(read_address_change(bad));
}
