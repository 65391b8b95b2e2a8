#include "explorer/relay/transactions.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <random>
#include <unordered_set>
#include <utility>

#include "explorer/relay/record.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::relay {
namespace {

namespace asio = boost::asio;
using model::RelayedTransaction;
using store::CheckedTransaction;
using store::InputState;
using Checked = std::function<void(Result<CheckedTransaction>)>;
using Sent = std::function<void(Result<RelayedTransaction>, bool was_sent)>;

std::string listed(std::vector<Hash> const& ids) {
  std::string text;
  for (auto const& id : ids) text += (text.empty() ? "" : ", ") + id.hex();
  return text;
}

RelayedTransaction describe(wire::CheckedPayment const& payment, Time now) {
  RelayedTransaction tx;
  tx.hash = payment.hash;
  tx.inputs = payment.tx.inputs;
  tx.fee = Amount(payment.tx.fee);
  tx.created_at = now;
  for (std::size_t i = 0; i < payment.tx.outputs.size(); ++i) {
    model::RelayedOutput output;
    output.utxo = payment.output_ids[i];
    if (auto const* open = std::get_if<wire::RawPublicOutput>(&payment.tx.outputs[i])) {
      output.recipient = open->recipient;
      output.amount = Amount(open->amount);
    }
    tx.outputs.push_back(output);
  }
  return tx;
}

// One check, handed from step to step: what the store knows, what the node knows, the signature.
struct Check {
  wire::CheckedPayment payment;
  CheckedTransaction result;
  std::vector<std::optional<wire::RawOutput>> inputs;  // as in payment.tx.inputs
  Checked done;
  bool is_answered = false;  // by the node, or by its time being up; on the net thread

  // Ids that the store does not have.
  std::vector<Hash> unknown() const {
    std::vector<Hash> ids;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!inputs[i]) ids.push_back(payment.tx.inputs[i]);
    return ids;
  }
  void finish() {
    std::vector<wire::RawOutput> all;
    for (auto const& input : inputs)
      if (input) all.push_back(*input);
    if (all.size() < inputs.size()) {
      // Unchecked, it would hold back what anybody can name beside an output that nobody can find.
      if (!all.empty())
        return done(
            fail(Fault::transient,
                 "the signature cannot be checked: no node could be asked for " + listed(unknown()),
                 "node_unavailable"));
      warn(result.tx, "the signature is not checked: inputs that no node could be asked for");
    } else if (auto holds = wire::check_payment(payment, all); !holds) {
      return done(fail(std::move(holds.error())));
    }
    done(std::move(result));
  }
};

// Bytes under the hash of a recorded transaction: one flipped bit of the signature leaves the hash
// as it is. The store forgets no public output; what it never had cannot be checked again.
Result<void> check_again(store::Snapshot& snapshot, wire::CheckedPayment const& payment) {
  HS_TRY(rows, snapshot.transactions().inputs(payment.tx.inputs));
  std::vector<wire::RawOutput> inputs;
  for (auto const& row : rows) {
    if (!row.payment) return {};
    inputs.emplace_back(wire::RawPublicOutput{row.payment->recipient, row.payment->serno,
                                              row.payment->amount.value});
  }
  return wire::check_payment(payment, inputs);
}

// What the store says of the inputs. true: the node is to be asked for the rest.
Result<void> look_up(store::Snapshot& snapshot, Check& check) {
  HS_TRY(known, snapshot.transactions().transaction(check.payment.hash));
  if (known) {
    HS_DO(check_again(snapshot, check.payment));
    check.result.tx = std::move(*known);
    check.result.is_known = true;
    return {};
  }
  HS_TRY(position, snapshot.position());
  if (position) check.result.final_epoch = position->final_epoch;
  HS_TRY(rows, snapshot.transactions().inputs(check.payment.tx.inputs));
  for (auto const& row : rows) {
    if (row.state == InputState::spent)
      return refuse("input " + row.utxo.hex() + " is spent in the final chain", "spent_input");
    std::optional<wire::RawOutput> input;
    if (row.payment)
      input = wire::RawPublicOutput{row.payment->recipient, row.payment->serno,
                                    row.payment->amount.value};
    check.inputs.push_back(std::move(input));
  }
  return {};
}

// What the node says of the others. Private outputs are only there.
Result<void> take_fetched(Check& check, model::Fetched const& fetched) {
  if (!fetched.missing.empty())
    return refuse("no such unspent output: " + listed(fetched.missing), "unknown_input");
  for (std::size_t i = 0; i < check.inputs.size(); ++i) {
    auto const blob = fetched.blobs.find(check.payment.tx.inputs[i]);
    if (check.inputs[i] || blob == fetched.blobs.end()) continue;
    HS_TRY(output, wire::decode_output(blob->second));
    check.inputs[i] = std::move(output);
  }
  check.result.has_private_inputs = true;
  return {};
}

