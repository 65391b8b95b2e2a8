#pragma once
// A write transaction that has an audit log and nothing else: for writes that reach the store
// through a port.

#include <stdexcept>

#include "store/database.hpp"

namespace hotside::api::testing {

struct FakeAudit : store::AuditWrites {
  Result<void> append(model::AuditEntry const&, Time) override { return {}; }
  Result<std::optional<store::KeptAnswer>> kept(std::string_view, std::string_view, Time) override {
    return std::optional<store::KeptAnswer>();
  }
  Result<void> keep(std::string_view, std::string_view, store::KeptAnswer const&, Time) override {
    return {};
  }
};

// Everything else is tested on a real store.
class FakeTxn final : public store::WriteTxn {
 public:
  store::AuditWrites& audit() override { return audit_; }
  store::AddressWrites& addresses() override { unknown(); }
  store::BundleWrites& bundles() override { unknown(); }
  store::CertificateWrites& certificates() override { unknown(); }
  store::HoldWrites& hold() override { unknown(); }
  store::TransactionWrites& transactions() override { unknown(); }
  store::WebhookWrites& webhooks() override { unknown(); }
  Result<EventSeq> commit() override { unknown(); }
  Result<void> start(model::Started const&) override { unknown(); }
  Result<std::optional<store::Tip>> tip() override { unknown(); }
  Result<store::MicroContent> cut_micros(Offset) override { unknown(); }
  Result<void> append_micro(model::MicroBlock const&, Time) override { unknown(); }
  Result<void> hold_micros(Offset) override { unknown(); }
  Result<void> release_micros(Offset) override { unknown(); }
  Result<void> append_macro(model::MacroBlock const&, Time) override { unknown(); }
  Result<std::optional<model::Position>> position() override { unknown(); }
  Result<std::vector<model::Occurrence>> occurrences(std::span<Hash const>) override { unknown(); }
  Result<std::vector<model::Sight>> sights() override { unknown(); }
  Result<std::vector<store::UnspentOutput>> unspent(std::span<Hash const>) override { unknown(); }
  Result<void> mark_spent(std::span<store::UnspentOutput const>, Epoch) override { unknown(); }
  Result<void> append_outputs(std::span<model::PublicOutput const>) override { unknown(); }
  Result<std::vector<store::FinalOutput>> final_outputs_to(std::span<PublicKey const>) override {
    unknown();
  }
  Result<std::vector<Hash>> provisional_outputs_to(std::span<PublicKey const>) override {
    unknown();
  }
  Result<std::vector<model::Deposit>> deposits_of(std::span<Hash const>) override { unknown(); }
  Result<std::vector<model::Deposit>> open_deposits(Epoch) override { unknown(); }
  Result<void> put_deposits(std::span<model::DepositChange const>) override { unknown(); }
  Result<std::vector<PublicKey>> add_addresses(std::span<model::NewAddress const>, Time) override {
    unknown();
  }
  Result<bool> retire_address(PublicKey const&) override { unknown(); }
  Result<store::References> references(std::span<PublicKey const>) override { unknown(); }
  std::string const& feed() const override { unknown(); }
  EventSeq head() const override { unknown(); }
  Result<void> append_event(store::NewEvent const&) override { unknown(); }
  Result<std::optional<std::int64_t>> add_violation(model::Violated const&, Time) override {
    unknown();
  }
  Result<std::uint64_t> clear_violations(std::string_view, std::string_view, Time) override {
    unknown();
  }
  Result<bool> has_violation() override { unknown(); }
  Result<store::Counts> counts() override { unknown(); }

 private:
  [[noreturn]] static void unknown() { throw std::logic_error("tested on a real store"); }
  FakeAudit audit_;
};

}  // namespace hotside::api::testing
