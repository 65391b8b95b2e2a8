#pragma once
// A store in memory, as plain as possible: what the API reads in the unit tests.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "explorer/api/api_server.hpp"
#include "proto/model/address.hpp"
#include "proto/model/render.hpp"
#include "store/store.hpp"
#include "tests/unit/api/fake_txn.hpp"

namespace hotside::api::testing {

inline Hash hash_of(std::uint8_t fill) {
  Hash hash;
  hash.bytes.fill(fill);
  return hash;
}

struct FakeState {
  std::string feed = std::string(32, 'f');
  std::optional<model::Position> position;
  store::Counts counts;
  std::vector<store::Violation> violations;
  std::vector<store::DepositRow> deposits;  // newest first
  std::vector<store::AddressRow> addresses;
  std::vector<model::OutboxEvent> events;
  std::optional<Error> fault;  // what every snapshot() says
};

class FakeStore {
 public:
  template <class Change>
  void update(Change&& change) {
    std::lock_guard const lock(mutex_);
    change(state_);
  }
  FakeState read() const {
    std::lock_guard const lock(mutex_);
    return state_;
  }
  // Readers wait here while the gate is closed: a disk that hangs.
  void close_gate() { gate_.lock(); }
  void open_gate() { gate_.unlock(); }
  void pass_gate() {
    ++at_gate_;
    std::lock_guard const pass(gate_);
    --at_gate_;
  }
  std::size_t at_gate() const { return at_gate_; }

  std::function<Result<std::unique_ptr<store::Reader>>()> opener();

 private:
  mutable std::mutex mutex_;
  std::mutex gate_;
  std::atomic<std::size_t> at_gate_{0};
  FakeState state_;
};

struct NoHold : store::HoldReads {
  Result<std::optional<store::Hold>> hold() override { return std::optional<store::Hold>(); }
  Result<std::uint64_t> withheld() override { return 0; }
};

struct NoTransactions : store::TransactionReads {
  using Tx = model::RelayedTransaction;
  Result<std::vector<Row>> transactions(std::optional<model::RelayedState>,
                                        std::optional<std::int64_t>, std::size_t) override {
    return std::vector<Row>();
  }
  Result<std::optional<Tx>> transaction(Hash const&) override { return std::optional<Tx>(); }
  Result<std::vector<store::WaitingTransaction>> waiting(std::int64_t, std::size_t) override {
    return std::vector<store::WaitingTransaction>();
  }
  Result<std::vector<store::InputRow>> inputs(std::span<Hash const>) override {
    return std::vector<store::InputRow>();
  }
};

class FakeSnapshot : public store::Snapshot {
 public:
  explicit FakeSnapshot(FakeState state) : s_(std::move(state)) {}

  Result<store::FeedHead> feed() override {
    return store::FeedHead{s_.feed, EventSeq(s_.events.size())};
  }
  Result<std::optional<model::Position>> position() override { return s_.position; }
  Result<store::Counts> counts() override { return s_.counts; }
  Result<std::vector<store::Violation>> violations() override { return s_.violations; }

  Result<std::vector<store::DepositRow>> deposits(store::DepositFilter const& filter,
                                                  std::optional<store::DepositKey> after,
                                                  std::size_t limit) override {
    std::vector<store::DepositRow> out;
    bool passed = !after;
    for (auto const& row : s_.deposits) {
      if (passed && fits(filter, row) && out.size() < limit) out.push_back(row);
      if (after && row.deposit.id.utxo == after->utxo && row.deposit.id.epoch == after->epoch &&
          row.deposit.offset == after->offset)
        passed = true;
    }
    return out;
  }
  Result<std::optional<store::DepositRow>> deposit(model::DepositId const& id) override {
    for (auto const& row : s_.deposits)
      if (row.deposit.id == id) return std::optional(row);
    return std::optional<store::DepositRow>();
  }
  Result<std::vector<store::AddressRow>> addresses(store::AddressFilter const& filter,
                                                   std::optional<PublicKey> after,
                                                   std::size_t limit) override {
    std::vector<store::AddressRow> out;
    for (auto const& row : s_.addresses)
      if ((!after || row.address.key > *after) && out.size() < limit &&
          (!filter.reference || row.address.reference == filter.reference))
        out.push_back(row);
    return out;
  }
  Result<std::optional<store::AddressRow>> address(PublicKey const& key) override {
    for (auto const& row : s_.addresses)
      if (row.address.key == key) return std::optional(row);
    return std::optional<store::AddressRow>();
  }
  Result<Events> events(EventSeq after, model::EventTypeSet types, std::size_t limit,
                        std::size_t scan) override {
    Events out;
    out.next = after;
    for (auto const& event : s_.events) {
      if (event.seq <= after) continue;
      if (out.events.size() == limit || scan-- == 0) break;
      out.next = event.seq;
      if ((types & model::bit(event.type)) != 0) out.events.push_back(event);
    }
    return out;
  }
  Result<std::vector<model::PublicPayment>> public_outputs(std::span<Hash const>) override {
    return std::vector<model::PublicPayment>();
  }
  store::AuditReads& audit() override { throw std::logic_error("tested on a real store"); }
  store::HoldReads& hold() override { return no_hold_; }
  store::CertificateReads& certificates() override {
    throw std::logic_error("tested on a real store");
  }
  store::BundleReads& bundles() override { throw std::logic_error("tested on a real store"); }
  store::TransactionReads& transactions() override { return no_transactions_; }
  store::WebhookReads& webhooks() override { throw std::logic_error("tested on a real store"); }
  store::AddressReads& books() override { throw std::logic_error("tested on a real store"); }

