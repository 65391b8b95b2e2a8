// codec_sample SEED COUNT: random outputs and payment transactions as our encoder writes them, one
// a line, with their hashes. tests/e2e/test_codec.py reads them with a codec of its own.

#include <cstdio>
#include <cstdlib>
#include <random>

#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

using namespace hotside;

namespace {

class Sampler {
 public:
  explicit Sampler(std::uint64_t seed) : random_(seed) {}

  wire::RawOutput output() {
    switch (random_() % 3) {
      case 0:
        return wire::RawPaymentOutput{bytes<PublicKey>(), bytes<wire::Point>(), blob(672),
                                      bytes<wire::Point>(), blob(1024)};
      case 1:
        return wire::RawPublicOutput{bytes<PublicKey>(), number(), number()};
      default:
        return wire::RawStakeOutput{bytes<PublicKey>(), bytes<wire::BlsKey>(), number(), number(),
                                    bytes<wire::BlsSignature>()};
    }
  }
  wire::RawPayment payment() {
    wire::RawPayment tx;
    for (auto n = random_() % 5; n > 0; --n) tx.inputs.push_back(bytes<Hash>());
    for (auto n = random_() % 5; n > 0; --n) tx.outputs.push_back(output());
    tx.gamma = bytes<wire::Scalar>();
    tx.fee = number();
    tx.sig_u = bytes<wire::Scalar>();
    tx.sig_k = bytes<wire::Point>();
    return tx;
  }

 private:
  std::uint8_t byte() { return static_cast<std::uint8_t>(random_()); }
  template <class T>
  T bytes() {
    T value;
    for (auto& each : value.bytes) each = byte();
    return value;
  }
  Bytes blob(std::size_t size) {
    Bytes value(size);
    for (auto& each : value) each = byte();
    return value;
  }
  // Of every length, with both ends and zero among them.
  std::int64_t number() {
    switch (random_() % 8) {
      case 0:
        return 0;
      case 1:
        return INT64_MIN;
      case 2:
        return INT64_MAX;
      default:
        return static_cast<std::int64_t>(random_()) >> random_() % 64;
    }
  }

  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: codec_sample SEED COUNT\n", stderr);
    return 2;
  }
  Sampler sampler(std::strtoull(argv[1], nullptr, 10));
  for (auto left = std::strtoull(argv[2], nullptr, 10); left > 0; --left) {
    auto const output = sampler.output();
    std::printf("output %s %s %s\n", to_hex(wire::encode_output(output)).c_str(),
                wire::output_id(output).hex().c_str(), wire::output_canary(output).hex().c_str());
    wire::RawTransaction const tx = sampler.payment();
    std::printf("payment %s %s %s\n", to_hex(wire::encode_transaction(tx)).c_str(),
                wire::tx_hash(tx).hex().c_str(), wire::tx_full_hash(tx).hex().c_str());
  }
  return 0;
}
