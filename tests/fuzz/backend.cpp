#include "tests/fuzz/backend.hpp"

#include <sodium.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "explorer/api/handlers.hpp"
#include "explorer/ingest/fold.hpp"
#include "proto/base/invariant.hpp"
#include "proto/model/address.hpp"
#include "proto/wire/hash.hpp"
#include "tests/support/blocks.hpp"

namespace hotside::fuzz {

using namespace api;

namespace {

template <class T>
T must(Result<T> result) {
  invariant(result.has_value(), result ? "" : result.error().what);
  return std::move(*result);
}
void must(Result<void> const& result) {
  invariant(result.has_value(), result ? "" : result.error().what);
}

PublicKey point(std::uint8_t n) {
  std::array<unsigned char, crypto_core_ristretto255_HASHBYTES> seed{};
  seed[0] = n;
  PublicKey key;
  crypto_core_ristretto255_from_hash(key.bytes.data(), seed.data());
  return key;
}

model::PublicPayment payment(std::uint8_t to, std::int64_t amount) {
  model::PublicPayment made;
  made.recipient = point(to);
  made.serno = amount + 1;
  made.amount = Amount(amount);
  made.id = wire::output_id(wire::RawPublicOutput{made.recipient, made.serno, amount});
  return made;
}

model::RelayedTransaction relayed(Hash const& input) {
  model::RelayedTransaction tx;
  tx.hash = test::bytes_of<Hash>(5, 5);
  tx.error = "no answer";
  tx.warning = "odd";
  tx.inputs = {input};
  tx.outputs = {{test::bytes_of<Hash>(5, 6), point(9), Amount(7)},
                {test::bytes_of<Hash>(5, 7), {}, {}}};
  tx.fee = Amount(1000);
  tx.created_at = from_unix_ms(1'600'000'000'000);
  return tx;
}

// Three epochs and a list of micro blocks, with the hold set before the last macro block.
void write_history(store::Database& database, Clock const& clock) {
  ledger::WatchList watch;
  auto const in_txn = [&](auto&& work) {
    auto txn = must(database.begin());
    must(work(*txn));
    must(txn->commit());
  };
  auto const apply = [&](model::ChainEvent const& event) {
    in_txn([&](store::WriteTxn& txn) {
      return ingest::Fold(watch, "dev").apply(txn, event, clock.now());
    });
  };
  in_txn([&](store::WriteTxn& txn) -> Result<void> {
    std::vector<model::NewAddress> addresses;
    for (std::uint8_t n = 1; n <= 3; ++n)
      addresses.push_back({point(n), "user-" + std::to_string(n % 2), "label"});
    HS_TRY(done, ingest::register_addresses(txn, "dev", addresses, clock.now()));
    for (auto const& key : done.created) watch.add(key);
    return {};
  });
  auto const paid = payment(1, 5'000'000), spent = payment(2, 700), late = payment(3, 9'000'000),
             coin = payment(2, 8'000'000);
  Hash const first = test::bytes_of<Hash>(77);
  apply(model::Started{Epoch(0), first});
  auto const genesis = test::macro(Epoch(0), first, {{{}, {spent}}});
  apply(model::Sealed{genesis});
  auto const micro = test::micro(Epoch(1), 0, genesis.hash, {{{spent.id}, {paid, coin}}});
  apply(model::Connected{micro});
  auto const one = test::macro(Epoch(1), genesis.hash, {{{spent.id}, {paid, coin}}});
  apply(model::Sealed{one});
  in_txn([&](store::WriteTxn& txn) { return txn.hold().set({clock.now(), "ops", "a drill"}); });
  auto const two = test::macro(Epoch(2), one.hash, {{{}, {late}}});
  apply(model::Sealed{two});
  auto const third = test::micro(Epoch(3), 0, two.hash, {{{paid.id}, {payment(1, 44)}}});
  apply(model::Connected{third});
  apply(model::Connected{
      test::micro(Epoch(3), 1, third.hash, {{{}, {payment(2, 45), payment(8, 46)}}})});
  apply(model::Violated{model::ViolationKind::macro_block, Epoch(1), one.hash, first, "node-b"});
  in_txn(
      [&](store::WriteTxn& txn) { return txn.transactions().add(relayed(late.id), Bytes(40, 7)); });
}

Request post(std::string target, std::string body) {
  Request request;
  request.method = "POST";
  request.target = std::move(target);
  request.content_type = "application/json";
  request.idempotency_key = request.target;
  request.body = std::move(body);
  return request;
}

ApiOptions options() {
  ApiOptions options;
  options.version = "1.0.0";
  options.network = "dev";
  options.hrp = "dev";
  options.genesis = identity().genesis;
  return options;
}

relay::TransactionPorts transaction_ports(Backend& backend) {
  return {backend.readers(), backend.desk(), backend.outputs(),
          [](wire::Request const&, std::chrono::milliseconds, auto const& done) {
            done(fail(Fault::transient, "no node", "no_node"));
          },
          backend.clock()};
}

RouteTable const& table() {
  static RouteTable const table(routes());
  return table;
}

}  // namespace

store::Identity identity() { return {"dev", test::bytes_of<Hash>(0, 99)}; }

std::string make_store(test::TempDir const& dir) {
  invariant(sodium_init() >= 0, "libsodium starts");
  auto url = "sqlite:" + (dir.path() / "db").string();
  test::TestClock const clock;
  write_history(*must(store::Database::open(url, identity(), clock)), clock);
  auto const backend = must(Backend::open(url, true));
  auto const webhook = backend->answer(
      post("/v1/webhooks", R"({"url":"https://example.com/a","events":["deposit.committed"]})"));
  invariant(webhook.has_value(), "a webhook is made");
  auto const bundle = backend->answer(post("/v1/bundles", R"({"outputs":[{"recipient":")" +
                                                              model::to_address("dev", point(7)) +
                                                              R"(","amount":1000000}]})"));
  invariant(bundle.has_value(), bundle ? "" : bundle.error().detail);
  return url;
}

