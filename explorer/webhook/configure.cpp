#include "explorer/webhook/configure.hpp"

#include <algorithm>

#include "proto/model/webhook.hpp"

namespace hotside::webhook {
namespace {

bool is_same(store::Webhook const& a, store::Webhook const& b) {
  return a.url == b.url && a.events == b.events && a.allow_private == b.allow_private &&
         a.disabled == b.disabled &&
         std::ranges::equal(a.secrets, b.secrets, {}, &store::WebhookSecretRow::text,
                            &store::WebhookSecretRow::text);
}

}  // namespace

Result<void> configure(store::WriteTxn& txn, std::span<Configured const> wanted, Time now) {
  auto& webhooks = txn.webhooks();
  HS_TRY(all, webhooks.all());
  auto const is_wanted = [&](store::Webhook const& row) {
    return std::ranges::find(wanted, row.id, [](auto const& each) {
             return model::webhook_id(each.url);
           }) != wanted.end();
  };
  std::size_t count = 0;
  for (auto& row : all) {
    ++count;
    if (!row.is_configured || is_wanted(row) || row.disabled == store::WebhookOff::removed)
      continue;
    row.disabled = store::WebhookOff::removed;
    row.secrets.clear();
    HS_DO(webhooks.put(row));
  }
  for (auto const& each : wanted) {
    auto const id = model::webhook_id(each.url);
    HS_TRY(known, webhooks.find(id));
    store::Webhook row;
    if (known) {
      row = *known;
    } else {
      row.id = id;
      row.created_at = now;
      row.cursor = txn.head();
      if (++count > store::kWebhooksMax)
        return fail(Fault::rejected, "there are more than " + std::to_string(store::kWebhooksMax) +
                                         " webhooks with those made through the API; delete some");
    }
    row.url = each.url;
    row.events = each.events;
    row.allow_private = each.allow_private;
    row.is_configured = true;
    if (row.disabled == store::WebhookOff::removed) row.disabled.reset();
    row.secrets.clear();
    for (auto const& secret : each.secrets) row.secrets.push_back({secret, std::nullopt});
    if (!known || !is_same(*known, row)) HS_DO(webhooks.put(row));
  }
  return {};
}

}  // namespace hotside::webhook
