#pragma once

#include <set>
#include <string>
#include <vector>

#include "store/maintenance.hpp"
#include "store/sqlite/connection.hpp"

namespace hotside::store::sqlite {

// The checks of one store, in one read transaction.
class Verifier {
 public:
  Verifier(Connection& db, VerifyOptions const& options) : db_(db), options_(options) {}
  Result<void> run();
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  std::size_t steps() const { return options_.deep ? 12 : 11; }
  Result<void> step(std::size_t n, std::string const& name, Result<void> (Verifier::*check)());
  void found(std::string where, std::string what);
  // Each row that `sql` gives is a finding: its first column says where.
  Result<void> none(std::string const& sql, std::string const& what);

  Result<void> file();
  Result<void> digests();
  Result<void> singles();
  Result<void> macro_chain();
  Result<void> micro_chain();
  Result<void> tallies();
  Result<void> feed();
  Result<void> deposits();
  Result<void> checkpoints();
  Result<void> audit_log();
  Result<void> certificates();
  Result<void> certified_outputs();
  Result<void> output_ids();

  Connection& db_;
  VerifyOptions const& options_;
  std::vector<Finding> findings_;
  std::size_t of_step_ = 0;
};

}  // namespace hotside::store::sqlite
