#include "proto/base/sha3.hpp"

#include <cryptopp/sha3.h>

#include <memory>
#include <new>

namespace hotside {
namespace {

using Hasher = CryptoPP::SHA3_256;

Hasher& hasher(std::array<std::byte, 384>& state) {
  return *std::launder(reinterpret_cast<Hasher*>(state.data()));
}
Hasher const& hasher(std::array<std::byte, 384> const& state) {
  return *std::launder(reinterpret_cast<Hasher const*>(state.data()));
}

}  // namespace

Sha3::Sha3() {
  static_assert(sizeof(Hasher) <= kStateBytes && alignof(Hasher) <= 32);
  std::construct_at(reinterpret_cast<Hasher*>(state_.data()));
}
Sha3::~Sha3() { std::destroy_at(&hasher(state_)); }
Sha3::Sha3(Sha3 const& other) {
  std::construct_at(reinterpret_cast<Hasher*>(state_.data()), hasher(other.state_));
}

void Sha3::bytes(ByteView bytes) { hasher(state_).Update(bytes.data(), bytes.size()); }

Hash Sha3::finish() {
  Hash hash;
  hasher(state_).Final(hash.bytes.data());
  return hash;
}

Hash sha3_256(ByteView bytes) {
  Sha3 sha;
  sha.bytes(bytes);
  return sha.finish();
}

}  // namespace hotside
