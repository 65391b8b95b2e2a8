#pragma once

#include "proto/base/json_writer.hpp"
#include "store/store.hpp"

namespace hotside::api {

// The `hold` of GET /v1/status: null without one.
void write_hold(JsonWriter& json, std::optional<store::Hold> const& hold);

}  // namespace hotside::api