 private:
  static bool fits(store::DepositFilter const& f, store::DepositRow const& row) {
    auto const& d = row.deposit;
    return (!f.utxo || *f.utxo == d.id.utxo) && (!f.address || *f.address == d.recipient) &&
           (!f.reference || f.reference == row.reference) && (!f.state || *f.state == d.state) &&
           (!f.spend || *f.spend == d.spend) && (!f.epoch_from || d.id.epoch >= *f.epoch_from) &&
           (!f.epoch_to || d.id.epoch <= *f.epoch_to) &&
           (!f.min_amount || d.amount >= *f.min_amount);
  }
  FakeState s_;
  NoHold no_hold_;
  NoTransactions no_transactions_;
};

class FakeReader : public store::Reader {
 public:
  explicit FakeReader(FakeStore& store) : store_(store) {}
  Result<std::unique_ptr<store::Snapshot>> snapshot() override {
    store_.pass_gate();
    auto state = store_.read();
    if (state.fault) return fail(*state.fault);
    return std::unique_ptr<store::Snapshot>(std::make_unique<FakeSnapshot>(std::move(state)));
  }

 private:
  FakeStore& store_;
};

inline std::function<Result<std::unique_ptr<store::Reader>>()> FakeStore::opener() {
  return [this]() -> Result<std::unique_ptr<store::Reader>> {
    return std::unique_ptr<store::Reader>(std::make_unique<FakeReader>(*this));
  };
}

// The writer's side: does it at once, on the caller's thread.
struct FakeBook : store::AddressBook, model::ViolationDesk, store::WriteDesk {
  explicit FakeBook(FakeStore& s) : store(s) {}
  Result<store::Registering> add(store::WriteTxn&, std::span<model::NewAddress const> addresses,
                                 std::size_t) override {
    if (fault) return fail(*fault);
    store::Registering result{addresses.size(), {}};
    store.update([&](FakeState& state) {
      for (auto const& item : addresses) {
        auto const same = [&](auto const& row) { return row.address.key == item.key; };
        if (std::ranges::any_of(state.addresses, same)) {
          ++result.count.existing;
          continue;
        }
        ++result.count.created;
        store::AddressRow row;
        row.address = {item.key, item.reference, item.label, false, from_unix_ms(1)};
        state.addresses.push_back(row);
      }
      std::ranges::sort(state.addresses, {}, [](auto const& row) { return row.address.key; });
      state.counts.addresses = state.addresses.size();
    });
    return result;
  }
  Result<bool> retire(store::WriteTxn&, PublicKey const& key) override {
    bool found = false;
    store.update([&](FakeState& state) {
      for (auto& row : state.addresses)
        if (row.address.key == key) found = row.address.retired = true;
    });
    return found;
  }
  void clear(std::string reason, model::AuditEntry entry,
             std::function<void(Result<void>)> done) override {
    cleared = entry.who + ": " + reason;
    store.update([](FakeState& state) { state.violations.clear(); });
    done({});
  }
  void write(std::function<Result<void>(store::WriteTxn&)> work,
             std::function<void(Result<void>)> done) override {
    FakeTxn txn;
    done(work(txn));
  }
  FakeStore& store;
  std::optional<Error> fault;
  std::string cleared;
};

struct FakeClock : Clock {
  Time now() const override { return time; }
  Instant instant() const override { return Instant(time.time_since_epoch()); }
  Time time = from_unix_ms(1'800'000'000'000);
};

inline model::OutboxEvent fake_event(std::uint64_t seq, model::EventType type, Time at,
                                     store::DepositRow const* about = nullptr,
                                     std::string const& feed = std::string(32, 'f')) {
  JsonWriter json;
  model::begin_event(json, EventSeq(seq), feed, type, at, false);
  if (about != nullptr) {
    json.key("deposit");
    model::write_deposit(json, about->deposit, about->reference, "stt");
  }
  json.end_object();
  return {EventSeq(seq), type, at, json.take()};
}

}  // namespace hotside::api::testing
