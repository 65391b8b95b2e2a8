#include "proto/model/network.hpp"

#include <array>

#include "proto/base/invariant.hpp"

namespace hotside::model {
namespace {

struct Row {
  std::string_view name, hrp, genesis;
};
constexpr std::array<Row, 4> kNetworks{{
    {"mainnet", "stg", "c3f5d31f64b473f99d27b1446d119437d82a7a6a1f5ec369af4412891fe6cecf"},
    {"testnet", "stt", "2cee3de23c41f69a8a529dbbad698c3b9538c7ab2c6505b795ed04e0283d8e8e"},
    {"devnet", "str", ""},
    {"dev", "dev", "c08fc34c524f3671d12cc1f0d1b46245a21855ded978d1d720297d181869febc"},
}};

std::optional<Network> find(std::string_view Row::*column, std::string_view value) {
  for (auto const& row : kNetworks)
    if (row.*column == value)
      return Network{std::string(row.name), std::string(row.hrp), Hash::from_hex(row.genesis)};
  return std::nullopt;
}

}  // namespace

std::optional<Network> network_by_name(std::string_view name) { return find(&Row::name, name); }
std::optional<Network> network_by_hrp(std::string_view hrp) { return find(&Row::hrp, hrp); }

Hash const& before_genesis() {
  static Hash const hash = [] {
    auto const value =
        Hash::from_hex("685cf62751cef607271ed7190b6a707405c5b07ec0830156e748c0c2ea4a2cfe");
    invariant(value.has_value(), "the constant before genesis is a hash");
    return *value;
  }();
  return hash;
}

}  // namespace hotside::model
