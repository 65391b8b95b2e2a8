#pragma once
// What is fed into a hash for each structure (stegos-protocol.md sections 10.2 to 10.5).

#include "proto/base/sha3.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::wire {

PublicKey const& recipient_of(RawOutput const& output);

void feed_point(Sha3& sha, Point const& point);
void feed_scalar(Sha3& sha, Scalar const& scalar);
void feed_account(Sha3& sha, PublicKey const& key);
void feed_network_key(Sha3& sha, BlsKey const& key);
void feed_bls(Sha3& sha, BlsSignature const& signature);
void feed_schnorr(Sha3& sha, Scalar const& u, Point const& k);

void feed(Sha3& sha, RawOutput const& output);

// A header in two parts, around its timestamp, so that the search for the time that v1.2.2 cuts
// off hashes what stands before it only once.
void feed_before_time(Sha3& sha, RawMicroHeader const& header);
void feed_from_time(Sha3& sha, RawMicroHeader const& header);
void feed_before_time(Sha3& sha, RawMacroHeader const& header);
void feed_from_time(Sha3& sha, RawMacroHeader const& header);

template <class Header>
void feed_header(Sha3& sha, Header const& header) {
  feed_before_time(sha, header);
  feed_from_time(sha, header);
}

}  // namespace hotside::wire
