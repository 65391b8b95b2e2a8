#include "proto/wire/payment_check.hpp"

#include <cryptopp/sha3.h>
#include <sodium.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "proto/base/invariant.hpp"
#include "proto/base/sha3.hpp"
#include "proto/base/units.hpp"
#include "proto/wire/feed.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::wire {
namespace {

// ---- ristretto255: an empty value is a point that does not decode, and stays empty

using MaybePoint = std::optional<Point>;
constexpr Point kIdentity{};

// libsodium 1.0.18 looks neither at the top bit of a point nor at that of a scalar, and a canonical
// encoding has neither.
bool is_point(Point const& point) {
  return point.bytes[31] < 128 && crypto_core_ristretto255_is_valid_point(point.bytes.data()) == 1;
}

bool is_canonical(Scalar const& scalar) {
  std::array<std::uint8_t, 64> wide{};
  std::ranges::copy(scalar.bytes, wide.begin());
  Scalar reduced;
  crypto_core_ristretto255_scalar_reduce(reduced.bytes.data(), wide.data());
  return reduced == scalar;
}

MaybePoint sum(MaybePoint const& a, MaybePoint const& b) {
  Point out;
  if (!a || !b ||
      crypto_core_ristretto255_add(out.bytes.data(), a->bytes.data(), b->bytes.data()) != 0)
    return std::nullopt;
  return out;
}

MaybePoint difference(MaybePoint const& a, MaybePoint const& b) {
  Point out;
  if (!a || !b ||
      crypto_core_ristretto255_sub(out.bytes.data(), a->bytes.data(), b->bytes.data()) != 0)
    return std::nullopt;
  return out;
}

// libsodium calls the identity a failure; here it is a result like any other.
MaybePoint times(Scalar const& scalar, MaybePoint const& point) {
  if (!point) return std::nullopt;
  Point out;
  if (crypto_scalarmult_ristretto255(out.bytes.data(), scalar.bytes.data(), point->bytes.data()) !=
      0)
    return kIdentity;
  return out;
}

Point times_base(Scalar const& scalar) {
  Point out;
  if (crypto_scalarmult_ristretto255_base(out.bytes.data(), scalar.bytes.data()) != 0)
    return kIdentity;
  return out;
}

Scalar scalar_of(std::uint64_t amount) {
  Scalar scalar{};
  for (std::size_t i = 0; i < 8; ++i, amount >>= 8U)
    scalar.bytes[i] = static_cast<std::uint8_t>(amount & 0xffU);
  return scalar;
}

// The second generator: keys and blindings stand on it.
Point const& generator() {
  static Point const made = [] {
    Point const base = times_base(scalar_of(1));
    std::array<std::uint8_t, 64> digest{};
    CryptoPP::SHA3_512().CalculateDigest(digest.data(), base.bytes.data(), base.bytes.size());
    Point point;
    crypto_core_ristretto255_from_hash(point.bytes.data(), digest.data());
    return point;
  }();
  return made;
}

MaybePoint decoded(Point const& point) {
  return is_point(point) ? MaybePoint(point) : std::nullopt;
}

// ---- outputs

std::optional<std::int64_t> open_amount(RawOutput const& output) {
  if (auto const* open = std::get_if<RawPublicOutput>(&output)) return open->amount;
  if (auto const* stake = std::get_if<RawStakeOutput>(&output)) return stake->amount;
  return std::nullopt;
}

MaybePoint commitment(RawOutput const& output) {
  if (auto const* hidden = std::get_if<RawPaymentOutput>(&output)) return decoded(hidden->vcmt);
  return times_base(scalar_of(static_cast<std::uint64_t>(*open_amount(output))));
}

tl::unexpected<Error> refuse(std::string what, std::string reason) {
  return fail(Fault::rejected, "transaction: " + std::move(what), std::move(reason));
}

Result<void> check_fee(RawPayment const& tx, PaymentLimits const& limits) {
  auto const paying = std::ranges::count_if(tx.outputs, [](RawOutput const& output) {
    return !std::holds_alternative<RawStakeOutput>(output);
  });
  auto const least = paying * limits.fee_per_output;
  auto const numbers = [&](std::int64_t bound) {
    return std::to_string(tx.fee) + " µSTG, " + std::to_string(bound);
  };
  if (tx.fee < least || tx.fee < 0)
    return refuse("the fee is " + numbers(least) + " is the least for its outputs", "fee_too_low");
  if (tx.fee > limits.fee_max)
    return refuse(
        "the fee is " + numbers(limits.fee_max) + " is the most that is let through (cold.max_fee)",
        "fee_too_high");
  return {};
}

Result<void> check_structure(CheckedPayment const& payment, PaymentLimits const& limits) {
  auto const& tx = payment.tx;
  if (tx.inputs.empty()) return refuse("has no inputs", "transaction");
  if (tx.inputs.size() > limits.inputs_max || tx.outputs.size() > limits.outputs_max)
    return refuse(std::to_string(tx.inputs.size()) + " inputs and " +
                      std::to_string(tx.outputs.size()) + " outputs, at most " +
                      std::to_string(limits.inputs_max) + " and " +
                      std::to_string(limits.outputs_max) + " are mined",
                  "transaction");
  std::unordered_set<Hash> seen;
  for (auto const& id : tx.inputs)
    if (!seen.insert(id).second) return refuse("input " + id.hex() + " twice", "transaction");
  seen.clear();
  for (std::size_t i = 0; i < tx.outputs.size(); ++i) {
    auto const& id = payment.output_ids[i];
    if (!seen.insert(id).second) return refuse("output " + id.hex() + " twice", "transaction");
    if (auto const amount = open_amount(tx.outputs[i]); amount && *amount <= 0)
      return refuse("output " + id.hex() + " pays " + std::to_string(*amount) + " µSTG",
                    "transaction");
  }
  return {};
}

// Where every amount is public the sum can be named; a signature alone would only be wrong.
Result<void> check_balance(RawPayment const& tx, std::span<RawOutput const> inputs) {
  Sum left = -Sum{tx.fee};
  for (auto const& input : inputs) {
    auto const amount = open_amount(input);
    if (!amount) return {};
    left += *amount;
  }
  for (auto const& output : tx.outputs) {
    auto const amount = open_amount(output);
    if (!amount) return {};
    left -= *amount;
  }
  if (left == 0) return {};
  return refuse("inputs less outputs and fee leave " + to_decimal(left) + " µSTG, not 0",
                "unbalanced");
}

// H(pt(K) || pk(P) || tx hash), little-endian modulo the order of the group.
Scalar challenge(Point const& k, Point const& p, Hash const& tx) {
  Sha3 sha;
  feed_point(sha, k);
  feed_account(sha, PublicKey{p.bytes});
  sha.bytes(tx.view());
  std::array<std::uint8_t, 64> wide{};
  std::ranges::copy(sha.finish().bytes, wide.begin());
  Scalar reduced;
  crypto_core_ristretto255_scalar_reduce(reduced.bytes.data(), wide.data());
  return reduced;
}

// What the inputs hold beyond outputs, fee and gamma: nothing, if the amounts balance.
MaybePoint excess(RawPayment const& tx, std::span<RawOutput const> inputs) {
  MaybePoint left = kIdentity;
  for (auto const& input : inputs) left = sum(left, commitment(input));
  for (auto const& output : tx.outputs) left = difference(left, commitment(output));
  left = difference(left, times_base(scalar_of(static_cast<std::uint64_t>(tx.fee))));
  return difference(left, times(tx.gamma, generator()));
}

bool holds(CheckedPayment const& payment, std::span<RawOutput const> inputs,
           MaybePoint const& left) {
  auto const& tx = payment.tx;
  if (!is_canonical(tx.sig_u) || !is_canonical(tx.gamma)) return false;
  MaybePoint p = left;
  for (auto const& input : inputs) p = sum(p, decoded(Point{recipient_of(input).bytes}));
  if (!p) return false;
  auto const right = sum(decoded(tx.sig_k), times(challenge(tx.sig_k, *p, payment.hash), p));
  return right && *right == times(tx.sig_u, generator());
}

}  // namespace

