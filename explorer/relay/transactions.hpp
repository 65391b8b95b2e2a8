#pragma once
// Signed transactions on their way: checked, recorded, sent, and sent again until the chain has
// decided. The chain's part of that is ingest's; here is the node's.
//
// What is to be sent is read from the store, never kept here: after a restart it goes on as if
// nothing had been.

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "proto/model/ports.hpp"
#include "proto/wire/message.hpp"
#include "proto/wire/payment_check.hpp"
#include "store/database.hpp"
#include "store/reader_pool.hpp"
#include "store/transactions.hpp"

namespace hotside::relay {

// One request to the node that is followed; `done` is called once, on any thread. transient with
// reason no_node: nothing was sent.
using AskNode = std::function<void(wire::Request request, std::chrono::milliseconds within,
                                   std::function<void(Result<wire::NodeMessage>)> done)>;

struct TransactionOptions {
  std::string hrp;
  wire::PaymentLimits limits;
  // Both together stay below the 10 s within which an answer is promised.
  std::chrono::milliseconds look_up_within{2'000};
  std::chrono::milliseconds answer_within{7'000};
  std::chrono::milliseconds resend_every{30'000};
  std::size_t resend_max = 1'000;  // in one round; the next goes on behind them
  std::size_t in_flight = 8;
};

struct TransactionPorts {
  store::ReaderPool& readers;
  store::WriteDesk& desk;
  model::OutputSource& outputs;
  AskNode ask;
  Clock const& clock;
};

class Transactions final : public store::TransactionRelay {
 public:
  // `net` is run by one thread.
  Transactions(boost::asio::io_context& net, TransactionOptions options, TransactionPorts ports);
  ~Transactions() override;

  // Begins to send what is open. Both from any thread.
  void start();
  void stop();
  // Another connection: everything open is sent at once.
  void wake();

  void check(Bytes data, std::function<void(Result<store::CheckedTransaction>)> done) override;
  Result<store::RecordedTransaction> record(store::WriteTxn& txn,
                                            store::CheckedTransaction const& checked) override;
  void send(store::CheckedTransaction const& recorded,
            std::function<void(Result<model::RelayedTransaction>)> done) override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hotside::relay
