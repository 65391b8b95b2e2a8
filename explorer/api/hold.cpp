#include "explorer/api/hold.hpp"

#include "explorer/api/body.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/perform.hpp"

namespace hotside::api {

void write_hold(JsonWriter& json, std::optional<store::Hold> const& hold) {
  if (!hold) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("since").string(to_rfc3339(hold->since));
  json.key("by").string(hold->by);
  json.key("reason").string(hold->reason);
  json.end_object();
}

// A hold that is set stays as it is, whoever asks for another: lifting it is a decision about the
// reason that it was set for.
void post_hold(Context const& context, Call const& call, std::function<void(Answer)> done) {
  auto reason = read_reason(call.body);
  if (!reason) return done(refuse(Problem::invalid_body, std::move(reason.error().what)));
  auto const work = [&clock = context.ports.clock, by = call.caller.name,
                     why = *reason](store::WriteTxn& txn) -> Answer {
    HS_ASK(hold, txn.hold().hold());
    bool const is_new = !hold.has_value();
    if (is_new) {
      hold = store::Hold{clock.now(), by, why};
      if (auto set = txn.hold().set(*hold); !set)
        return tl::unexpected<Refusal>(Refusal(set.error()));
    }
    JsonWriter json;
    write_hold(json, hold);
    return json_response(json.take(), is_new ? 201 : 200);
  };
  perform(context, call, {"hold.set", std::move(*reason), work}, std::move(done));
}

void delete_hold(Context const& context, Call const& call, std::function<void(Answer)> done) {
  std::string reason;
  if (!call.body.empty()) {
    auto given = read_reason(call.body);
    if (!given) return done(refuse(Problem::invalid_body, std::move(given.error().what)));
    reason = std::move(*given);
  }
  auto const work = [](store::WriteTxn& txn) -> Answer {
    HS_ASK(lifted, txn.hold().lift());
    static_cast<void>(lifted);  // none was set: that is what was asked for
    return no_content();
  };
  perform(context, call, {"hold.lift", std::move(reason), work}, std::move(done));
}

}  // namespace hotside::api
