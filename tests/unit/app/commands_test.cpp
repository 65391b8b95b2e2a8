#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "explorer/app/client.hpp"
#include "explorer/app/commands/csv.hpp"
#include "explorer/app/commands/print.hpp"

using namespace hotside;
using namespace hotside::app;

namespace {

using Row = std::vector<std::string>;

struct File {
  explicit File(std::string const& text) {
    std::string name = (std::filesystem::temp_directory_path() / "hotside-csv-XXXXXX").string();
    int const file = ::mkstemp(name.data());
    REQUIRE(file >= 0);
    ::close(file);
    path = name;
    std::ofstream(path, std::ios::binary) << text;
  }
  ~File() { std::filesystem::remove(path); }
  std::string path;
};

std::string words(std::string const& json) {
  simdjson::dom::parser parser;
  return in_words(parser.parse(json).value());
}

}  // namespace

TEST_CASE("CSV: quotes, line ends of two kinds, empty lines, line numbers") {
  File const file("address,reference,label\r\n\r\na,\"b,\"\"c\"\"\",\"two\nlines\"\nd,,\n");
  auto reader = CsvReader::open(file.path);
  REQUIRE(reader.has_value());
  CHECK(reader->next() == Row{"address", "reference", "label"});
  CHECK(reader->next() == Row{"a", "b,\"c\"", "two\nlines"});
  CHECK(reader->line() == 3);
  CHECK(reader->next() == Row{"d", "", ""});
  CHECK(reader->line() == 5);
  CHECK_FALSE(reader->next().has_value());
  CHECK_FALSE(CsvReader::open(file.path + ".none").has_value());
}

TEST_CASE("CSV: a quote that is never closed ends with the file, or with a row's limit") {
  File const open("a,\"b\nc");
  auto reader = CsvReader::open(open.path);
  CHECK(reader->next() == Row{"a", "b\nc"});
  CHECK_FALSE(reader->next().has_value());

  File const long_one("\"" + std::string(70'000, 'x') + "\nnext\n");
  reader = CsvReader::open(long_one.path);
  CHECK(reader->next()->at(0).size() == 70'000);
  CHECK(reader->next() == Row{"next"});
}

TEST_CASE("events in plain words") {
  auto const deposit =
      R"("deposit":{"id":"ab:7","amount_stg":"4.000000","address":"dev1x","reference":"u","epoch":7,"offset":3}})";
  CHECK(words(R"({"seq":5,"at":"T","type":"deposit.committed",)" + std::string(deposit)) ==
        "T  #5  deposit.committed  final, credit now: 4.000000 STG to dev1x (u)  [ab:7]");
  CHECK(words(R"({"seq":4,"at":"T","type":"deposit.prepared",)" + std::string(deposit)) ==
        "T  #4  deposit.prepared   seen, not yet final: 4.000000 STG to dev1x (u), block 7/3  "
        "[ab:7]");
  CHECK(
      words(R"({"seq":1,"at":"T","type":"node.down","node":{"name":"a","state":"connecting"}})") ==
      "T  #1  node.down          node a is connecting");
}

TEST_CASE("a client takes a configuration or an address, not both") {
  auto const opens = [](Access const& access) { return Client::open(access).has_value(); };
  CHECK(opens({.url = "http://127.0.0.1:8080/"}));
  CHECK(Client::open({.url = "http://[::1]:80"})->address() == "[::1]:80");
  CHECK_FALSE(opens({}));
  CHECK_FALSE(opens({.config = "a", .url = "http://127.0.0.1:8080"}));
  for (auto const* url :
       {"https://a:1", "http://", "http://a:0", "http://a:x", "http://a/b", "a:1"})
    CHECK_FALSE(opens({.url = url}));
  CHECK(url_encode("a b/ü:1") == "a%20b%2F%C3%BC%3A1");
}