Verdict judge(Hash const& hash, Result<wire::NodeMessage> const& answer) {
  if (!answer)
    return {model::SendOutcome::unanswered, answer.error().what,
            answer.error().reason != "no_node"};
  if (auto const* reply = std::get_if<wire::BroadcastReply>(&answer->body)) {
    if (reply->hash != hash)
      return {model::SendOutcome::unanswered,
              "the node answered for another transaction, " + reply->hash.hex(), true};
    auto const outcome =
        reply->accepted ? model::SendOutcome::accepted : model::SendOutcome::rejected;
    return {outcome, reply->error, true};
  }
  if (auto const* error = std::get_if<wire::ErrorReply>(&answer->body))
    return {model::SendOutcome::unanswered, "the node: " + error->text, true};
  return {model::SendOutcome::unanswered, "the node answered something else", true};
}

}  // namespace

struct Transactions::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io, TransactionOptions given, TransactionPorts through)
      : net(io), options(std::move(given)), ports(std::move(through)), timer(net) {}

  void check(Bytes data, Checked done);
  void ask_for_inputs(std::shared_ptr<Check> check);
  void send(Hash hash, Bytes data, Sent done);
  void write_verdict(Hash hash, Verdict verdict, Sent done);

  void round();
  void enqueue(std::vector<store::WaitingTransaction> waiting);
  void give_up_round();
  void send_more();
  void wait();

  asio::io_context& net;
  TransactionOptions options;
  TransactionPorts ports;

  // Only on the net thread.
  asio::steady_timer timer;
  std::deque<store::WaitingTransaction> queue;
  std::unordered_set<Hash> in_flight;
  std::size_t rounds_in_flight = 0;  // of the queue's
  std::int64_t round_after = 0;      // the row behind which this round began
  std::int64_t next_after = 0;       // and the next one; 0: with the oldest
  bool reading = false, again = false, stopping = false;
  std::minstd_rand jitter{std::random_device{}()};
};

// ---- checking

void Transactions::Impl::check(Bytes data, Checked done) {
  auto payment = wire::read_payment(data, options.limits);
  if (!payment) return done(fail(std::move(payment.error())));
  auto check = std::make_shared<Check>();
  check->result.tx = describe(*payment, ports.clock.now());
  check->result.data = std::move(data);
  check->payment = std::move(*payment);
  check->done = std::move(done);
  auto job = [self = shared_from_this(), check](store::ReaderPool::Connection& connection) {
    auto looked = [&]() -> Result<void> {
      HS_TRY(snapshot, connection.snapshot());
      return look_up(*snapshot, *check);
    }();
    if (!looked) return check->done(fail(std::move(looked.error())));
    if (check->result.is_known) return check->done(std::move(check->result));
    if (check->unknown().empty()) return check->finish();
    asio::post(self->net, [self, check] { self->ask_for_inputs(check); });
  };
  if (!ports.readers.submit(std::move(job)))
    check->done(fail(Fault::transient, "too many requests wait for the store", "busy"));
}

// Outputs are asked for one batch at a time, so the answer may be long in coming; a check is not.
void Transactions::Impl::ask_for_inputs(std::shared_ptr<Check> check) {
  auto late = std::make_shared<asio::steady_timer>(net, options.look_up_within);
  auto answered = [check, late](Result<model::Fetched> fetched) {
    if (std::exchange(check->is_answered, true)) return;
    late->cancel();
    if (!fetched) return check->finish();
    auto taken = take_fetched(*check, *fetched);
    if (!taken) return check->done(fail(std::move(taken.error())));
    check->finish();
  };
  late->async_wait([answered](boost::system::error_code const& ec) {
    if (!ec) answered(fail(Fault::transient, "no answer in time"));
  });
  ports.outputs.fetch(check->unknown(), [self = shared_from_this(), answered](auto fetched) {
    asio::post(self->net, [answered, fetched = std::move(fetched)]() mutable {
      answered(std::move(fetched));
    });
  });
}

// ---- sending

void Transactions::Impl::send(Hash hash, Bytes data, Sent done) {
  auto request = wire::BroadcastTransaction::make(std::move(data));
  if (!request) return done(fail(std::move(request.error())), false);
  in_flight.insert(hash);
  ports.ask(std::move(*request), options.answer_within,
            [self = shared_from_this(), hash, done = std::move(done)](auto answer) mutable {
              auto verdict = judge(hash, answer);
              self->write_verdict(hash, std::move(verdict), std::move(done));
            });
}

