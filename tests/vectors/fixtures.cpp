#include "tests/vectors/fixtures.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace hotside::fixtures {
namespace {

std::filesystem::path path_of(std::string_view name) {
  return std::filesystem::path(HS_SOURCE_DIR) / "tests/vectors/stegos" / name;
}

std::string unpack(std::filesystem::path const& path) {
  gzFile const file = gzopen(path.c_str(), "rb");
  REQUIRE(file != nullptr);
  std::string text;
  std::array<char, 1 << 16> chunk;
  int got = 0;
  while ((got = gzread(file, chunk.data(), chunk.size())) > 0)
    text.append(chunk.data(), static_cast<std::size_t>(got));
  gzclose(file);
  REQUIRE(got == 0);
  return text;
}

}  // namespace

std::string read_file(std::string_view name) {
  INFO("fixture " << name);
  std::ifstream in(path_of(name), std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> read_lines(std::string_view name) {
  std::string const all = name.ends_with(".gz") ? unpack(path_of(name)) : read_file(name);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < all.size();) {
    auto const end = std::min(all.find('\n', at), all.size());
    if (end > at) lines.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  REQUIRE_FALSE(lines.empty());
  return lines;
}

std::vector<std::string> list(std::string_view folder, std::string_view suffix) {
  std::vector<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator(path_of(folder)))
    if (entry.path().string().ends_with(suffix))
      names.push_back(std::string(folder) + "/" + entry.path().filename().string());
  std::sort(names.begin(), names.end());
  REQUIRE_FALSE(names.empty());
  return names;
}

std::string text(dom::element const& object, std::string_view key) {
  INFO("key " << key);
  std::string_view value;
  REQUIRE(object[key].get(value) == simdjson::SUCCESS);
  return std::string(value);
}

Hash hash(dom::element const& object, std::string_view key) {
  auto const value = Hash::from_hex(text(object, key));
  REQUIRE(value);
  return *value;
}

Bytes bytes(dom::element const& object, std::string_view key) {
  auto const value = from_hex(text(object, key));
  REQUIRE(value);
  return *value;
}

bool has(dom::element const& object, std::string_view key) {
  return object[key].error() == simdjson::SUCCESS;
}

}  // namespace hotside::fixtures
