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
void delete_address(Context const&, Call const&, std::function<void(Answer)> done);

// deposits.cpp
Answer get_deposits(Context const&, Call const&, store::Snapshot&);
Answer get_deposit(Context const&, Call const&, store::Snapshot&);

// events.cpp: the waiting is the server's, the reading is here.
struct EventsQuery {
  EventSeq after;
  std::optional<std::string> feed;
  std::size_t limit = 100;
  model::EventTypeSet types = model::kAllEventTypes;
  std::chrono::seconds wait{0};
};
struct EventsPage {
  Response response;
  bool has_events = false;
  EventSeq next, head;
};
Asked<EventsQuery> parse_events_query(Call const& call);
Asked<EventsPage> read_events(EventsQuery const& query, store::Snapshot& snapshot);

// webhooks.cpp
Answer get_webhooks(Context const&, Call const&, store::Snapshot&);
Answer get_webhook(Context const&, Call const&, store::Snapshot&);
Answer get_deliveries(Context const&, Call const&, store::Snapshot&);
void post_webhook(Context const&, Call const&, std::function<void(Answer)> done);
void patch_webhook(Context const&, Call const&, std::function<void(Answer)> done);
void delete_webhook(Context const&, Call const&, std::function<void(Answer)> done);
void post_rotate(Context const&, Call const&, std::function<void(Answer)> done);
void post_redeliver(Context const&, Call const&, std::function<void(Answer)> done);

// metrics_page.cpp
Answer get_metrics(Context const&, Call const&, store::Snapshot*, std::string const& fault);

// pages.cpp
Answer get_healthz(Context const&, Call const&);
Answer get_openapi(Context const&, Call const&);
Answer get_errors_page(Context const&, Call const&);
Answer get_dashboard(Context const&, Call const&);
Answer get_dashboard_file(Context const&, Call const&);

}  // namespace hotside::api
