#pragma once
// Services that an upper part needs of another without linking it; hs_app plugs them in.
// Callbacks may be called on any thread; the caller moves them to its own.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/model/audit.hpp"
#include "proto/model/block.hpp"
#include "proto/model/deposit.hpp"

namespace hotside::model {

struct NewAddress {
  PublicKey key;
  std::optional<std::string> reference, label;
};

struct Registered {
  std::uint64_t created = 0, existing = 0;
};

// Clearing of finality violations, done by the writer thread; ingestion goes on afterwards.
struct ViolationDesk {
  virtual ~ViolationDesk() = default;
  // Clears every open violation in the name of `entry.who`, who gives a reason. Nothing open is no
  // error.
  virtual void clear(std::string reason, AuditEntry entry,
                     std::function<void(Result<void>)> done) = 0;
};

// Full outputs, each of them hashed: none is given that does not have the id it is given under.
struct Fetched {
  std::unordered_map<Hash, Bytes> blobs;
  std::vector<Hash> missing;  // the node does not have them: spent, or never made
};
struct OutputSource {
  virtual ~OutputSource() = default;
  // Of a public payment it follows from the stored fields; corrupt when they do not give its id.
  virtual Result<Bytes> blob(PublicPayment const& payment) const = 0;
  // Of the node, at most 1000 ids. transient: no node answers. peer: it answers what is not so.
  virtual void fetch(std::vector<Hash> ids, std::function<void(Result<Fetched>)> done) = 0;
};

// "Something changed, up to this number": rung after each commit, from the writer thread.
using Doorbell = std::function<void(EventSeq)>;

}  // namespace hotside::model
