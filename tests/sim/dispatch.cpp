// Webhooks in the simulation: webhook::Lanes decide, as in the dispatcher's thread; what comes back
// from the receivers, and when, is drawn.

#include <algorithm>
#include <utility>

#include "tests/sim/simulation.hpp"

namespace hotside::sim {

using namespace std::chrono_literals;

namespace {

constexpr webhook::LaneOptions kLanes{{200ms, 5'000ms}, 8, 200, 64};

}  // namespace

void Simulation::make_receivers() {
  auto const credits = model::bit(model::EventType::deposit_committed) |
                       model::bit(model::EventType::deposit_reverted);
  receivers_.emplace_back("wh_1", model::kAllEventTypes, kLanes.retry);
  receivers_.emplace_back("wh_2", credits, kLanes.retry);
  for (auto const& each : receivers_) submit(PutHook{each.id(), each.types(), std::nullopt});
}

// A service begins with what is stored.
void Simulation::start_lanes() {
  lanes_ = std::make_unique<webhook::Lanes>(kLanes, 1 + static_cast<std::uint32_t>(at_));
  auto const view = snapshot(0);
  for (auto& each : receivers_)
    each.restarted(view->webhooks().webhook(each.id()).value(), feed_, is_hook_unknown_);
  is_hook_unknown_ = false;
}

// What is under way goes with the process; an operator's change may be in the store or not.
void Simulation::close_lanes() {
  auto const look_at = [this](auto const& jobs) {
    for (auto const& job : jobs) {
      if (std::holds_alternative<PutHook>(job)) is_hook_unknown_ = true;
      if (auto const* again = std::get_if<Redeliver>(&job))
        receiver(again->webhook).may_be_asked(again->seq);
    }
  };
  look_at(jobs_);
  for (auto const& tried : failed_) look_at(tried.jobs);
  lanes_.reset();
  posts_.clear();
  is_noting_ = false;
  rang_ = true;
}

Receiver& Simulation::receiver(std::string const& id) {
  return *std::find_if(receivers_.begin(), receivers_.end(),
                       [&](auto const& each) { return each.id() == id; });
}

// What the dispatcher's thread does in one turn.
void Simulation::dispatch() {
  if (rang_ || lanes_->is_hungry()) {
    auto const read = lanes_->read(*snapshot(0));
    expect(read.has_value(), read ? "" : read.error().what);
    rang_ = false;
  }
  for (std::size_t at = 0; at < posts_.size();) {
    if (posts_[at].answered_at > clock_.now()) {
      ++at;
      continue;
    }
    auto const post = std::move(posts_[at]);
    posts_.erase(posts_.begin() + static_cast<std::ptrdiff_t>(at));
    settle(post.sending, post.status);
  }
  // Who answers at once is sent the next at once.
  for (int turns = 0; turns < 30; ++turns) {
    auto const due = lanes_->due(clock_.now());
    for (auto const& sending : due) post(sending);
    if (due.empty()) break;
    if (!lanes_->is_hungry()) continue;
    auto const read = lanes_->read(*snapshot(0));
    expect(read.has_value(), read ? "" : read.error().what);
  }
  if (is_noting_ || dice_.one_in(3)) return;
  Note note{lanes_->progress()};
  if (note.progress.empty()) return;
  is_noting_ = true;
  for (auto const& each : note.progress) receiver(each.id).to_be_saved(each);
  submit(std::move(note));
}

void Simulation::post(webhook::Sending const& sending) {
  auto& to = receiver(sending.webhook);
  for (auto const& other : posts_)
    expect(other.sending.webhook != sending.webhook ||
               other.sending.redelivery.has_value() != sending.redelivery.has_value(),
           "one event of an endpoint is under way, and one redelivery");
  to.sent(sending, feed_);
  ++coverage_[sending.redelivery ? "webhook: sent again" : "webhook: sent"];
  bool const is_good =
      to.mood == Receiver::Mood::good || (to.mood == Receiver::Mood::moody && !dice_.one_in(4));
  // Taken in or not, answered or not, are two things.
  bool const is_taken = is_good || dice_.one_in(3);
  std::optional<int> status = 204;
  if (!is_good) {
    constexpr int kAnswers[] = {500, 302, 404, 429};
    status = kAnswers[dice_.below(4)];
    if (dice_.one_in(3)) status.reset();
    if (dice_.one_in(12)) status = 410;
  }
  if (is_taken) to.take(lanes_->feed() + ":" + std::to_string(sending.seq.value), sending.json);
  bool const is_prompt = to.mood == Receiver::Mood::good || !dice_.one_in(8);
  if (status && is_prompt) return settle(sending, status);
  auto const delay = std::chrono::milliseconds(dice_.below(4'000));
  posts_.push_back({sending, status, clock_.now() + delay});
}

void Simulation::settle(webhook::Sending const& sending, std::optional<int> status) {
  auto const now = clock_.now();
  store::Delivery delivery{sending.seq, 0, sending.at, status, now - sending.at, {}, {}};
  if (!status) delivery.error = "no whole answer in time";
  lanes_->settle(sending, std::move(delivery), now);
  receiver(sending.webhook).answered(sending, status, now);
  ++coverage_["webhook: " + (status ? std::to_string(*status) : std::string("no answer"))];
}

// What was written of webhooks, or was not.
void Simulation::noted(Job const& job, bool is_done) {
  if (auto const* note = std::get_if<Note>(&job)) {
    if (!is_done) return submit(*note);  // the same again
    is_noting_ = false;
    lanes_->saved(note->progress);
    for (auto const& each : note->progress) receiver(each.id).saved(each);
  } else if (auto const* hook = std::get_if<PutHook>(&job); hook != nullptr && is_done) {
    receiver(hook->id).put(hook->disabled);
  } else if (auto const* again = std::get_if<Redeliver>(&job); again != nullptr && is_done) {
    receiver(again->webhook).asked_again(again->seq);
  }
}

void Simulation::change_a_hook() {
  auto& which = receivers_[dice_.below(receivers_.size())];
  auto const kind = dice_.below(8);
  if (kind < 3) which.mood = static_cast<Receiver::Mood>(kind);
  if (kind == 3 || kind == 4) submit(PutHook{which.id(), which.types(), std::nullopt});
  if (kind == 5) submit(PutHook{which.id(), which.types(), store::WebhookOff::by_operator});
  if (kind > 5 && which.exists() && !feed_.empty())
    for (auto count = 1 + dice_.below(3); count > 0; --count)
      submit(Redeliver{which.id(), EventSeq(1 + dice_.below(feed_.size()))});
}

// Receivers are well, and who was disabled is wanted again.
void Simulation::heal_hooks() {
  for (auto& each : receivers_) {
    each.mood = Receiver::Mood::good;
    if ((each.exists() && !each.is_off()) || !jobs_.empty()) continue;
    submit(PutHook{each.id(), each.types(), std::nullopt});
  }
}

bool Simulation::are_hooks_level() {
  auto const& lanes = lanes_->all();
  return posts_.empty() && !is_noting_ && !rang_ &&
         std::none_of(lanes.begin(), lanes.end(),
                      [](auto const& each) { return each.second.endpoint.is_dirty(); }) &&
         std::all_of(receivers_.begin(), receivers_.end(), [&](auto& each) {
           return each.exists() && !each.is_off() && each.is_through(feed_) && each.is_even();
         });
}

// At rest: each has credited what is due, and attempts are recorded one by one.
void Simulation::check_hooks(store::Snapshot& view, Exchange::Credits const& due) {
  expect(view.webhooks().redeliveries(0, 1).value().empty(), "what was sent again is done");
  for (auto& each : receivers_) {
    expect(each.credits() == due, "who is told by webhook has credited what is final, once");
    std::map<std::uint64_t, std::uint32_t> attempts;
    auto rows = view.webhooks().deliveries(each.id(), std::nullopt, 100'000).value();
    expect(rows.size() <= each.attempts(), "a delivery is recorded once");
    std::reverse(rows.begin(), rows.end());
    if (rows.size() == store::kWebhookDeliveriesKept) continue;  // older ones are forgotten
    for (auto const& row : rows)
      expect(row.delivery.attempt == ++attempts[row.delivery.seq.value],
             "the attempts of an event are counted");
  }
}

}  // namespace hotside::sim