Result<std::unique_ptr<Backend>> Backend::open(std::string const& url, bool keeps) {
  test::TestClock const clock;
  HS_TRY(database, store::Database::open(url, identity(), clock));
  HS_TRY(chain, database->chain());
  static_cast<void>(chain);
  HS_DO(database->for_each_address([](PublicKey const&, bool) {}));
  return std::unique_ptr<Backend>(new Backend(url, keeps, std::move(database)));
}

Backend::Backend(std::string url, bool keeps, std::unique_ptr<store::Database> database)
    : url_(std::move(url)),
      keeps_(keeps),
      database_(std::move(database)),
      bundles_(*model::network_by_name("dev"), 10'000'000),
      outputs_(std::make_shared<cold::Outputs>([](auto const&, auto const& done) {
        done(fail(Fault::transient, "no node", "no_node"));
      })),
      options_(fuzz::options()),
      readers_([this] { return store::open_reader(url_); }, 16, 1) {
  relay::TransactionOptions relaying;
  relaying.hrp = "dev";
  transactions_ = std::make_unique<relay::Transactions>(net_, relaying, transaction_ports(*this));
  ports_ = std::make_unique<ApiPorts>(ApiPorts{[this] { return store::open_reader(url_); }, *this,
                                               *this, *this, board_, metrics_, clock_, &bundles_,
                                               outputs_.get(), transactions_.get()});
  context_ = std::make_unique<Context>(Context{options_, *ports_});
}

Backend::~Backend() { readers_.stop(); }

void Backend::run_until(bool const& is_done) {
  net_.restart();
  auto const guard = boost::asio::make_work_guard(net_);
  while (!is_done) net_.run_one_for(std::chrono::seconds(10));
  net_.poll();
}

Result<store::Registering> Backend::add(store::WriteTxn& txn,
                                        std::span<model::NewAddress const> addresses, std::size_t) {
  HS_TRY(done, ingest::register_addresses(txn, "dev", addresses, clock_.now()));
  return store::Registering{addresses.size(), done.count};
}

Result<bool> Backend::retire(store::WriteTxn& txn, PublicKey const& key) {
  return txn.retire_address(key);
}

void Backend::clear(std::string, model::AuditEntry, std::function<void(Result<void>)> done) {
  done({});
}

void Backend::write(std::function<Result<void>(store::WriteTxn&)> work,
                    std::function<void(Result<void>)> done) {
  auto const outcome = [&]() -> Result<void> {
    std::lock_guard const lock(writing_);
    HS_TRY(txn, database_->begin());
    HS_DO(work(*txn));
    if (!keeps_) return {};
    HS_TRY(head, txn->commit());
    static_cast<void>(head);
    return {};
  }();
  done(outcome);
}

// As ApiServer: the same steps in the same order, without waiting for anybody.
Answer Backend::answer(Request const& request) {
  HS_ASK(target, parse_target(request.target));
  auto matched = table().match(request.method, target.segments);
  if (!matched) return refuse(Problem::not_found, "no such path");
  if (matched->route == nullptr)
    return refuse(Problem::method_not_allowed, "this path takes " + matched->allow);
  auto const& route = *matched->route;
  Call call;
  call.method = route.method;
  call.path = route.path;
  call.path_parameter = std::move(matched->path_parameter);
  call.query = std::move(target.query);
  call.content_type = request.content_type;
  call.if_none_match = request.if_none_match;
  call.idempotency_key = request.idempotency_key;
  call.accept_encoding = request.accept_encoding;
  call.last_event_id = request.last_event_id;
  call.request_id = request.request_id;
  call.body = request.body;
  call.caller = {"fuzz", Role::admin};
  if (auto const name = unknown_parameter(route, call.query))
    return refuse(Problem::invalid_parameter, "'" + name->substr(0, 64) + "' is not a parameter");
  if (!route.body.empty() && !takes(route, call.content_type))
    return refuse(Problem::unsupported_media_type, "another Content-Type");
  return handle(route, call);
}

