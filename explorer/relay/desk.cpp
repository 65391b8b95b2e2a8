#include "explorer/relay/desk.hpp"

#include <boost/asio/post.hpp>
#include <unordered_map>
#include <utility>

#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::relay {
namespace {

namespace asio = boost::asio;

// Of bytes that decode; what is refused is told of under its hash, as a node does.
std::optional<Hash> hash_of(Bytes const& data) {
  auto const tx = wire::decode_transaction(data);
  if (!tx || !std::holds_alternative<wire::RawPayment>(*tx)) return std::nullopt;
  return wire::tx_hash(*tx);
}

using Blobs = std::unordered_map<Hash, Bytes>;

Result<Blobs> stored_blobs(store::ReaderPool::Connection& connection,
                           model::OutputSource const& source, std::vector<Hash> const& ids) {
  HS_TRY(snapshot, connection.snapshot());
  HS_TRY(payments, snapshot->public_outputs(ids));
  Blobs blobs;
  for (auto const& payment : payments) {
    HS_TRY(blob, source.blob(payment));
    blobs.emplace(payment.id, std::move(blob));
  }
  return blobs;
}

std::vector<Hash> missing_from(Blobs const& blobs, std::vector<Hash> const& ids) {
  std::vector<Hash> missing;
  for (auto const& id : ids)
    if (!blobs.contains(id)) missing.push_back(id);
  return missing;
}

}  // namespace

struct Desk::Request {
  std::uint64_t id = 0;
  model::AuditEntry entry;
  Answer answer;
  std::vector<Hash> ids;  // of outputs_list
  Blobs blobs;
};

void Desk::serve(Call call, std::string name, Answer answer) {
  auto request = std::make_shared<Request>();
  request->id = call.id;
  request->entry = {"relay", "relay", "relay." + call.type, "", "done", std::move(name)};
  request->answer = std::move(answer);
  std::visit([&](auto const& what) { on(request, what); }, call.what);
}

void Desk::note(std::string action, std::string target, std::string outcome, std::string name) {
  trail_->add({"relay", "relay", std::move(action), std::move(target), std::move(outcome),
               std::move(name)});
}

void Desk::finish(RequestPtr request, std::string json, std::string outcome) {
  asio::post(net_, [self = shared_from_this(), request = std::move(request), json = std::move(json),
                    outcome = std::move(outcome)]() mutable {
    if (!outcome.empty()) {
      request->entry.outcome = std::move(outcome);
      self->trail_->add(request->entry);
    }
    request->answer(std::move(json));
  });
}

void Desk::refuse(RequestPtr request, std::string const& why, std::string outcome) {
  auto json = error_answer(request->id, why);
  finish(std::move(request), std::move(json), std::move(outcome));
}

void Desk::on(RequestPtr request, ask::Version const&) {
  auto json = version_answer(request->id, options_.version);
  finish(std::move(request), std::move(json), "done");
}

void Desk::on(RequestPtr request, ask::ChainName const&) {
  auto json = chain_name_answer(request->id, options_.network);
  finish(std::move(request), std::move(json), "done");
}

void Desk::on(RequestPtr request, ask::Refused const& call) {
  request->entry.target = request->entry.action.substr(6);
  request->entry.action = "relay.refused";
  refuse(std::move(request), call.why, "refused");
}

void Desk::on(RequestPtr request, ask::Status const&) {
  auto answered = [self = shared_from_this(), request](Result<wire::NodeMessage> message) {
    if (!message) return self->refuse(request, message.error().what, "no_node");
    if (auto const* status = std::get_if<wire::StatusReply>(&message->body))
      return self->finish(request, status_answer(request->id, *status, self->ports_.clock.now()),
                          "done");
    self->refuse(request, "the node gave no status", "no_node");
  };
  ports_.ask(wire::StatusInfo{}, options_.answer_within, std::move(answered));
}

