#pragma once
// Completeness certificates: one for each sealed epoch, written in the transaction that seals it,
// each chained to the one before. The text that is hashed stands in docs/certificates.md.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/block.hpp"

namespace hotside::store {

struct Certificate {
  struct Part {
    std::uint64_t count = 0;
    Sum amount = 0;
    Hash hash;  // SHA3-256 over the sorted ids
    bool operator==(Part const&) const = default;
  };
  Epoch epoch;
  Hash macro_hash;
  Part public_outputs, matched;
  std::string feed;
  EventSeq feed_seq;
  Hash previous, hash;  // of certificates; zeros before the first
};

Certificate::Part certified(std::span<model::PublicPayment const> payments);
Hash certificate_hash(Certificate const& certificate, std::string_view hrp);

class CertificateWrites {
 public:
  virtual ~CertificateWrites() = default;
  // Sets `previous` and `hash`.
  virtual Result<void> append(Certificate certificate, std::string_view hrp) = 0;
};

class CertificateReads {
 public:
  virtual ~CertificateReads() = default;
  virtual Result<std::vector<Certificate>> certificates(Epoch from, std::size_t limit) = 0;
};

}  // namespace hotside::store
