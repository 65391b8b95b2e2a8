#pragma once
// Random blocks whose ids, roots and hashes are right, and their JSON as each kind of node writes
// it. Signatures, range proofs and balances are noise: nothing here looks at them.

#include <random>
#include <string>

#include "proto/model/generation.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::fixtures {

class BlockMaker {
 public:
  explicit BlockMaker(std::uint64_t seed) : random_(seed) {}

  wire::RawOutput payment();
  wire::RawOutput public_payment();
  wire::RawOutput stake();
  wire::RawOutput any_output();
  wire::RawPayment transaction();
  wire::RawSlashing slashing(bool exact_times);
  // coinbase, payments, restake
  wire::RawMicroBlock micro(std::uint64_t epoch, std::uint32_t offset, std::size_t payments);
  wire::RawMacroBlock macro(std::uint64_t epoch, std::size_t inputs, std::size_t outputs,
                            std::size_t validators);
  std::uint64_t number() { return random_(); }
  template <class Fixed>
  Fixed bytes() {
    Fixed value;
    for (auto& byte : value.bytes) byte = static_cast<std::uint8_t>(random_());
    return value;
  }

 private:
  Bytes some(std::size_t count);
  wire::RawMicroHeader micro_header(std::uint64_t epoch, std::uint32_t offset);

  std::mt19937_64 random_;
};

// Makes lengths and roots of the header those of the body.
void seal(wire::RawMicroBlock& block);
void seal(wire::RawMacroBlock& block);

// A notice (micro_block_prepared, macro_block_committed). v1.2.2: numbers for payloads, three
// digits of the second, no transaction hashes. `hash` is the block's.
std::string block_json(wire::RawMicroBlock const& block, Hash const& hash, model::Generation,
                       std::string_view hrp);
std::string block_json(wire::RawMacroBlock const& block, Hash const& hash, model::Generation,
                       std::string_view hrp);

}  // namespace hotside::fixtures