void Desk::on(RequestPtr request, ask::Outputs const& call) {
  request->ids = call.ids;
  request->entry.target = std::to_string(call.ids.size()) + " outputs";
  auto answer = [self = shared_from_this(), request](Result<model::Fetched> fetched) {
    if (!fetched) return self->refuse(request, fetched.error().what, "unavailable");
    request->blobs.merge(fetched->blobs);
    std::vector<Bytes> blobs;
    for (auto const& id : request->ids) {
      auto const blob = request->blobs.find(id);
      if (blob == request->blobs.end())
        return self->refuse(request, "Output was not found hash=" + id.hex().substr(0, 12),
                            "not_found");
      blobs.push_back(blob->second);
    }
    self->finish(request, outputs_answer(request->id, blobs), "done");
  };
  auto job = [self = shared_from_this(), request,
              answer](store::ReaderPool::Connection& connection) {
    auto blobs = stored_blobs(connection, self->ports_.outputs, request->ids);
    if (!blobs) return answer(fail(std::move(blobs.error())));
    request->blobs = std::move(*blobs);
    auto missing = missing_from(request->blobs, request->ids);
    if (missing.empty()) return answer(model::Fetched{});
    self->ports_.outputs.fetch(std::move(missing), answer);
  };
  if (!ports_.readers.submit(std::move(job)))
    refuse(std::move(request), "too many requests wait for the store", "unavailable");
}

// ---- a transaction: checked, recorded, sent

void Desk::on(RequestPtr request, ask::Broadcast const& call) {
  auto const hash = hash_of(call.data);
  if (hash) request->entry.target = hash->hex();
  auto checked = [self = shared_from_this(), request,
                  hash](Result<store::CheckedTransaction> result) {
    if (result) return self->record(request, std::move(*result));
    auto const& error = result.error();
    auto const outcome = error.reason.empty() ? "refused" : error.reason;
    if (error.fault != Fault::rejected || !hash) return self->refuse(request, error.what, outcome);
    self->finish(request, broadcast_answer(request->id, *hash, error.what), outcome);
  };
  ports_.transactions.check(call.data, std::move(checked));
}

void Desk::record(RequestPtr request, store::CheckedTransaction checked) {
  auto is_new = std::make_shared<bool>(false);
  auto work = [self = shared_from_this(), request, checked,
               is_new](store::WriteTxn& txn) -> Result<void> {
    HS_TRY(recorded, self->ports_.transactions.record(txn, checked));
    *is_new = recorded.is_new;
    return txn.audit().append(request->entry, self->ports_.clock.now());
  };
  auto written = [self = shared_from_this(), request, checked = std::move(checked),
                  is_new](Result<void> result) {
    // What nobody has answered yet is asked for once more: the same bytes are the same transaction.
    auto const state = checked.tx.state;
    bool const is_unanswered =
        state == model::RelayedState::created || state == model::RelayedState::unknown;
    if (result && (*is_new || is_unanswered)) return self->send(request, checked);
    if (result) return self->told(request, checked.tx.hash, checked.tx);
    auto const& error = result.error();
    auto const outcome = error.reason.empty() ? "refused" : error.reason;
    if (error.fault != Fault::rejected) return self->refuse(request, error.what, outcome);
    self->finish(request, broadcast_answer(request->id, checked.tx.hash, error.what), outcome);
  };
  ports_.desk.write(std::move(work), std::move(written));
}

void Desk::send(RequestPtr request, store::CheckedTransaction const& recorded) {
  ports_.transactions.send(recorded, [self = shared_from_this(), request, hash = recorded.tx.hash](
                                         auto tx) { self->told(request, hash, std::move(tx)); });
}

void Desk::told(RequestPtr request, Hash const& hash, Result<model::RelayedTransaction> tx) {
  if (!tx) return refuse(std::move(request), tx.error().what, {});
  switch (tx->state) {
    case model::RelayedState::accepted:
    case model::RelayedState::prepared:
    case model::RelayedState::committed:
      return finish(request, broadcast_answer(request->id, hash, std::nullopt), {});
    case model::RelayedState::rejected:
    case model::RelayedState::conflicted:
      return finish(request, broadcast_answer(request->id, hash, tx->error.value_or("rejected")),
                    {});
    case model::RelayedState::created:
    case model::RelayedState::unknown:
      break;
  }
  refuse(std::move(request),
         "no node has answered; the transaction is recorded and will be sent again: tx=" +
             hash.hex().substr(0, 12),
         {});
}

}  // namespace hotside::relay
