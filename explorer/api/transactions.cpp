#include <array>
#include <memory>

#include "explorer/api/body.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "explorer/api/perform.hpp"
#include "proto/model/relayed.hpp"

namespace hotside::api {
namespace {

constexpr char kTransactionCursor = 't';

std::string render(model::RelayedTransaction const& tx, std::string_view hrp) {
  JsonWriter json;
  model::write_transaction(json, tx, hrp);
  return json.take();
}

Response answer_of(model::RelayedTransaction const& tx, bool is_new, std::string_view hrp) {
  if (!is_new) return json_response(render(tx, hrp));
  auto response = json_response(render(tx, hrp), 201);
  response.headers.emplace_back("Location", "/v1/transactions/" + tx.hash.hex());
  return response;
}

Refusal refusal_of(Error const& error) {
  struct Row {
    std::string_view reason;
    Problem problem;
  };
  constexpr std::array<Row, 11> kRows{{{"undecodable", Problem::undecodable_transaction},
                                       {"transaction", Problem::invalid_transaction},
                                       {"fee_too_low", Problem::fee_too_low},
                                       {"fee_too_high", Problem::fee_too_high},
                                       {"unbalanced", Problem::unbalanced_transaction},
                                       {"signature", Problem::invalid_signature},
                                       {"unknown_input", Problem::unknown_input},
                                       {"spent_input", Problem::spent_input},
                                       {"spent", Problem::spent_input},
                                       {"node_unavailable", Problem::node_unavailable},
                                       {"reserved", Problem::inputs_reserved}}};
  for (auto const& row : kRows)
    if (row.reason == error.reason) return {row.problem, error.what};
  return error;
}

// One POST from its body to what the node said. Lives as long as any step of it is to come.
struct Post : std::enable_shared_from_this<Post> {
  Post(Context const& c, Call const& request, std::function<void(Answer)> then)
      : context(c), call(request), done(std::move(then)) {}

  void start();
  void checked(Result<store::CheckedTransaction> result);
  void refused(Refusal refusal);
  void record();
  void sent(Result<model::RelayedTransaction> tx);

  Context const& context;
  Call call;  // a copy: whoever asked may be gone before this is done
  std::function<void(Answer)> done;
  TransactionBody body;
  store::CheckedTransaction transaction;
  bool is_new = false;  // set in the transaction that records it
};

void Post::start() {
  auto read = read_transaction(call.body);
  if (!read) return done(tl::unexpected<Refusal>(refusal_of(read.error())));
  body = std::move(*read);
  context.ports.transactions->check(
      body.data, [self = shared_from_this()](auto result) { self->checked(std::move(result)); });
}

void Post::checked(Result<store::CheckedTransaction> result) {
  if (!result) return refused(refusal_of(result.error()));
  transaction = std::move(*result);
  if (body.outputs) {
    std::vector<Hash> made;
    for (auto const& output : transaction.tx.outputs) made.push_back(output.utxo);
    if (made != *body.outputs)
      return refused({Problem::invalid_transaction, "txouts: not the outputs of `data`"});
  }
  record();
}

// Through the audit log, as every write that was refused.
void Post::refused(Refusal refusal) {
  Write write{"transaction.relay", "", [refusal = std::move(refusal)](store::WriteTxn&) -> Answer {
                return tl::unexpected<Refusal>(refusal);
              }};
  perform(context, call, std::move(write), done);
}

void Post::record() {
  auto work = [self = shared_from_this()](store::WriteTxn& txn) -> Answer {
    auto recorded = self->context.ports.transactions->record(txn, self->transaction);
    if (!recorded) return tl::unexpected<Refusal>(refusal_of(recorded.error()));
    self->is_new = recorded->is_new;
    return answer_of(recorded->tx, recorded->is_new, self->context.options.hrp);
  };
  Write write{"transaction.relay", transaction.tx.hash.hex(), std::move(work)};
  perform(context, call, std::move(write), [self = shared_from_this()](Answer answer) {
    if (!answer || !self->is_new) return self->done(std::move(answer));
    self->context.ports.transactions->send(self->transaction,
                                           [self](auto tx) { self->sent(std::move(tx)); });
  });
}

void Post::sent(Result<model::RelayedTransaction> tx) {
  if (!tx) return done(tl::unexpected<Refusal>(Refusal(tx.error())));
  auto const response = answer_of(*tx, true, context.options.hrp);
  keep_answer(context, call, response,
              [self = shared_from_this(), response] { self->done(response); });
}

}  // namespace

Answer get_transactions(Context const& context, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(limit, limit_parameter(call));
  std::optional<model::RelayedState> state;
  if (auto const text = given(call, "state")) {
    state = model::relayed_state(*text);
    if (!state)
      return refuse(Problem::invalid_parameter,
                    "state: one of created, accepted, rejected, unknown, prepared, committed, "
                    "conflicted");
  }
  std::optional<std::int64_t> before;
  if (auto const text = given(call, "after")) {
    before = row_cursor(kTransactionCursor, *text);
    if (!before) return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  }
  HS_ASK(rows, snapshot.transactions().transactions(state, before, limit + 1));
  HS_ASK(position, snapshot.position());
  auto const next =
      cut_page(rows, limit, [](auto const& row) { return cursor_of(kTransactionCursor, row.row); });
  JsonWriter json;
  json.begin_object();
  json.key("transactions").begin_array();
  for (auto const& row : rows) model::write_transaction(json, row.tx, context.options.hrp);
  json.end_array();
  write_next(json, next);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

Answer get_transaction(Context const& context, Call const& call, store::Snapshot& snapshot) {
  auto const hash = Hash::from_hex(call.path_parameter);
  if (!hash) return refuse(Problem::invalid_parameter, "hash: 64 hexadecimal digits");
  HS_ASK(tx, snapshot.transactions().transaction(*hash));
  if (!tx) return refuse(Problem::not_found, "this transaction was never relayed");
  return json_response(render(*tx, context.options.hrp));
}

void post_transactions(Context const& context, Call const& call, std::function<void(Answer)> done) {
  std::make_shared<Post>(context, call, std::move(done))->start();
}

}  // namespace hotside::api
