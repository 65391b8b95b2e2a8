#pragma once
// A deposit: a public payment to an address that is or was registered, identified by (UTXO id,
// epoch).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/bytes.hpp"
#include "proto/base/units.hpp"

namespace hotside::model {

enum class DepositState : std::uint8_t { prepared, reverted, committed };
enum class SpendState : std::uint8_t { unspent, spend_prepared, spent };

std::string_view to_string(DepositState state);
std::string_view to_string(SpendState state);
std::optional<DepositState> deposit_state(std::string_view text);
std::optional<SpendState> spend_state(std::string_view text);

struct DepositId {
  Hash utxo;
  Epoch epoch;

  auto operator<=>(DepositId const&) const = default;
  std::string text() const;  // "<utxo>:<epoch>"
  static std::optional<DepositId> parse(std::string_view text);
};

struct Deposit {
  DepositId id;
  PublicKey recipient;
  std::int64_t serno = 0;
  Amount amount;
  DepositState state = DepositState::prepared;
  SpendState spend = SpendState::unspent;
  std::optional<Offset> offset;  // empty: known only from a macro block
  Hash block_hash;               // the block that gave the present state
  std::optional<Hash> tx_hash;
  Time block_time;  // of the block in which it was first contained
  Time first_seen;
  std::optional<Time> committed_at;
  bool retired = false;  // first seen after its address was retired

  bool operator==(Deposit const&) const = default;
};

// What a transaction does to one deposit.
struct DepositChange {
  std::optional<DepositState> before;  // empty: a new row
  Deposit after;
};

struct Address {
  PublicKey key;
  std::optional<std::string> reference, label;
  bool retired = false;
  Time created_at;

  bool operator==(Address const&) const = default;
};

}  // namespace hotside::model
