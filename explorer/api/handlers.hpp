#pragma once
// All handlers of the route table, one .cpp per subject.

#include "explorer/api/handler.hpp"
#include "proto/model/feed.hpp"

namespace hotside::api {

// status.cpp
Answer get_status(Context const&, Call const&, store::Snapshot&);
Answer get_violations(Context const&, Call const&, store::Snapshot&);
void delete_violations(Context const&, Call const&, std::function<void(Answer)> done);
Answer get_readyz(Context const&, Call const&, store::Snapshot*, std::string const& fault);

// addresses.cpp
Answer get_addresses(Context const&, Call const&, store::Snapshot&);
Answer get_address(Context const&, Call const&, store::Snapshot&);
void post_addresses(Context const&, Call const&, std::function<void(Answer)> done);
void patch_address(Context const&, Call const&, std::function<void(Answer)> done);
void delete_address(Context const&, Call const&, std::function<void(Answer)> done);
Answer get_reference(Context const&, Call const&, store::Snapshot&);

// address_import.cpp
Asked<std::shared_ptr<Upload>> import_addresses(Context const&, Call const&);

// outputs.cpp
void post_outputs(Context const&, Call const&, store::Snapshot&, std::function<void(Answer)> done);
Answer get_utxos(Context const&, Call const&, store::Snapshot&);

// bundles.cpp
Answer get_bundles(Context const&, Call const&, store::Snapshot&);
Answer get_bundle(Context const&, Call const&, store::Snapshot&);
void post_bundles(Context const&, Call const&, std::function<void(Answer)> done);
void delete_bundle(Context const&, Call const&, std::function<void(Answer)> done);

// deposits.cpp
Answer get_deposits(Context const&, Call const&, store::Snapshot&);
Answer get_deposit(Context const&, Call const&, store::Snapshot&);
Asked<Download> get_deposits_csv(Context const&, Call const&);

// audit.cpp
Answer get_audit(Context const&, Call const&, store::Snapshot&);

// events.cpp: the waiting is the server's, the reading is here.
struct EventsQuery {
  EventSeq after;
  std::optional<std::string> feed;
  std::size_t limit = 100;
  model::EventTypeSet types = model::kAllEventTypes;
  std::chrono::seconds wait{0};
};
struct EventsBatch {
  std::string feed;
  std::vector<model::OutboxEvent> events;
  EventSeq next, head;
};
// The reading of both forms: refuses another feed and a cursor beyond the head.
Asked<EventsBatch> read_batch(EventsQuery const& query, store::Snapshot& snapshot);
Asked<EventsQuery> parse_stream_query(Call const& call);

struct EventsPage {
  Response response;
  bool has_events = false;
  EventSeq next, head;
};
Asked<EventsQuery> parse_events_query(Call const& call);
Asked<EventsPage> read_events(EventsQuery const& query, store::Snapshot& snapshot);

// hold.cpp
void post_hold(Context const&, Call const&, std::function<void(Answer)> done);
void delete_hold(Context const&, Call const&, std::function<void(Answer)> done);

// certificates.cpp
Answer get_certificate(Context const&, Call const&, store::Snapshot&);
Answer get_certificates(Context const&, Call const&, store::Snapshot&);
// transactions.cpp
Answer get_transactions(Context const&, Call const&, store::Snapshot&);
Answer get_transaction(Context const&, Call const&, store::Snapshot&);
void post_transactions(Context const&, Call const&, std::function<void(Answer)> done);
// webhooks.cpp
Answer get_webhooks(Context const&, Call const&, store::Snapshot&);
Answer get_webhook(Context const&, Call const&, store::Snapshot&);
Answer get_deliveries(Context const&, Call const&, store::Snapshot&);
void post_webhook(Context const&, Call const&, std::function<void(Answer)> done);
void patch_webhook(Context const&, Call const&, std::function<void(Answer)> done);
void delete_webhook(Context const&, Call const&, std::function<void(Answer)> done);
void post_rotate(Context const&, Call const&, std::function<void(Answer)> done);
void post_redeliver(Context const&, Call const&, std::function<void(Answer)> done);
Answer get_checkpoint(Context const&, Call const&, store::Snapshot&);

// metrics_page.cpp
Answer get_metrics(Context const&, Call const&, store::Snapshot*, std::string const& fault);

// pages.cpp
Answer get_healthz(Context const&, Call const&);
Answer get_openapi(Context const&, Call const&);
Answer get_errors_page(Context const&, Call const&);
Answer get_audit_page(Context const&, Call const&);
Answer get_guide(Context const& context, Call const& call);
Answer get_dashboard(Context const&, Call const&);
Answer get_dashboard_file(Context const&, Call const&);

}  // namespace hotside::api