// Split from answer() so that each stays one idea: which kind of handler it is.
Answer Backend::handle(Route const& route, Call const& call) {
  auto const& handler = route.handler;
  // Shared, not by reference: a handler may keep its `done` beyond the answer.
  auto const answer = std::make_shared<std::optional<Answer>>();
  auto const is_done = std::make_shared<bool>(false);
  auto const done = [this, answer, is_done](Answer given) {
    boost::asio::post(net_, [answer, is_done, given = std::move(given)]() mutable {
      invariant(!answer->has_value(), "a request is answered once");
      answer->emplace(std::move(given));
      *is_done = true;
    });
  };
  auto const wait = [&] {
    run_until(*is_done);
    return std::move(**answer);
  };
  if (auto const* plain = std::get_if<PlainHandler>(&handler)) return (*plain)(*context_, call);
  if (auto const* write = std::get_if<WriteHandler>(&handler)) {
    (*write)(*context_, call, done);
    return wait();
  }
  if (auto const* upload = std::get_if<UploadHandler>(&handler)) {
    HS_ASK(begun, (*upload)(*context_, call));
    begun->take(call.body, [done, begun](Asked<void> more) {
      if (!more) return done(tl::unexpected<Refusal>(more.error()));
      begun->finish(done);
    });
    return wait();
  }
  if (!reader_) {
    auto opened = store::open_reader(url_);
    if (!opened) return tl::unexpected<Refusal>(opened.error());
    reader_ = std::move(*opened);
  }
  HS_ASK(snapshot, reader_->snapshot());
  if (auto const* read = std::get_if<ReadHandler>(&handler))
    return (*read)(*context_, call, *snapshot);
  if (auto const* health = std::get_if<HealthHandler>(&handler))
    return (*health)(*context_, call, snapshot.get(), "");
  if (auto const* lookup = std::get_if<LookupHandler>(&handler)) {
    (*lookup)(*context_, call, *snapshot, done);
    return wait();
  }
  if (auto const* download = std::get_if<DownloadHandler>(&handler)) {
    HS_ASK(begun, (*download)(*context_, call));
    Response response = std::move(begun.head);
    for (int pieces = 0; pieces < 8; ++pieces) {
      HS_ASK(piece, begun.next(*snapshot));
      if (piece.empty()) break;
      response.body += piece;
    }
    return response;
  }
  if (std::holds_alternative<LiveStream>(handler)) {
    HS_ASK(query, parse_stream_query(call));
    HS_ASK(batch, read_batch(query, *snapshot));
    return json_response("{\"events\":" + std::to_string(batch.events.size()) + "}");
  }
  HS_ASK(query, parse_events_query(call));
  HS_ASK(page, read_events(query, *snapshot));
  return std::move(page.response);
}

std::vector<std::string> Backend::everything() {
  std::vector<std::string> paths;
  for (auto const& route : routes())
    if (route.method == "GET" && route.path.find('{') == std::string_view::npos &&
        !std::holds_alternative<PlainHandler>(route.handler))
      paths.emplace_back(route.path);
  auto const deposit = payment(1, 5'000'000).id.hex() + ":1";
  for (auto const& path :
       {"/v1/addresses/" + model::to_address("dev", point(1)), "/v1/deposits/" + deposit,
        "/v1/transactions/" + test::bytes_of<Hash>(5, 5).hex()})
    paths.push_back(path);
  for (auto const* path :
       {"/v1/references/user-1", "/v1/checkpoints/9", "/v1/certificates/1", "/v1/deposits?limit=1",
        "/v1/deposits?reference=user-1", "/v1/utxos?reference=user-1"})
    paths.emplace_back(path);
  auto const reader = must(store::open_reader(url_));
  auto const snapshot = must(reader->snapshot());
  for (auto const& webhook : must(snapshot->webhooks().webhooks({}, 9)))
    for (auto const* more : {"", "/deliveries"})
      paths.push_back("/v1/webhooks/" + webhook.id + more);
  for (auto const& bundle : must(snapshot->bundles().bundles({}, 9, clock_.now())))
    paths.push_back("/v1/bundles/" + bundle.id);
  return paths;
}

}  // namespace hotside::fuzz
