#pragma once
// Blocks made by hand, for tests that start where verification has ended.

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "proto/model/block.hpp"

namespace hotside::test {

// 32 bytes that follow from a few numbers.
template <class T>
T bytes_of(std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0) {
  T value;
  std::uint64_t state = a * 0x9e3779b97f4a7c15ULL + b * 0xc2b2ae3d27d4eb4fULL + c + 1;
  for (std::size_t i = 0; i < T::kSize; ++i) {
    state ^= state >> 33;
    state *= 0xff51afd7ed558ccdULL;
    state ^= state >> 29;
    value.bytes[i] = static_cast<std::uint8_t>(state >> 24);
  }
  return value;
}

inline PublicKey key_of(std::uint64_t n) { return bytes_of<PublicKey>(n, 1); }

// The same three numbers are the same UTXO id, as on the chain.
inline model::PublicPayment payment(std::uint64_t to, std::int64_t serno, std::int64_t amount) {
  model::PublicPayment made;
  made.id =
      bytes_of<Hash>(to, static_cast<std::uint64_t>(serno), static_cast<std::uint64_t>(amount));
  made.recipient = key_of(to);
  made.serno = serno;
  made.amount = Amount(amount);
  return made;
}

struct Tx {
  std::vector<Hash> inputs;
  std::vector<model::PublicPayment> payments;
};

inline std::uint64_t next_number() {
  static std::uint64_t number = 0;
  return ++number;
}
inline Time block_time(Epoch epoch, std::uint32_t offset) {
  return from_unix_ms(1'600'000'000'000 + static_cast<std::int64_t>(epoch.value) * 600'000 +
                      offset * 10'000);
}

// With a coinbase of one private output before the transactions given.
inline model::MicroBlock micro(Epoch epoch, std::uint32_t offset, Hash const& previous,
                               std::vector<Tx> const& txs) {
  model::MicroBlock block;
  auto const number = next_number();
  block.epoch = epoch;
  block.offset = Offset(offset);
  block.hash = bytes_of<Hash>(number, 7);
  block.previous = previous;
  block.time = block_time(epoch, offset) + std::chrono::milliseconds(number % 1000);
  block.outputs.push_back(bytes_of<Hash>(number, 8));
  model::Transaction coinbase;
  coinbase.hash = bytes_of<Hash>(number, 9);
  coinbase.kind = model::TxKind::coinbase;
  coinbase.output_end = 1;
  block.transactions.push_back(coinbase);
  for (auto const& tx : txs) {
    model::Transaction made;
    std::uint64_t mark = 11;
    made.input_begin = static_cast<std::uint32_t>(block.inputs.size());
    made.output_begin = static_cast<std::uint32_t>(block.outputs.size());
    for (auto const& input : tx.inputs) {
      block.inputs.push_back(input);
      mark = mark * 31 + input.bytes[0];
    }
    for (auto payment : tx.payments) {
      payment.output = static_cast<std::uint32_t>(block.outputs.size());
      block.outputs.push_back(payment.id);
      block.payments.push_back(payment);
      mark = mark * 31 + payment.id.bytes[0];
    }
    made.input_end = static_cast<std::uint32_t>(block.inputs.size());
    made.output_end = static_cast<std::uint32_t>(block.outputs.size());
    made.hash = bytes_of<Hash>(mark, 10);
    block.transactions.push_back(made);
  }
  return block;
}

inline model::MacroBlock macro(Epoch epoch, Hash const& previous, std::vector<Tx> const& txs) {
  model::MacroBlock block;
  block.epoch = epoch;
  block.hash = bytes_of<Hash>(epoch.value, 6, next_number());
  block.previous = previous;
  block.time = block_time(epoch, 60);
  std::vector<model::PublicPayment> payments;
  block.outputs.push_back(bytes_of<Hash>(epoch.value, 5));
  for (auto const& tx : txs) {
    block.inputs.insert(block.inputs.end(), tx.inputs.begin(), tx.inputs.end());
    for (auto const& each : tx.payments) {
      block.outputs.push_back(each.id);
      payments.push_back(each);
    }
  }
  std::sort(block.inputs.begin(), block.inputs.end());
  std::sort(block.outputs.begin(), block.outputs.end());
  for (auto& each : payments) {
    auto const at = std::lower_bound(block.outputs.begin(), block.outputs.end(), each.id);
    each.output = static_cast<std::uint32_t>(at - block.outputs.begin());
  }
  std::sort(payments.begin(), payments.end(),
            [](auto const& a, auto const& b) { return a.output < b.output; });
  block.payments = std::move(payments);
  block.evidence = {1, 2, 3};
  return block;
}

}  // namespace hotside::test
