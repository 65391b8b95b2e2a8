#pragma once
// What every table holds, as one number: the sum, modulo 2^128, of a hash of each row. The writing
// connection keeps them up to date by triggers of its own (the file has none), and `verify` makes
// them again by reading everything: a value that was changed by anything but the writer shows, also
// where no other row could contradict it. Not a defence against who can compute: against disks,
// tools and hands.
//
// A statement that fails must end its transaction: what its first rows did is counted.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/base/result.hpp"
#include "store/sqlite/connection.hpp"

namespace hotside::store::sqlite {

__extension__ using DigestSum = unsigned __int128;

struct TableDigest {
  std::int64_t rows = 0;
  DigestSum sum = 0;
  bool operator==(TableDigest const&) const = default;
};
using TableDigests = std::map<std::string, TableDigest, std::less<>>;

// As written when the last transaction was committed.
Result<TableDigests> stored_digests(Connection& db);
// Every table but that of the digests themselves.
Result<std::vector<std::string>> digested_tables(Connection& db);
// From its rows.
Result<TableDigest> digest_of(Connection& db, std::string const& table);

class Digests {
 public:
  // From now on every change through this connection counts. A table without a digest gets one.
  static Result<std::unique_ptr<Digests>> watch(Connection& db);
  ~Digests();
  Digests(Digests const&) = delete;
  Digests& operator=(Digests const&) = delete;

  Result<void> save();  // before the commit
  void committed();
  void rolled_back();

  struct Count {  // what the triggers see
    std::string table;
    TableDigest now, saved;
  };

 private:
  explicit Digests(Connection& db) : db_(db) {}
  Result<void> add(std::string const& table, TableDigests const& stored);

  Connection& db_;
  std::vector<std::unique_ptr<Count>> counts_;
};

}  // namespace hotside::store::sqlite
