#pragma once

#include "store/certificates.hpp"
#include "store/sqlite/connection.hpp"

namespace hotside::store::sqlite {

class SqliteCertificateWrites final : public CertificateWrites {
 public:
  explicit SqliteCertificateWrites(Connection& db) : db_(db) {}
  Result<void> append(Certificate certificate, std::string_view hrp) override;

 private:
  Connection& db_;
};

class SqliteCertificateReads final : public CertificateReads {
 public:
  explicit SqliteCertificateReads(Connection& db) : db_(db) {}
  Result<std::vector<Certificate>> certificates(Epoch from, std::size_t limit) override;

 private:
  Connection& db_;
};

}  // namespace hotside::store::sqlite
