#include "explorer/api/perform.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "proto/base/sha3.hpp"

namespace hotside::api {
namespace {

// RFC 9110 visible characters; the contract has 1 to 255 of them.
constexpr std::size_t kKeyMax = 255;

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kKeyMax &&
         std::ranges::all_of(key, [](char c) { return c > 32 && c < 127; });
}

// What makes two requests the same.
Hash request_hash(Call const& call) {
  Sha3 sha;
  for (std::string_view const text : {call.method, call.path, std::string_view(call.path_parameter),
                                      std::string_view(call.body)}) {
    sha.u64(text.size());
    sha.text(text);
  }
  return sha.finish();
}

store::KeptAnswer kept_answer(Hash const& request, Response const& answer) {
  store::KeptAnswer kept{request, answer.status, answer.body, std::nullopt};
  auto const& headers = answer.headers;
  auto const location =
      std::ranges::find(headers, "Location", &std::pair<std::string, std::string>::first);
  if (location != headers.end()) kept.location = location->second;
  return kept;
}

Response as_given(store::KeptAnswer kept) {
  if (kept.body.empty()) return no_content();
  auto response = json_response(std::move(kept.body), kept.status);
  if (kept.location) response.headers.emplace_back("Location", std::move(*kept.location));
  return response;
}

// What came of the work; only the writer's thread touches it before `done`.
struct Outcome {
  std::optional<Answer> answer;
};

Result<void> work_once(store::WriteTxn& txn, Write const& write, model::AuditEntry const& entry,
                       std::optional<std::string> const& key, Hash const& request, Time now,
                       Outcome& outcome) {
  if (key) {
    HS_TRY(kept, txn.audit().kept(entry.who, *key, now));
    if (kept && kept->request == request) {
      outcome.answer = as_given(std::move(*kept));
      return {};
    }
    if (kept) {
      outcome.answer = refuse(Problem::idempotency_key_reused,
                              "this Idempotency-Key was used with another request");
      return {};
    }
  }
  outcome.answer = write.work(txn);
  auto const& answer = *outcome.answer;
  // Nothing of a refused write may stay: its transaction ends in an error of ours.
  if (!answer) return fail(Fault::rejected, answer.error().detail);
  if (key) HS_DO(txn.audit().keep(entry.who, *key, kept_answer(request, *answer), now));
  return txn.audit().append(entry, now);
}

}  // namespace

std::shared_ptr<KeysInUse::Place> KeysInUse::take(std::string const& caller,
                                                  std::string const& key) {
  Key entry(caller, key);
  std::lock_guard const lock(all_->mutex);
  if (!all_->keys.insert(entry).second) return nullptr;
  return std::make_shared<Place>(all_, std::move(entry));
}

void KeysInUse::Place::free() {
  std::lock_guard const lock(all_->mutex);
  if (std::exchange(is_held_, false)) all_->keys.erase(key_);
}

model::AuditEntry audit_entry(Call const& call, std::string action, std::string target) {
  return {call.caller.name,
          std::string(to_string(call.caller.role)),
          std::move(action),
          std::move(target),
          "done",
          call.request_id};
}

void perform(Context const& context, Call const& call, Write write,
             std::function<void(Answer)> done) {
  if (call.idempotency_key && !is_key(*call.idempotency_key))
    return done(refuse(Problem::invalid_parameter,
                       "Idempotency-Key: 1 to 255 visible characters are expected"));
  auto entry = audit_entry(call, write.action, write.target);
  auto outcome = std::make_shared<Outcome>();
  auto work = [&clock = context.ports.clock, write = std::move(write), entry, outcome,
               key = call.idempotency_key, request = request_hash(call)](store::WriteTxn& txn) {
    return work_once(txn, write, entry, key, request, clock.now(), *outcome);
  };
  auto written = [&context, entry, outcome, done = std::move(done)](Result<void> result) mutable {
    auto& answer = outcome->answer;
    if (result) return done(std::move(*answer));
    if (!answer || answer->has_value())
      return done(tl::unexpected<Refusal>(Refusal(result.error())));
    // The refusal is told of in a transaction of its own, then answered; whatever becomes of that.
    entry.outcome = kind_of(answer->error().problem).name;
    auto const& clock = context.ports.clock;
    context.ports.desk.write(
        [&clock, entry](store::WriteTxn& txn) { return txn.audit().append(entry, clock.now()); },
        [outcome, done](Result<void>) { done(std::move(*outcome->answer)); });
  };
  context.ports.desk.write(std::move(work), std::move(written));
}

void keep_answer(Context const& context, Call const& call, Response const& answer,
                 std::function<void()> done) {
  if (!call.idempotency_key) return done();
  auto work = [&clock = context.ports.clock, who = call.caller.name, key = *call.idempotency_key,
               kept = kept_answer(request_hash(call), answer)](store::WriteTxn& txn) {
    return txn.audit().keep(who, key, kept, clock.now());
  };
  // What is kept if this fails is true as well, only older.
  context.ports.desk.write(std::move(work), [done = std::move(done)](Result<void>) { done(); });
}

}  // namespace hotside::api
