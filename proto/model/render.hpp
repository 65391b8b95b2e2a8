#pragma once
// The JSON of product.md section 4 for what both the feed and the API show, so that the two can
// never differ. Each function writes one complete JSON value.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/json_writer.hpp"
#include "proto/model/chain_event.hpp"
#include "proto/model/deposit.hpp"
#include "proto/model/feed.hpp"

namespace hotside::model {

void write_deposit(JsonWriter& json, Deposit const& deposit,
                   std::optional<std::string> const& reference, std::string_view hrp);

std::string_view to_string(ViolationKind kind);  // "macro_block", "genesis"
void write_violation(JsonWriter& json, std::int64_t id, Time at, Violated const& violation);

// The head of an event object is the same for all: begin_event(…), then key and value of what it is
// about, then end_object().
void begin_event(JsonWriter& json, EventSeq seq, std::string_view feed, EventType type, Time at,
                 bool backfill);

}  // namespace hotside::model
