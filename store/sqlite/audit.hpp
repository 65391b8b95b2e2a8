#pragma once

#include "store/audit.hpp"
#include "store/sqlite/connection.hpp"

namespace hotside::store::sqlite {

class SqliteAuditWrites final : public AuditWrites {
 public:
  explicit SqliteAuditWrites(Connection& db) : db_(db) {}
  Result<void> append(model::AuditEntry const& entry, Time now) override;
  Result<std::optional<KeptAnswer>> kept(std::string_view caller, std::string_view key,
                                         Time now) override;
  Result<void> keep(std::string_view caller, std::string_view key, KeptAnswer const& answer,
                    Time now) override;

 private:
  Connection& db_;
};

class SqliteAuditReads final : public AuditReads {
 public:
  explicit SqliteAuditReads(Connection& db) : db_(db) {}
  Result<std::vector<AuditRow>> audit(std::uint64_t after, std::size_t limit) override;

 private:
  Connection& db_;
};

}  // namespace hotside::store::sqlite