void Transactions::Impl::write_verdict(Hash hash, Verdict verdict, Sent done) {
  auto result = std::make_shared<RelayedTransaction>();
  bool const was_sent = verdict.was_sent;
  auto work = [self = shared_from_this(), hash, verdict = std::move(verdict),
               result](store::WriteTxn& txn) -> Result<void> {
    HS_TRY(tx, relay::put_verdict(txn, self->options.hrp, hash, verdict, self->ports.clock.now()));
    *result = std::move(tx);
    return {};
  };
  auto written = [self = shared_from_this(), hash, result, was_sent,
                  done = std::move(done)](Result<void> outcome) {
    asio::post(self->net, [self, hash] { self->in_flight.erase(hash); });
    if (!outcome) return done(fail(std::move(outcome.error())), was_sent);
    done(std::move(*result), was_sent);
  };
  ports.desk.write(std::move(work), std::move(written));
}

// ---- sending again

// Reads what is open and sends it, one round at a time.
void Transactions::Impl::round() {
  if (stopping) return;
  if (reading || !queue.empty() || rounds_in_flight > 0) {
    again = true;
    return;
  }
  again = false;
  reading = true;
  round_after = next_after;
  auto job = [self = shared_from_this(),
              after = round_after](store::ReaderPool::Connection& connection) {
    auto waiting = [&]() -> Result<std::vector<store::WaitingTransaction>> {
      HS_TRY(snapshot, connection.snapshot());
      return snapshot->transactions().waiting(after, self->options.resend_max);
    }();
    asio::post(self->net, [self, waiting = std::move(waiting)]() mutable {
      self->reading = false;
      if (!waiting)
        spdlog::warn("transactions to be sent again cannot be read: {}", waiting.error().what);
      else
        self->enqueue(std::move(*waiting));
      self->send_more();
    });
  };
  if (!ports.readers.submit(std::move(job))) reading = false;
  wait();
}

// Very many that no node will ever take must not keep younger ones from their turn.
void Transactions::Impl::enqueue(std::vector<store::WaitingTransaction> waiting) {
  next_after = waiting.size() < options.resend_max ? 0 : waiting.back().row;
  for (auto& tx : waiting) queue.push_back(std::move(tx));
}

// There is no node: the same round waits for one.
void Transactions::Impl::give_up_round() {
  next_after = round_after;
  queue.clear();
}

void Transactions::Impl::send_more() {
  while (!stopping && !queue.empty() && rounds_in_flight < options.in_flight) {
    auto next = std::move(queue.front());
    queue.pop_front();
    if (in_flight.contains(next.hash)) continue;
    ++rounds_in_flight;
    auto const sent = [self = shared_from_this()](Result<RelayedTransaction> const&,
                                                  bool was_sent) {
      asio::post(self->net, [self, was_sent] {
        --self->rounds_in_flight;
        if (!was_sent) self->give_up_round();
        self->send_more();
      });
    };
    send(next.hash, std::move(next.data), sent);
  }
  if (queue.empty() && rounds_in_flight == 0 && std::exchange(again, false)) round();
}

void Transactions::Impl::wait() {
  // A tenth less or more, so that several services do not speak at once.
  auto const every = options.resend_every.count();
  auto const drawn = std::uniform_int_distribution<long>(every * 9 / 10, every)(jitter);
  timer.expires_after(std::chrono::milliseconds(drawn));
  timer.async_wait([weak = weak_from_this()](boost::system::error_code const& ec) {
    auto const self = weak.lock();
    if (self && !ec) self->round();
  });
}

// ---- the outside

Transactions::Transactions(asio::io_context& net, TransactionOptions options,
                           TransactionPorts ports)
    : impl_(std::make_shared<Impl>(net, std::move(options), std::move(ports))) {}

Transactions::~Transactions() = default;

void Transactions::start() { wake(); }

void Transactions::stop() {
  asio::post(impl_->net, [impl = impl_] {
    impl->stopping = true;
    impl->queue.clear();
    impl->timer.cancel();
  });
}

void Transactions::wake() {
  asio::post(impl_->net, [impl = impl_] { impl->round(); });
}

void Transactions::check(Bytes data, Checked done) {
  impl_->check(std::move(data), std::move(done));
}

Result<store::RecordedTransaction> Transactions::record(store::WriteTxn& txn,
                                                        CheckedTransaction const& checked) {
  return relay::record(txn, impl_->options.hrp, checked, impl_->ports.clock.now());
}

void Transactions::send(CheckedTransaction const& recorded,
                        std::function<void(Result<RelayedTransaction>)> done) {
  asio::post(impl_->net, [impl = impl_, hash = recorded.tx.hash, data = recorded.data,
                          done = std::move(done)]() mutable {
    impl->send(hash, std::move(data),
               [done = std::move(done)](auto tx, bool) { done(std::move(tx)); });
  });
}

}  // namespace hotside::relay
