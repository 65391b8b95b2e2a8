#pragma once
// store::WriteTxn over SQLite. The set-based reads loop over one prepared statement: inside one
// process that is what a join would do.

#include <string>

#include "store/database.hpp"
#include "store/sqlite/addresses.hpp"
#include "store/sqlite/audit.hpp"
#include "store/sqlite/bundles.hpp"
#include "store/sqlite/certificates.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/digest.hpp"
#include "store/sqlite/hold.hpp"
#include "store/sqlite/transactions.hpp"
#include "store/sqlite/webhooks.hpp"

namespace hotside::store::sqlite {

class SqliteWriteTxn final : public WriteTxn {
 public:
  // Inside an open transaction of `connection`; `in_use` is false again when it has ended.
  SqliteWriteTxn(Connection& connection, Digests& digests, FeedHead head, Counts counts,
                 bool& in_use)
      : db_(connection),
        digests_(digests),
        feed_(std::move(head)),
        counts_(counts),
        in_use_(in_use) {
    in_use_ = true;
  }
  ~SqliteWriteTxn() override;
  SqliteWriteTxn(SqliteWriteTxn const&) = delete;
  SqliteWriteTxn& operator=(SqliteWriteTxn const&) = delete;

  Result<EventSeq> commit() override;

  Result<void> start(model::Started const& started) override;
  Result<std::optional<Tip>> tip() override;
  Result<MicroContent> cut_micros(Offset from) override;
  Result<void> append_micro(model::MicroBlock const& block, Time now) override;
  Result<void> hold_micros(Offset from) override;
  Result<void> release_micros(Offset until) override;
  Result<void> append_macro(model::MacroBlock const& block, Time sealed_at) override;
  Result<std::optional<model::Position>> position() override;

  Result<std::vector<model::Occurrence>> occurrences(std::span<Hash const> ids) override;
  Result<std::vector<model::Sight>> sights() override;

  Result<std::vector<UnspentOutput>> unspent(std::span<Hash const> ids) override;
  Result<void> mark_spent(std::span<UnspentOutput const> outputs, Epoch epoch) override;
  Result<void> append_outputs(std::span<model::PublicOutput const> outputs) override;
  Result<std::vector<FinalOutput>> final_outputs_to(std::span<PublicKey const> keys) override;
  Result<std::vector<Hash>> provisional_outputs_to(std::span<PublicKey const> keys) override;

  Result<std::vector<model::Deposit>> deposits_of(std::span<Hash const> utxos) override;
  Result<std::vector<model::Deposit>> open_deposits(Epoch epoch) override;
  Result<void> put_deposits(std::span<model::DepositChange const> changes) override;

  Result<std::vector<PublicKey>> add_addresses(std::span<model::NewAddress const> addresses,
                                               Time now) override;
  Result<bool> retire_address(PublicKey const& key) override;
  Result<References> references(std::span<PublicKey const> keys) override;

  std::string const& feed() const override { return feed_.feed; }
  EventSeq head() const override { return feed_.head; }
  Result<void> append_event(NewEvent const& event) override;

  Result<std::optional<std::int64_t>> add_violation(model::Violated const& violation,
                                                    Time at) override;
  Result<std::uint64_t> clear_violations(std::string_view who, std::string_view reason,
                                         Time at) override;
  Result<bool> has_violation() override;
  Result<Counts> counts() override { return counts_; }

  AuditWrites& audit() override { return audit_; }
  HoldWrites& hold() override { return hold_; }
  CertificateWrites& certificates() override { return certificates_; }
  BundleWrites& bundles() override { return bundles_; }
  TransactionWrites& transactions() override { return transactions_; }
  WebhookWrites& webhooks() override { return webhooks_; }
  AddressWrites& addresses() override { return addresses_; }

 private:
  Result<void> append_micro_content(model::MicroBlock const& block, Time now);
  std::uint64_t& count_of(model::DepositState state);

  Connection& db_;
  Digests& digests_;
  FeedHead feed_;
  Counts counts_;
  bool& in_use_;
  SqliteAuditWrites audit_{db_};
  SqliteHoldWrites hold_{db_};
  SqliteCertificateWrites certificates_{db_};
  SqliteBundleWrites bundles_{db_};
  SqliteTransactionWrites transactions_{db_};
  SqliteWebhookWrites webhooks_{db_};
  SqliteAddressWrites addresses_{db_};
};

}  // namespace hotside::store::sqlite
