#pragma once
// What stands behind the API, without sockets: a store that has something in every table, and its
// handlers over it. One answer at a time.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "explorer/api/handler.hpp"
#include "explorer/api/routes.hpp"
#include "explorer/cold/bundle_maker.hpp"
#include "explorer/cold/outputs.hpp"
#include "explorer/ledger/watch.hpp"
#include "explorer/relay/transactions.hpp"
#include "proto/base/metrics.hpp"
#include "store/database.hpp"
#include "store/reader_pool.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_clock.hpp"

namespace hotside::fuzz {

// The identity, and the url of a new store with a short history in it.
store::Identity identity();
std::string make_store(test::TempDir const& dir);

class Backend : store::AddressBook, model::ViolationDesk, store::WriteDesk {
 public:
  // Nothing that is written stays unless `keeps`. corrupt or rejected: not a store to work on.
  static Result<std::unique_ptr<Backend>> open(std::string const& url, bool keeps = false);
  ~Backend() override;

  // From the target to the answer, as the server does it.
  api::Answer answer(api::Request const& request);
  // One GET for each thing that the store can be asked for, the path's parameters filled in. Of a
  // store as make_store() has made it.
  std::vector<std::string> everything();

  boost::asio::io_context& net() { return net_; }
  store::ReaderPool& readers() { return readers_; }
  store::WriteDesk& desk() { return *this; }
  model::OutputSource& outputs() { return *outputs_; }
  store::TransactionRelay& transactions() { return *transactions_; }
  Clock const& clock() const { return clock_; }
  // Runs what the net thread would, until `is_done`.
  void run_until(bool const& is_done);

 private:
  Backend(std::string url, bool keeps, std::unique_ptr<store::Database> database);

  Result<store::Registering> add(store::WriteTxn& txn, std::span<model::NewAddress const> addresses,
                                 std::size_t history) override;
  Result<bool> retire(store::WriteTxn& txn, PublicKey const& key) override;
  void clear(std::string reason, model::AuditEntry entry,
             std::function<void(Result<void>)> done) override;
  void write(std::function<Result<void>(store::WriteTxn&)> work,
             std::function<void(Result<void>)> done) override;
  api::Answer handle(api::Route const& route, api::Call const& call);

  std::string url_;
  bool keeps_;
  test::TestClock clock_;
  Metrics metrics_{"fuzz"};
  model::StatusBoard board_;
  boost::asio::io_context net_{1};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<store::Reader> reader_;  // as a thread of the pool keeps its own
  std::mutex writing_;
  cold::BundleMaker bundles_;
  std::shared_ptr<cold::Outputs> outputs_;
  std::unique_ptr<relay::Transactions> transactions_;
  api::ApiOptions options_;
  std::unique_ptr<api::ApiPorts> ports_;
  std::unique_ptr<api::Context> context_;
  store::ReaderPool readers_;  // last: its threads use what is above
};

}  // namespace hotside::fuzz
