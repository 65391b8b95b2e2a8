#pragma once
// The list of deposits as SQL: one statement text per combination of filters.

#include <optional>
#include <string>

#include "store/sqlite/connection.hpp"
#include "store/store.hpp"

namespace hotside::store::sqlite {

std::string deposit_list_sql(DepositFilter const& filter, bool continued);
void bind_deposit_list(Query& row, DepositFilter const& filter,
                       std::optional<DepositKey> const& after, std::size_t limit);

}  // namespace hotside::store::sqlite
