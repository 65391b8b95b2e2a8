#include "explorer/webhook/endpoint.hpp"

#include <catch2/catch.hpp>

using namespace hotside;
using namespace std::chrono_literals;
using webhook::Endpoint;

namespace {

constexpr webhook::RetryTimes kTimes{1s, 3600s};
Time at(std::int64_t ms) { return from_unix_ms(1'700'000'000'000 + ms); }

store::Webhook row() {
  store::Webhook made;
  made.id = "wh_1";
  made.url = "https://u:p@a.example/x?y";
  made.events = model::bit(model::EventType::deposit_committed);
  made.revision = 1;
  made.secrets = {{model::WebhookSecret::make().text(), std::nullopt},
                  {model::WebhookSecret::make().text(), at(1000)}};
  return made;
}

model::OutboxEvent event(std::uint64_t seq) {
  return {EventSeq(seq), model::EventType::deposit_committed, at(0), "{}"};
}

store::Delivery answer(std::uint64_t seq, std::optional<int> status) {
  store::Delivery made;
  made.seq = EventSeq(seq);
  made.at = at(0);
  made.status = status;
  if (!status) made.error = "no whole answer in time";
  return made;
}

}  // namespace

TEST_CASE("delays double to an hour, each shortened by at most half") {
  std::minstd_rand dice(7);
  std::chrono::milliseconds full = 1s;
  for (std::uint32_t failures = 1; failures < 40; ++failures) {
    std::chrono::milliseconds least = full, most = 0ms;
    for (int i = 0; i < 200; ++i) {
      auto const delay = webhook::retry_delay(kTimes, failures, dice);
      least = std::min(least, delay);
      most = std::max(most, delay);
    }
    CHECK(least >= full / 2);
    CHECK(most <= full);
    CHECK(least < full * 3 / 5);  // it is jittered
    CHECK(most > full * 9 / 10);
    full = std::min<std::chrono::milliseconds>(full * 2, 3600s);
  }
  CHECK(webhook::retry_delay(kTimes, UINT32_MAX, dice) <= 3600s);
}

TEST_CASE("one event at a time; a failure holds the rest until the same one is delivered") {
  Endpoint endpoint(row(), kTimes, 1);
  CHECK_FALSE(endpoint.due());
  endpoint.take({event(4), event(9)}, EventSeq(9));
  CHECK(endpoint.row().cursor == EventSeq(3));  // what lies before is not of its types
  CHECK(endpoint.due() == Time{});
  for (auto const status : {std::optional<int>(500), std::optional<int>(301),
                            std::optional<int>(404), std::optional<int>()}) {
    endpoint.settle(answer(4, status), at(0), false, endpoint.row().revision);
    CHECK(endpoint.front().seq == EventSeq(4));
    CHECK(*endpoint.due() > at(0));
  }
  CHECK(endpoint.row().failures == 4);
  CHECK(endpoint.row().failing_since == at(0));
  CHECK(*endpoint.due() >= at(4000));
  endpoint.settle(answer(4, 204), at(9000), false, endpoint.row().revision);
  CHECK(endpoint.row().cursor == EventSeq(4));
  CHECK(endpoint.front().seq == EventSeq(9));
  CHECK(endpoint.row().failures == 0);
  CHECK_FALSE(endpoint.row().failing_since);
  CHECK(endpoint.due() == Time{});

  CHECK(endpoint.unsaved() == 5);
  auto const progress = endpoint.progress();
  CHECK_FALSE(endpoint.is_dirty());
  CHECK(progress.cursor == EventSeq(4));
  REQUIRE(progress.deliveries.size() == 5);
  CHECK(progress.deliveries[0].error == "status 500");
  CHECK(progress.deliveries[1].error == "a redirect, which is not followed");
  CHECK_FALSE(progress.deliveries[4].error);
  endpoint.saved(5);
  CHECK(endpoint.unsaved() == 0);
}

TEST_CASE("410 switches it off, and only an operator switches it on") {
  Endpoint endpoint(row(), kTimes, 1);
  endpoint.take({event(1)}, EventSeq(1));
  endpoint.settle(answer(1, 410), at(0), false, endpoint.row().revision);
  CHECK_FALSE(endpoint.due());
  CHECK(endpoint.progress().gone == 1);
  auto changed = row();
  endpoint.change(changed);  // not a change: the store does not know of the 410 yet
  CHECK_FALSE(endpoint.due());
  changed.revision = 2;
  endpoint.change(changed);
  CHECK(endpoint.due() == Time{});  // at once
  CHECK(endpoint.front().seq == EventSeq(1));
}

