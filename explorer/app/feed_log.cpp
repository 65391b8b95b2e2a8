#include "explorer/app/feed_log.hpp"

#include <simdjson.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace hotside::app {
namespace {

// A flood (an import with a long history, catching up) is summed up rather than written out.
constexpr std::uint64_t kWrittenOutMax = 5'000;
constexpr std::size_t kPage = 500;

spdlog::level::level_enum level_of(model::EventType type) {
  if (type == model::EventType::chain_finality_violation) return spdlog::level::err;
  if (type == model::EventType::chain_stalled || type == model::EventType::node_down)
    return spdlog::level::warn;
  return spdlog::level::info;
}

void append(std::string& line, simdjson::dom::element const& about, char const* key) {
  simdjson::dom::element value;
  if (about.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return;
  std::string_view text;
  line += " " + std::string(key) + "=";
  line += value.get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::minify(value);
}

}  // namespace

std::string log_line(std::string_view event_json) {
  simdjson::dom::parser parser;
  simdjson::dom::element event, about;
  simdjson::padded_string const padded(event_json);
  std::string_view type;
  if (parser.parse(padded).get(event) != simdjson::SUCCESS ||
      event.at_key("type").get(type) != simdjson::SUCCESS)
    return std::string(event_json);
  std::string line(type);
  std::ranges::replace(line, '.', ' ');
  append(line, event, "seq");
  for (auto const* part : {"deposit", "transaction", "node", "violation", "chain"})
    if (event.at_key(part).get(about) == simdjson::SUCCESS)
      for (auto const* key :
           {"id", "hash", "amount", "address", "reference", "name", "state", "spend", "kind",
            "epoch", "offset", "block_hash", "stored", "shown", "node", "since", "bundle", "error"})
        append(line, about, key);
  bool is_backfill = false;
  if (event.at_key("backfill").get(is_backfill) == simdjson::SUCCESS && is_backfill)
    line += " backfill";
  return line;
}

Result<std::unique_ptr<FeedLog>> FeedLog::start(std::string const& store_url) {
  HS_TRY(reader, store::open_reader(store_url));
  EventSeq head;
  {
    HS_TRY(snapshot, reader->snapshot());
    HS_TRY(feed, snapshot->feed());
    head = feed.head;
  }
  return std::unique_ptr<FeedLog>(new FeedLog(std::move(reader), head));
}

FeedLog::FeedLog(std::unique_ptr<store::Reader> reader, EventSeq head)
    : reader_(std::move(reader)), told_(head), head_(head), thread_([this] { loop(); }) {}

FeedLog::~FeedLog() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void FeedLog::wake(EventSeq head) {
  {
    std::lock_guard const lock(mutex_);
    head_ = std::max(head_, head);
  }
  wake_.notify_one();
}

void FeedLog::loop() {
  for (;;) {
    EventSeq head;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || head_ > told_; });
      if (head_ <= told_) return;
      head = head_;
    }
    if (auto const done = write_up_to(head); !done) {
      spdlog::error("events {} to {} are not in this log: {}", told_.next().value, head.value,
                    done.error().what);
      told_ = head;
    }
  }
}

Result<void> FeedLog::write_up_to(EventSeq head) {
  if (head.value - told_.value > kWrittenOutMax) {
    spdlog::info("events {} to {} in one go", told_.next().value, head.value);
    told_ = head;
    return {};
  }
  HS_TRY(snapshot, reader_->snapshot());
  while (told_ < head) {
    HS_TRY(page, snapshot->events(told_, model::kAllEventTypes, kPage, kPage));
    if (page.next <= told_) return fail(Fault::transient, "the store does not show them");
    for (auto const& event : page.events)
      spdlog::log(level_of(event.type), "{}", log_line(event.json));
    told_ = page.next;
  }
  return {};
}

}  // namespace hotside::app
