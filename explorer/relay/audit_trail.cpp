#include "explorer/relay/audit_trail.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

namespace hotside::relay {
namespace {

constexpr std::chrono::milliseconds kCollected{250}, kRetried{5'000};

}  // namespace

void AuditTrail::add(model::AuditEntry entry) {
  bool const is_first = waiting_.empty();
  waiting_.push_back(std::move(entry));
  if (!is_first || writing_ > 0) return;
  timer_.expires_after(kCollected);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code const& ec) {
    auto const self = weak.lock();
    if (self && !ec) self->write();
  });
}

void AuditTrail::flush() {
  timer_.cancel();
  write();
}

void AuditTrail::write() {
  if (waiting_.empty() || writing_ > 0) return;
  writing_ = waiting_.size();
  auto const batch = std::make_shared<std::vector<model::AuditEntry>>(std::exchange(waiting_, {}));
  auto work = [batch, &clock = clock_](store::WriteTxn& txn) -> Result<void> {
    for (auto const& entry : *batch) HS_DO(txn.audit().append(entry, clock.now()));
    return {};
  };
  auto done = [self = shared_from_this(), batch](Result<void> const& written) {
    boost::asio::post(self->timer_.get_executor(), [self, batch, is_lost = !written] {
      self->writing_ = 0;
      if (is_lost) {
        spdlog::warn("{} calls of the relay are not in the audit log yet", batch->size());
        self->waiting_.insert(self->waiting_.begin(), batch->begin(), batch->end());
      }
      if (self->waiting_.empty()) return;
      self->timer_.expires_after(is_lost ? kRetried : kCollected);
      self->timer_.async_wait([weak = self->weak_from_this()](boost::system::error_code const& ec) {
        auto const still = weak.lock();
        if (still && !ec) still->write();
      });
    });
  };
  desk_.write(std::move(work), std::move(done));
}

}  // namespace hotside::relay
