#pragma once
// The arithmetic behind a payment: seeded randomness, keys and commitments over ristretto255, and
// the signature that proves ownership and balance (stegos-protocol.md 10.3).
//   A  base point of ristretto255; an amount is committed on it
//   G  = from_uniform(SHA3-512(enc(A))); keys and blindings stand on it
//   C  = amount·A + blinding·G            P = Σ(recipient + C_in) − Σ C_out − fee·A − gamma·G

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::simnode {

using wire::Point;
using wire::Scalar;

// Deterministic, so that one seed makes one chain. Never for anything that must stay secret.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }  // bound > 0
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  void fill(std::span<std::uint8_t> out);
  Bytes bytes(std::size_t size);
  Scalar scalar();
  Point point();
  template <class Fixed>
  Fixed fixed() {
    Fixed value;
    fill(value.bytes);
    return value;
  }

 private:
  std::uint64_t state_;
};

Scalar scalar_of(std::int64_t amount);
Scalar add(Scalar const& a, Scalar const& b);
Scalar subtract(Scalar const& a, Scalar const& b);
bool is_canonical(Scalar const& scalar);

Point add(Point const& a, Point const& b);
Point on_a(Scalar const& scalar);  // scalar·A
Point on_g(Scalar const& scalar);  // scalar·G
Point commitment(std::int64_t amount, Scalar const& blinding);
PublicKey public_key(Scalar const& secret);
PublicKey add(PublicKey const& key, Point const& point);

// `signer` is the sum of the secrets behind all inputs; the blindings must balance with tx.gamma.
void sign(wire::RawPayment& tx, Scalar const& signer, Scalar const& nonce);

enum class Flaw : std::uint8_t { none, balance, signature };
// `inputs` are the outputs that tx.inputs name, in that order.
Flaw check_signature(wire::RawPayment const& tx, std::span<wire::RawOutput const> inputs);

}  // namespace hotside::simnode
