#pragma once
// Serves the calls of the relay: what each may touch, and what it answers. Every call becomes a
// line of the audit log.

#include <functional>
#include <memory>
#include <string>

#include "explorer/relay/audit_trail.hpp"
#include "explorer/relay/call.hpp"
#include "explorer/relay/transactions.hpp"

namespace hotside::relay {

struct DeskOptions {
  std::string version, network;  // "testnet"
  std::chrono::milliseconds answer_within{10'000};
};

struct DeskPorts {
  store::ReaderPool& readers;
  store::WriteDesk& desk;
  model::OutputSource& outputs;
  store::TransactionRelay& transactions;
  AskNode ask;
  Clock const& clock;
};

class Desk : public std::enable_shared_from_this<Desk> {
 public:
  using Answer = std::function<void(std::string json)>;

  Desk(boost::asio::io_context& net, DeskOptions options, DeskPorts ports)
      : net_(net),
        options_(std::move(options)),
        ports_(std::move(ports)),
        trail_(std::make_shared<AuditTrail>(net, ports_.desk, ports_.clock)) {}

  // On the net thread, as all of this. `name` is that of the request in the audit log; `answer` is
  // called once, on the net thread.
  void serve(Call call, std::string name, Answer answer);
  // What is not served as a call, and how often.
  void note(std::string action, std::string target, std::string outcome, std::string name);

  bool has_room() const { return trail_->has_room(); }
  void stop() { trail_->flush(); }

 private:
  struct Request;
  using RequestPtr = std::shared_ptr<Request>;

  void on(RequestPtr request, ask::Version const& call);
  void on(RequestPtr request, ask::ChainName const& call);
  void on(RequestPtr request, ask::Status const& call);
  void on(RequestPtr request, ask::Outputs const& call);
  void on(RequestPtr request, ask::Broadcast const& call);
  void on(RequestPtr request, ask::Refused const& call);

  void record(RequestPtr request, store::CheckedTransaction checked);
  void send(RequestPtr request, store::CheckedTransaction const& recorded);
  void told(RequestPtr request, Hash const& hash, Result<model::RelayedTransaction> tx);
  // From any thread. With an outcome, a line of the audit log; without one, it has been written.
  void finish(RequestPtr request, std::string json, std::string outcome);
  void refuse(RequestPtr request, std::string const& why, std::string outcome);

  boost::asio::io_context& net_;
  DeskOptions options_;
  DeskPorts ports_;
  std::shared_ptr<AuditTrail> trail_;
};

}  // namespace hotside::relay
