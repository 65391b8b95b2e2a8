#include "proto/model/deposit.hpp"

#include "proto/base/invariant.hpp"

namespace hotside::model {

std::string_view to_string(DepositState state) {
  switch (state) {
    case DepositState::prepared:
      return "prepared";
    case DepositState::reverted:
      return "reverted";
    case DepositState::committed:
      return "committed";
  }
  invariant(false, "a deposit in no state");
  return {};
}

std::string_view to_string(SpendState state) {
  switch (state) {
    case SpendState::unspent:
      return "unspent";
    case SpendState::spend_prepared:
      return "spend_prepared";
    case SpendState::spent:
      return "spent";
  }
  invariant(false, "a spend in no state");
  return {};
}

std::optional<DepositState> deposit_state(std::string_view text) {
  for (auto state : {DepositState::prepared, DepositState::reverted, DepositState::committed})
    if (to_string(state) == text) return state;
  return std::nullopt;
}

std::optional<SpendState> spend_state(std::string_view text) {
  for (auto state : {SpendState::unspent, SpendState::spend_prepared, SpendState::spent})
    if (to_string(state) == text) return state;
  return std::nullopt;
}

std::string DepositId::text() const { return utxo.hex() + ":" + std::to_string(epoch.value); }

std::optional<DepositId> DepositId::parse(std::string_view text) {
  if (text.size() < 66 || text[64] != ':') return std::nullopt;
  auto const utxo = Hash::from_hex(text.substr(0, 64));
  auto const epoch = parse_u64(text.substr(65));
  if (!utxo || !epoch) return std::nullopt;
  DepositId const id{*utxo, Epoch(*epoch)};
  // One spelling only: a second name for the same deposit would be a way to credit it twice.
  return id.text() == text ? std::optional(id) : std::nullopt;
}

}  // namespace hotside::model