TEST_CASE("a redelivery moves neither cursor nor circuit, but 410 is 410") {
  Endpoint endpoint(row(), kTimes, 1);
  endpoint.take({event(5)}, EventSeq(5));
  endpoint.settle(answer(2, 500), at(0), true, endpoint.row().revision);
  endpoint.settle(answer(7, 200), at(0), true, endpoint.row().revision);
  CHECK(endpoint.row().failures == 0);
  CHECK(endpoint.row().cursor == EventSeq(4));
  CHECK(endpoint.due() == Time{});
  CHECK(endpoint.unsaved() == 2);
  endpoint.settle(answer(2, 410), at(0), true, endpoint.row().revision);
  CHECK_FALSE(endpoint.due());
}

TEST_CASE("other types are read anew from the cursor") {
  Endpoint endpoint(row(), kTimes, 1);
  store::EventCounts counts{};
  counts[static_cast<std::size_t>(model::EventType::deposit_committed)] = 2;
  counts[static_cast<std::size_t>(model::EventType::node_up)] = 100;
  endpoint.count(counts);
  CHECK(endpoint.backlog() == 2);
  endpoint.take({event(1), event(2)}, EventSeq(2));
  endpoint.settle(answer(1, 200), at(0), false, endpoint.row().revision);
  CHECK(endpoint.backlog() == 1);
  auto changed = row();
  changed.revision = 2;
  changed.events = model::bit(model::EventType::node_up);
  changed.cursor = EventSeq(0);
  endpoint.change(changed);
  CHECK(endpoint.wants_events());
  CHECK(endpoint.row().cursor == EventSeq(1));
  CHECK(endpoint.seen() == EventSeq(1));
}

TEST_CASE("what was on its way when the types changed is told in its place, once more") {
  Endpoint endpoint(row(), kTimes, 1);
  endpoint.take({event(1), event(9)}, EventSeq(9));
  endpoint.settle(answer(1, 200), at(0), false, endpoint.row().revision);  // 9 is sent next
  auto changed = row();
  changed.revision = 2;
  changed.events |= model::bit(model::EventType::node_up);
  endpoint.change(changed);
  endpoint.take({event(5), event(9)}, EventSeq(9));
  endpoint.settle(answer(9, 200), at(0), false, endpoint.row().revision);
  CHECK(endpoint.row().cursor == EventSeq(4));  // 5 is not delivered
  REQUIRE(endpoint.due());
  CHECK(endpoint.front().seq == EventSeq(5));
  endpoint.settle(answer(5, 200), at(0), false, endpoint.row().revision);
  REQUIRE(endpoint.due());
  CHECK(endpoint.front().seq == EventSeq(9));
  endpoint.settle(answer(9, 200), at(0), false, endpoint.row().revision);
  CHECK_FALSE(endpoint.due());
  CHECK(endpoint.row().cursor == EventSeq(9));
}

TEST_CASE("what the endpoint was before a change says nothing about what it is now") {
  Endpoint endpoint(row(), kTimes, 1);
  endpoint.take({event(1)}, EventSeq(1));
  auto changed = row();
  changed.revision = 2;
  changed.url = "https://b.example/x";
  endpoint.change(changed);
  for (auto const status : {std::optional<int>(410), std::optional<int>(500), std::optional<int>()})
    endpoint.settle(answer(1, status), at(0), false, 1);
  endpoint.settle(answer(1, 410), at(0), true, 1);
  CHECK(endpoint.due() == Time{});  // at once, and it is on
  CHECK(endpoint.row().failures == 0);
  auto const progress = endpoint.progress();
  CHECK_FALSE(progress.gone);
  CHECK(progress.deliveries.size() == 4);  // they are listed
  endpoint.settle(answer(1, 410), at(0), false, 2);
  CHECK(endpoint.progress().gone == 2);
}

TEST_CASE("it signs with the secrets that live, and its name shows none of what is secret") {
  Endpoint endpoint(row(), kTimes, 1);
  CHECK(endpoint.live_secrets(at(999)).size() == 2);
  CHECK(endpoint.live_secrets(at(1000)).size() == 1);
  CHECK(endpoint.named() == "wh_1 (https://a.example/x)");
}