Result<CheckedPayment> read_payment(ByteView data, PaymentLimits const& limits) {
  auto decoded = decode_transaction(data);
  if (!decoded) {
    bool const is_award = decoded.error().reason == "service_award";
    return refuse(decoded.error().what, is_award ? "transaction" : "undecodable");
  }
  auto* tx = std::get_if<RawPayment>(&*decoded);
  if (tx == nullptr) return refuse("is not a payment", "transaction");
  // A second form of the same content would be other bytes under the same hash.
  if (!std::ranges::equal(encode_transaction(*decoded), data))
    return refuse("is not encoded as a node encodes it", "undecodable");
  CheckedPayment payment;
  payment.tx = std::move(*tx);
  for (auto const& output : payment.tx.outputs) payment.output_ids.push_back(output_id(output));
  HS_DO(check_structure(payment, limits));
  HS_DO(check_fee(payment.tx, limits));
  payment.hash = tx_hash(RawTransaction(payment.tx));
  return payment;
}

Result<void> check_payment(CheckedPayment const& payment, std::span<RawOutput const> inputs) {
  invariant(inputs.size() == payment.tx.inputs.size(), "one output for each input");
  HS_DO(check_balance(payment.tx, inputs));
  auto const left = excess(payment.tx, inputs);
  if (!holds(payment, inputs, left))
    return refuse("the signature does not hold for these inputs", "signature");
  // Who knows the keys can sign a gamma of any value, but no node takes it.
  if (*left != kIdentity)
    return refuse("gamma is not what the amounts of inputs and outputs differ by", "unbalanced");
  return {};
}

}  // namespace hotside::wire
