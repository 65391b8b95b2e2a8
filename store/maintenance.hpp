#pragma once
// What is done to a store beside running on it: copying, putting back, and checking. Nothing here
// needs the service to stand still but `restore`, which needs it not to run.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/result.hpp"
#include "proto/model/block.hpp"
#include "store/store.hpp"

namespace hotside::store {

// Called now and then; units are whatever `total` counts.
using Progress =
    std::function<void(std::string const& what, std::uint64_t done, std::uint64_t total)>;

struct Finding {
  std::string where;  // a table, or a row of one
  std::string what;
};
struct VerifyOptions {
  bool deep = false;  // every index and every output id, too
  // The id that a public payment's fields hash to; needed when deep.
  std::function<Hash(model::PublicPayment const&)> output_id;
  std::size_t findings_max = 100;  // for each check
  Progress progress;
};
// Checks one consistent view of a store, also while a service runs on it. Empty: as it should be.
// The error says that it could not be looked at; what is too damaged to be read is a finding.
Result<std::vector<Finding>> verify(std::string const& url, VerifyOptions const& options);

// The stored digests of all tables, as one text: two stores of which it is the same, and which
// stand a check, hold the same.
Result<std::string> fingerprint(std::string const& url);

// Copies the store into a new file, while a service runs on it. The file is there when it is whole
// and on the disk. rejected: it is there already.
Result<void> backup(std::string const& url, std::string const& file, Progress const& progress);

// Puts a copy into the place of `url`, under a new feed id, with the whole history again from
// number 1. What was there before stays beside it as `<file>.before-restore`. Whatever instant ends
// it, the place holds the old store or the new one. rejected: a service runs there, the copy is of
// another network, or does not stand a check.
Result<FeedHead> restore(std::string const& file, std::string const& url, Identity const& identity,
                         VerifyOptions const& check, Progress const& progress);

}  // namespace hotside::store
