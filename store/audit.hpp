#pragma once
// The audit log, and the answers kept for repeated writes. Both are written in the transaction of
// the write that they tell of.
//
// `hash` of an entry is SHA3-256 over: the 32 bytes of `previous` (zeros for the first), then n and
// at (milliseconds since 1970) as 8 bytes little-endian each, then who, role, action, target,
// outcome and request_id, each as its length in bytes (8 bytes little-endian) and its UTF-8 text.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/audit.hpp"

namespace hotside::store {

struct AuditRow {
  std::uint64_t n = 0;  // from 1, without holes
  Time at;
  model::AuditEntry entry;
  Hash previous, hash;
};
Hash audit_hash(AuditRow const& row);  // of everything but `hash`

// An answer that was given under an Idempotency-Key.
struct KeptAnswer {
  Hash request;  // SHA3-256 of method, path and body
  int status = 0;
  std::string body;
  std::optional<std::string> location;  // its header
};
inline constexpr std::chrono::hours kAnswersKept{7 * 24};

class AuditWrites {
 public:
  virtual ~AuditWrites() = default;
  virtual Result<void> append(model::AuditEntry const& entry, Time now) = 0;
  // Forgets what is older than kAnswersKept first.
  virtual Result<std::optional<KeptAnswer>> kept(std::string_view caller, std::string_view key,
                                                 Time now) = 0;
  // Under a key that is kept already: in place of what was answered before.
  virtual Result<void> keep(std::string_view caller, std::string_view key, KeptAnswer const& answer,
                            Time now) = 0;
};

class AuditReads {
 public:
  virtual ~AuditReads() = default;
  virtual Result<std::vector<AuditRow>> audit(std::uint64_t after, std::size_t limit) = 0;
};

}  // namespace hotside::store
