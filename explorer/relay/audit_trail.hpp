#pragma once
// Lines of the audit log that are nobody's transaction, written a batch at a time: a client that
// only asks costs the store a few writes a second at most.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "proto/model/audit.hpp"
#include "store/database.hpp"

namespace hotside::relay {

class AuditTrail : public std::enable_shared_from_this<AuditTrail> {
 public:
  static constexpr std::size_t kWaitingMax = 10'000;

  AuditTrail(boost::asio::io_context& net, store::WriteDesk& desk, Clock const& clock)
      : desk_(desk), clock_(clock), timer_(net) {}

  // All on the net thread.
  // What is being written counts: it comes back when the store fails.
  bool has_room() const { return waiting_.size() + writing_ < kWaitingMax; }
  void add(model::AuditEntry entry);
  void flush();  // what waits, now: before the end

 private:
  void write();

  store::WriteDesk& desk_;
  Clock const& clock_;
  boost::asio::steady_timer timer_;
  std::vector<model::AuditEntry> waiting_;
  std::size_t writing_ = 0;  // lines handed over and not yet answered
};

}  // namespace hotside::relay
