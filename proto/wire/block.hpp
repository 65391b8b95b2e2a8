#pragma once
// Blocks as a node's JSON carries them, decoded and verified in one pass.

#include "proto/wire/json_fields.hpp"
#include "proto/wire/message.hpp"

namespace hotside::wire {

// `fields` are those of the message. Fault::peer with the reasons of verify.hpp, and field,
// recipient, size, json.
Result<model::MicroBlock> parse_micro_block(JsonFields& fields, ParseOptions const& options);
Result<model::MacroBlock> parse_macro_block(JsonFields& fields, ParseOptions const& options);

// The header alone, of a message whose body is taken as it is: for the search of its exact time.
Result<RawMicroHeader> parse_micro_header(std::string_view json);
Result<RawMacroHeader> parse_macro_header(std::string_view json);

// One element of `outputs` or `txouts`. What `into` held before lends its memory.
Result<Hash> parse_output(std::string_view json, std::string_view hrp, RawOutput& into);

}  // namespace hotside::wire
