#pragma once
// The bodies of /v1/webhooks, read strictly. What is well formed but not possible here, an unknown
// event type or a forbidden target, is a refusal of its own.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "explorer/api/handler.hpp"
#include "proto/model/feed.hpp"
#include "proto/model/webhook.hpp"

namespace hotside::api {

struct WebhookBody {
  std::optional<model::WebhookUrl> url;
  std::optional<model::EventTypeSet> events;  // not empty
  std::optional<bool> allow_private, enabled;
  std::optional<model::WebhookSecret> secret;
};

Asked<WebhookBody> read_new_webhook(std::string_view body);  // url and events are there
Asked<WebhookBody> read_webhook_change(
    std::string_view body);  // url, events, enabled; at least one
Asked<std::chrono::seconds> read_rotation(std::string_view body);
Asked<EventSeq> read_redelivery(std::string_view body);

// Refuses a target that is private by its text, or whose name leads to the address `not_public`,
// where that is not allowed.
Asked<void> check_target(model::WebhookUrl const& url, std::optional<std::string> const& not_public,
                         bool allow_private);

}  // namespace hotside::api
