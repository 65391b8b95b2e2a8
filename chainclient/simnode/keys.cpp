#include "chainclient/simnode/keys.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"

namespace hotside::simnode {
namespace {

using wire::RawOutput;
using wire::RawPayment;

constexpr Point kIdentity{};

Point const& generator_g() {
  static Point const g = [] {
    Scalar one{};
    one.bytes[0] = 1;
    Point const a = on_a(one);
    std::array<std::uint8_t, 64> digest{};
    std::size_t size = 0;
    bool const made = EVP_Q_digest(nullptr, "SHA3-512", nullptr, a.bytes.data(), a.bytes.size(),
                                   digest.data(), &size) == 1;
    invariant(made && size == digest.size(), "SHA3-512 is part of every OpenSSL 3");
    Point point;
    crypto_core_ristretto255_from_hash(point.bytes.data(), digest.data());
    return point;
  }();
  return g;
}

std::optional<Point> added(Point const& a, Point const& b) {
  Point sum;
  if (crypto_core_ristretto255_add(sum.bytes.data(), a.bytes.data(), b.bytes.data()) != 0)
    return std::nullopt;
  return sum;
}

std::optional<Point> subtracted(Point const& a, Point const& b) {
  Point difference;
  if (crypto_core_ristretto255_sub(difference.bytes.data(), a.bytes.data(), b.bytes.data()) != 0)
    return std::nullopt;
  return difference;
}

std::optional<Point> times(Scalar const& scalar, Point const& point) {
  if (scalar.is_zero() || point == kIdentity) return kIdentity;
  Point product;
  if (crypto_scalarmult_ristretto255(product.bytes.data(), scalar.bytes.data(),
                                     point.bytes.data()) != 0)
    return std::nullopt;
  return product;
}

Scalar times(Scalar const& a, Scalar const& b) {
  Scalar product;
  crypto_core_ristretto255_scalar_mul(product.bytes.data(), a.bytes.data(), b.bytes.data());
  return product;
}

Point as_point(PublicKey const& key) { return Point{key.bytes}; }

Point committed(RawOutput const& output) {
  if (auto const* payment = std::get_if<wire::RawPaymentOutput>(&output)) return payment->vcmt;
  if (auto const* open = std::get_if<wire::RawPublicOutput>(&output))
    return on_a(scalar_of(open->amount));
  return on_a(scalar_of(std::get<wire::RawStakeOutput>(output).amount));
}

PublicKey recipient(RawOutput const& output) {
  return std::visit([](auto const& kind) { return kind.recipient; }, output);
}

// What the signature is over: H(pt(K) || pk(P) || tx hash), little-endian mod ℓ.
Scalar challenge(Point const& k, Point const& p, Hash const& tx) {
  Bytes feed;
  auto const put = [&feed](ByteView bytes) { feed.insert(feed.end(), bytes.begin(), bytes.end()); };
  put(as_bytes("PtPoint"));
  put(k.view());
  put(as_bytes("PublicKey"));
  put(as_bytes("PtPoint"));
  put(p.view());
  put(tx.view());
  std::array<std::uint8_t, 64> wide{};
  std::ranges::copy(sha3_256(feed).bytes, wide.begin());
  Scalar reduced;
  crypto_core_ristretto255_scalar_reduce(reduced.bytes.data(), wide.data());
  return reduced;
}

}  // namespace

std::uint64_t Rng::next() {  // splitmix64
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void Rng::fill(std::span<std::uint8_t> out) {
  for (std::size_t at = 0; at < out.size(); at += 8) {
    std::uint64_t word = next();
    for (std::size_t i = at; i < std::min(at + 8, out.size()); ++i, word >>= 8)
      out[i] = static_cast<std::uint8_t>(word & 0xff);
  }
}

Bytes Rng::bytes(std::size_t size) {
  Bytes out(size);
  fill(out);
  return out;
}

Scalar Rng::scalar() {
  std::array<std::uint8_t, 64> wide;
  fill(wide);
  Scalar reduced;
  crypto_core_ristretto255_scalar_reduce(reduced.bytes.data(), wide.data());
  return reduced;
}

Point Rng::point() {
  std::array<std::uint8_t, 64> wide;
  fill(wide);
  Point made;
  crypto_core_ristretto255_from_hash(made.bytes.data(), wide.data());
  return made;
}

Scalar scalar_of(std::int64_t amount) {
  Scalar value{};
  bool const negative = amount < 0;
  auto left = static_cast<std::uint64_t>(amount);
  if (negative) left = ~left + 1;
  for (std::size_t i = 0; i < 8; ++i, left >>= 8)
    value.bytes[i] = static_cast<std::uint8_t>(left & 0xff);
  return negative ? subtract(Scalar{}, value) : value;
}

Scalar add(Scalar const& a, Scalar const& b) {
  Scalar sum;
  crypto_core_ristretto255_scalar_add(sum.bytes.data(), a.bytes.data(), b.bytes.data());
  return sum;
}

Scalar subtract(Scalar const& a, Scalar const& b) {
  Scalar difference;
  crypto_core_ristretto255_scalar_sub(difference.bytes.data(), a.bytes.data(), b.bytes.data());
  return difference;
}

bool is_canonical(Scalar const& scalar) {
  std::array<std::uint8_t, 64> wide{};
  std::ranges::copy(scalar.bytes, wide.begin());
  Scalar reduced;
  crypto_core_ristretto255_scalar_reduce(reduced.bytes.data(), wide.data());
  return reduced == scalar;
}

Point add(Point const& a, Point const& b) {
  auto const sum = added(a, b);
  invariant(sum.has_value(), "only points of our own making are added");
  return *sum;
}

Point on_a(Scalar const& scalar) {
  Point product = kIdentity;
  if (!scalar.is_zero())
    static_cast<void>(
        crypto_scalarmult_ristretto255_base(product.bytes.data(), scalar.bytes.data()));
  return product;
}

Point on_g(Scalar const& scalar) { return times(scalar, generator_g()).value_or(kIdentity); }

Point commitment(std::int64_t amount, Scalar const& blinding) {
  return add(on_a(scalar_of(amount)), on_g(blinding));
}

PublicKey public_key(Scalar const& secret) { return PublicKey{on_g(secret).bytes}; }

PublicKey add(PublicKey const& key, Point const& point) {
  return PublicKey{add(as_point(key), point).bytes};
}

void sign(RawPayment& tx, Scalar const& signer, Scalar const& nonce) {
  tx.sig_k = on_g(nonce);
  Scalar const h = challenge(tx.sig_k, on_g(signer), wire::tx_hash(wire::RawTransaction(tx)));
  tx.sig_u = add(nonce, times(h, signer));
}

Flaw check_signature(RawPayment const& tx, std::span<RawOutput const> inputs) {
  std::optional<Point> balance = kIdentity, owners = kIdentity;
  auto const apply = [](std::optional<Point>& to, auto change, Point const& point) {
    if (to) to = change(*to, point);
  };
  for (auto const& input : inputs) {
    apply(balance, added, committed(input));
    apply(owners, added, as_point(recipient(input)));
  }
  for (auto const& output : tx.outputs) apply(balance, subtracted, committed(output));
  apply(balance, subtracted, on_a(scalar_of(tx.fee)));
  apply(balance, subtracted, on_g(tx.gamma));
  if (!balance || *balance != kIdentity) return Flaw::balance;
  if (!owners || !is_canonical(tx.sig_u) || !is_canonical(tx.gamma)) return Flaw::signature;
  Scalar const h = challenge(tx.sig_k, *owners, wire::tx_hash(wire::RawTransaction(tx)));
  auto const right = times(h, *owners);
  auto const sum = right ? added(tx.sig_k, *right) : std::nullopt;
  return sum && *sum == on_g(tx.sig_u) ? Flaw::none : Flaw::signature;
}

}  // namespace hotside::simnode
