#pragma once

#include "store/sqlite/connection.hpp"
#include "store/webhooks.hpp"

namespace hotside::store::sqlite {

class SqliteWebhookWrites final : public WebhookWrites {
 public:
  explicit SqliteWebhookWrites(Connection& db) : db_(db) {}
  Result<std::vector<Webhook>> all() override;
  Result<std::optional<Webhook>> find(std::string_view id) override;
  Result<void> put(Webhook const& webhook) override;
  Result<bool> remove(std::string_view id) override;
  Result<std::size_t> redeliveries(std::string_view id) override;
  Result<bool> add_redelivery(std::string_view id, EventSeq seq) override;
  Result<void> note(WebhookProgress const& progress, Time now) override;

 private:
  Result<std::uint64_t> next_revision();
  Result<void> put_secrets(Webhook const& webhook);
  Result<void> append(std::string_view id, Delivery const& delivery);
  Result<void> trim(std::string_view id, Time now);

  Connection& db_;
};

class SqliteWebhookReads final : public WebhookReads {
 public:
  explicit SqliteWebhookReads(Connection& db) : db_(db) {}
  Result<std::uint64_t> revision() override;
  Result<std::vector<Webhook>> webhooks(std::optional<std::string> const& after,
                                        std::size_t limit) override;
  Result<std::optional<Webhook>> webhook(std::string_view id) override;
  Result<std::vector<DeliveryRow>> deliveries(std::string_view id,
                                              std::optional<std::int64_t> before,
                                              std::size_t limit) override;
  Result<std::vector<Redelivery>> redeliveries(std::int64_t after, std::size_t limit) override;
  Result<EventCounts> event_counts(EventSeq after, EventSeq through) override;

 private:
  Connection& db_;
};

}  // namespace hotside::store::sqlite
