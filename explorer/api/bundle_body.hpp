#pragma once
// JSON request bodies of the cold side, read strictly.

#include <string_view>
#include <vector>

#include "explorer/api/handler.hpp"
#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "store/bundles.hpp"

namespace hotside::api {

// {"utxos":[…]}: 1 to 1000 ids of 64 hex digits. An id given twice is answered twice.
Result<std::vector<Hash>> read_utxos(std::string_view body);

// {"outputs":[{"recipient","amount"}],"from"?,"change"?,"fee"?,"split"?,"expires_in"?}, without the
// id. What is wrong with an address is a problem of its own.
Asked<store::BundleOrder> read_bundle_order(std::string_view body, std::string_view hrp);

}  // namespace hotside::api
