#pragma once
// The signature of the Standard Webhooks specification (v1, symmetric).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proto/model/webhook.hpp"

namespace hotside::webhook {

// "v1,<Base64>" for each secret, separated by spaces, over "<id>.<timestamp>.<body>".
std::string signature(std::span<model::WebhookSecret const> secrets, std::string_view id,
                      std::int64_t timestamp, std::string_view body);

}  // namespace hotside::webhook
