#pragma once
// Reading query and path parameters, and the opaque cursors of lists.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/api/handler.hpp"
#include "proto/base/bytes.hpp"
#include "proto/base/json_writer.hpp"
#include "proto/model/chain_event.hpp"
#include "store/store.hpp"

namespace hotside::api {

inline constexpr std::size_t kLimitDefault = 100;
inline constexpr std::size_t kLimitMax = 1000;
inline constexpr std::size_t kTextMax = 255;  // characters of a reference, a label

// The value of a parameter that was given.
std::optional<std::string> given(Call const& call, std::string const& name);

Asked<std::optional<std::uint64_t>> u64_parameter(Call const& call, std::string const& name,
                                                  std::uint64_t min, std::uint64_t max);
Asked<std::optional<std::int64_t>> i64_parameter(Call const& call, std::string const& name,
                                                 std::int64_t min);
Asked<std::optional<Hash>> hash_parameter(Call const& call, std::string const& name);
Asked<std::optional<PublicKey>> address_parameter(Context const& context, Call const& call,
                                                  std::string const& name);
Asked<std::size_t> limit_parameter(Call const& call);

// 1 to `max` characters, valid UTF-8, no control characters; the error starts with `name`.
Asked<std::optional<std::string>> text_parameter(Call const& call, std::string const& name);
Result<void> check_text(std::string_view name, std::string_view text, std::size_t max = kTextMax);

// `next` and `after`: the key of the last row shown.
std::string cursor_of(store::DepositKey const& key);
std::string cursor_of(PublicKey const& key);
std::string cursor_of(store::UtxoKey const& key);
std::string cursor_of(char list, std::int64_t row);  // `list` keeps cursors of lists apart
std::optional<store::DepositKey> deposit_cursor(std::string_view text);
std::optional<PublicKey> address_cursor(std::string_view text);
std::optional<store::UtxoKey> utxo_cursor(std::string_view text);
std::optional<std::int64_t> row_cursor(char list, std::string_view text);

// `next` of a list that was read with one row more than is to be shown; that row goes.
template <class Row, class CursorOfRow>
std::optional<std::string> cut_page(std::vector<Row>& rows, std::size_t limit,
                                    CursorOfRow const& cursor_of_row) {
  if (rows.size() <= limit) return std::nullopt;
  rows.resize(limit);
  return cursor_of_row(rows.back());
}

void write_complete_through(JsonWriter& json, std::optional<model::Position> const& position);
void write_next(JsonWriter& json, std::optional<std::string> const& next);

}  // namespace hotside::api
