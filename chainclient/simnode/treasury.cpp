#include "chainclient/simnode/treasury.hpp"

#include <algorithm>

#include "proto/wire/hash.hpp"

namespace hotside::simnode {
namespace {

constexpr std::size_t kAddresses = 4;
constexpr std::size_t kRangeProof = 672, kPayload = 1024;

OwnKey make_key(Rng& rng) {
  Scalar const secret = rng.scalar();
  return {secret, public_key(secret)};
}

}  // namespace

Treasury::Treasury(std::uint64_t seed) : rng_(seed ^ 0x7472656173757279) {
  own_ = make_key(rng_);
  for (std::size_t i = 0; i < kAddresses; ++i) addresses_.push_back(make_key(rng_));
}

OwnKey const* Treasury::address(PublicKey const& key) const {
  auto const found = std::ranges::find(addresses_, key, &OwnKey::key);
  return found == addresses_.end() ? nullptr : &*found;
}

wire::RawPaymentOutput Treasury::private_output(PublicKey const& to, std::int64_t amount,
                                                Secret& secret) {
  secret = {amount, rng_.scalar(), rng_.scalar()};
  wire::RawPaymentOutput output;
  output.recipient = add(to, on_g(secret.cloak));
  output.vcmt = commitment(amount, secret.blinding);
  output.proof = rng_.bytes(kRangeProof);
  output.ag = rng_.point();
  output.payload = rng_.bytes(kPayload);
  secrets_[wire::output_id(output)] = secret;
  return output;
}

wire::RawOutput Treasury::coinbase_output() {
  Secret secret;
  return private_output(own_.key, kCoinbaseCoin, secret);
}

std::optional<std::int64_t> Treasury::coin_amount(Hash const& id) const {
  auto const found = secrets_.find(id);
  if (found == secrets_.end()) return std::nullopt;
  return found->second.amount;
}

Result<wire::RawPayment> Treasury::make(std::span<Hash const> ids,
                                        std::span<wire::RawOutput const> inputs,
                                        Scalar const& secret, std::span<Wanted const> outputs,
                                        std::int64_t fee) {
  wire::RawPayment tx;
  tx.fee = fee;
  tx.inputs.assign(ids.begin(), ids.end());
  Scalar signer{};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    signer = add(signer, secret);
    auto const* hidden = std::get_if<wire::RawPaymentOutput>(&inputs[i]);
    if (!hidden) continue;
    auto const known = secrets_.find(ids[i]);
    if (known == secrets_.end() ||
        public_key(add(secret, known->second.cloak)) != hidden->recipient)
      return fail(Fault::rejected,
                  "Output error=Failed to decrypt payload: utxo=" + ids[i].hex().substr(0, 12));
    signer = add(signer, known->second.cloak);
    tx.gamma = add(tx.gamma, known->second.blinding);
  }
  for (auto const& wanted : outputs) {
    if (!wanted.is_private) {
      auto const serno = wanted.serno.value_or(static_cast<std::int64_t>(rng_.next()));
      tx.outputs.push_back(wire::RawPublicOutput{wanted.recipient, serno, wanted.amount});
      continue;
    }
    Secret made;
    tx.outputs.push_back(private_output(wanted.recipient, wanted.amount, made));
    tx.gamma = subtract(tx.gamma, made.blinding);
  }
  sign(tx, signer, rng_.scalar());
  return tx;
}

}  // namespace hotside::simnode
