#include "explorer/api/api_server.hpp"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <ctime>
#include <set>
#include <utility>

#include "explorer/api/asking.hpp"
#include "explorer/api/download.hpp"
#include "explorer/api/event_stream.hpp"
#include "explorer/api/gzip.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/http_server.hpp"
#include "explorer/api/perform.hpp"
#include "explorer/api/problem.hpp"
#include "explorer/api/rate_limit.hpp"
#include "explorer/api/routes.hpp"
#include "explorer/api/tls.hpp"
#include "proto/base/invariant.hpp"
#include "store/reader_pool.hpp"

namespace hotside::api {

namespace asio = boost::asio;

namespace {

struct ApiExchange : Exchange {
  Route const* route = nullptr;
  std::string_view path = "unmatched";  // for the metrics
  Call call;
  std::shared_ptr<Upload> upload;
  Steady::time_point since = Steady::now();
};

// "Application/JSON; charset=utf-8" is application/json.
std::string media_type(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  std::string out(type);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// localhost or an IP address, with or without a port: what no foreign web page can be named.
bool is_local_name(std::string_view host) {
  if (host.starts_with('[')) return true;
  host = host.substr(0, host.find(':'));
  return host == "localhost" ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::string http_date(Time time) {  // "Sun, 06 Nov 1994 08:49:37 GMT"
  std::time_t const seconds = static_cast<std::time_t>(to_unix_ms(time) / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

constexpr std::string_view kChallenge = "Bearer realm=\"hotside\"";
constexpr std::string_view kUnknownToken = "Bearer realm=\"hotside\", error=\"invalid_token\"";

// A token that was known when the request came is known no more.
Refusal revoked(std::string const& what_stays = {}) {
  return {Problem::unauthenticated, "this token is not known any more" + what_stays};
}

Response settle(Answer answer, std::string const& id) {
  if (answer) return std::move(*answer);
  auto response =
      problem_response(answer.error().problem, answer.error().detail, id, answer.error().members);
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", kUnknownToken);
  return response;
}

}  // namespace

struct ApiServer::Impl : Service, std::enable_shared_from_this<ApiServer::Impl> {
  Impl(asio::io_context& io, ApiOptions given_options, ApiPorts given_ports,
       RouteTable const& given_table)
      : net(io),
        options(std::move(given_options)),
        ports(std::move(given_ports)),
        table(given_table),
        authorizer(options.tokens),
        rate_limit(options.limits.requests_per_second),
        pool(ports.open_reader, options.limits.reader_queue) {}

  std::shared_ptr<Exchange> open(Request head) override;
  asio::awaitable<std::optional<Response>> take(std::shared_ptr<Exchange> exchange,
                                                std::string piece) override;
  asio::awaitable<Response> answer(std::shared_ptr<Exchange> exchange) override;
  Response refuse_unread(Request head, int status, std::string why) override;
  void finish(Exchange const& exchange, Response& response) override;
  void at_connection_limit() override {
    ports.metrics.add(Counter::limits_reached, "http_connections");
  }

  std::optional<Response> route(ApiExchange& exchange);
  std::optional<Response> admit(ApiExchange& exchange);
  std::optional<Response> begin_upload(ApiExchange& exchange);
  bool is_allowed(ApiExchange const& exchange) const;
  asio::awaitable<Answer> run(std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> run_read(ReadHandler handler, std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> run_write(WriteHandler handler, std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> run_lookup(LookupHandler handler, std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> run_health(HealthHandler handler, std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> run_download(DownloadHandler handler,
                                       std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> finish_upload(std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> long_poll(std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> live_stream(std::shared_ptr<ApiExchange> exchange);
  void stop();

  asio::io_context& net;
  ApiOptions options;
  ApiPorts ports;
  Context context{options, ports};
  RouteTable const& table;
  Authorizer authorizer;
  RateLimit rate_limit;
  KeysInUse keys;
  Waits waits{net};
  Doorbell bell{waits};
  std::size_t waiters = 0, streams = 0;
  std::uint16_t port = 0;
  std::shared_ptr<HttpServer> http;
  Asker asker{net, waits, pool};
  ReaderPool pool;  // last: its threads read the context
};

std::shared_ptr<Exchange> ApiServer::Impl::open(Request head_request) {
  auto exchange = std::make_shared<ApiExchange>();
  exchange->request = std::move(head_request);
  exchange->early = route(*exchange);
  if (!exchange->early) exchange->early = admit(*exchange);
  if (!exchange->early && exchange->route != nullptr) {
    exchange->early = begin_upload(*exchange);
    exchange->is_of_stranger = exchange->call.caller.name.empty();
    exchange->takes_body = !exchange->route->body.empty();
    exchange->streams_body = exchange->upload != nullptr;
    exchange->may_wait = std::holds_alternative<LongPoll>(exchange->route->handler) ||
                         std::holds_alternative<LiveStream>(exchange->route->handler);
  }
  return exchange;
}

std::optional<Response> ApiServer::Impl::route(ApiExchange& exchange) {
  auto& request = exchange.request;
  if (request.method == "OPTIONS" && request.target == "*") {
    auto response = no_content();
    response.headers.emplace_back("Allow", table.all_methods());
    return response;
  }
  auto target = parse_target(request.target);
  if (!target)
    return problem_response(target.error().reason == "repeated" ? Problem::invalid_parameter
                                                                : Problem::malformed_request,
                            target.error().what, request.request_id);
  if (target->host) request.host = *target->host;
  auto matched = table.match(request.method, target->segments);
  if (!matched) return problem_response(Problem::not_found, "no such path", request.request_id);
  exchange.path = matched->path;
  if (matched->route == nullptr) {
    auto response = request.method == "OPTIONS"
                        ? no_content()
                        : problem_response(Problem::method_not_allowed,
                                           "this path takes " + matched->allow, request.request_id);
    response.headers.emplace_back("Allow", matched->allow);
    return response;
  }
  exchange.route = matched->route;
  exchange.call.path_parameter = std::move(matched->path_parameter);
  exchange.call.query = std::move(target->query);
  exchange.call.method = matched->route->method;
  exchange.call.path = matched->route->path;
  exchange.call.content_type = media_type(request.content_type);
  exchange.call.if_none_match = request.if_none_match;
  exchange.call.idempotency_key = request.idempotency_key;
  exchange.call.accept_encoding = request.accept_encoding;
  exchange.call.last_event_id = request.last_event_id;
  exchange.call.request_id = request.request_id;
  return std::nullopt;
}

std::optional<Response> ApiServer::Impl::admit(ApiExchange& exchange) {
  auto const& request = exchange.request;
  auto const& id = request.request_id;
  auto const& wanted = *exchange.route;
  if (wanted.needs != Role::none) {
    if (authorizer.is_open() && !is_local_name(request.host))
      return problem_response(Problem::misdirected_host, "the host is '" + request.host + "'", id);
    auto caller = authorizer.caller(request.authorization);
    if (!caller) {
      bool const tried = !request.authorization.empty();
      auto response = problem_response(Problem::unauthenticated,
                                       tried ? "this token is not known" : "no token was sent", id);
      response.headers.emplace_back("WWW-Authenticate", tried ? kUnknownToken : kChallenge);
      return response;
    }
    exchange.call.caller = std::move(*caller);
    if (rate_limit.take(exchange.call.caller.name, Steady::now()))
      return problem_response(
          Problem::too_many_requests,
          "more than " + std::to_string(options.limits.requests_per_second) + " in a second", id);
    auto const role = exchange.call.caller.role;
    if (!allows(role, wanted.needs))
      return problem_response(Problem::forbidden,
                              "the role of this token is " + std::string(to_string(role)) +
                                  ", this request needs " + std::string(to_string(wanted.needs)),
                              id);
  }
  if (auto const name = unknown_parameter(wanted, exchange.call.query))
    return problem_response(Problem::invalid_parameter,
                            "'" + name->substr(0, 64) + "' is not a parameter of this request", id);
  bool const may_lack = !wanted.needs_body && !request.has_body && request.content_type.empty();
  if (!wanted.body.empty() && !may_lack && !takes(wanted, exchange.call.content_type))
    return problem_response(
        Problem::unsupported_media_type,
        "the Content-Type of the body must be one of: " + std::string(wanted.body), id);
  if (!wanted.body.empty() && !request.content_encoding.empty() &&
      request.content_encoding != "identity")
    return problem_response(Problem::unsupported_media_type,
                            "the body must come without Content-Encoding", id);
  return std::nullopt;
}

// With the tokens as they are now: who waits long may have come with another list.
bool ApiServer::Impl::is_allowed(ApiExchange const& exchange) const {
  if (exchange.route->needs == Role::none) return true;
  auto const caller = authorizer.caller(exchange.request.authorization);
  return caller && allows(caller->role, exchange.route->needs);
}

std::optional<Response> ApiServer::Impl::begin_upload(ApiExchange& exchange) {
  auto const* const handler = std::get_if<UploadHandler>(&exchange.route->handler);
  if (exchange.early || handler == nullptr) return std::nullopt;
  auto begun = (*handler)(context, exchange.call);
  if (!begun)
    return problem_response(begun.error().problem, begun.error().detail, exchange.call.request_id);
  exchange.upload = std::move(*begun);
  return std::nullopt;
}

Response ApiServer::Impl::refuse_unread(Request unread, int status, std::string why) {
  Problem const problem = status == 413   ? Problem::body_too_large
                          : status == 431 ? Problem::headers_too_large
                          : status == 503 ? Problem::overloaded
                                          : Problem::malformed_request;
  ApiExchange exchange;
  exchange.request = std::move(unread);
  if (exchange.request.request_id.empty()) exchange.request.request_id = request_id("");
  if (!exchange.request.target.empty()) route(exchange);
  auto response = problem_response(problem, why, exchange.request.request_id);
  finish(exchange, response);
  return response;
}

void ApiServer::Impl::finish(Exchange const& base, Response& response) {
  auto const& exchange = static_cast<ApiExchange const&>(base);
  auto const has = [&](std::string_view name) {
    return std::ranges::find(response.headers, name, &std::pair<std::string, std::string>::first) !=
           response.headers.end();
  };
  if (has("X-Request-Id")) return;  // refused before its exchange was asked
  response.headers.emplace_back("X-Request-Id", exchange.request.request_id);
  response.headers.emplace_back("Date", http_date(ports.clock.now()));
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (!has("Cache-Control")) response.headers.emplace_back("Cache-Control", "no-store");
  std::chrono::duration<double> const took = Steady::now() - exchange.since;
  ports.metrics.http_request(exchange.path, response.status, took.count());
  // What a stranger can cause at will is for the counter and `debug`, and so is reading. Writes of
  // known callers, done or refused, and our own mistakes are not.
  bool const is_write = exchange.route != nullptr && exchange.route->method != "GET" &&
                        !std::holds_alternative<LookupHandler>(exchange.route->handler);
  auto const level = response.status == 500                           ? spdlog::level::warn
                     : is_write && !exchange.call.caller.name.empty() ? spdlog::level::info
                                                                      : spdlog::level::debug;
  spdlog::log(level, "http {} {} {} {:.3f}s caller={} request_id={}", exchange.request.method,
              exchange.path, response.status, took.count(), exchange.call.caller.name,
              exchange.request.request_id);
}

asio::awaitable<Response> ApiServer::Impl::answer(std::shared_ptr<Exchange> base) {
  auto exchange = std::static_pointer_cast<ApiExchange>(base);
  exchange->call.body = std::move(exchange->request.body);
  auto result = co_await run(exchange);
  co_return settle(std::move(result), exchange->request.request_id);
}

asio::awaitable<Answer> ApiServer::Impl::run(std::shared_ptr<ApiExchange> exchange) {
  auto const& handler = exchange->route->handler;
  if (auto const* const plain = std::get_if<PlainHandler>(&handler))
    co_return (*plain)(context, exchange->call);
  if (auto const* const read = std::get_if<ReadHandler>(&handler))
    co_return co_await run_read(*read, exchange);
  if (auto const* const write = std::get_if<WriteHandler>(&handler))
    co_return co_await run_write(*write, exchange);
  if (auto const* const lookup = std::get_if<LookupHandler>(&handler))
    co_return co_await run_lookup(*lookup, exchange);
  if (auto const* const health = std::get_if<HealthHandler>(&handler))
    co_return co_await run_health(*health, exchange);
  if (auto const* const download = std::get_if<DownloadHandler>(&handler))
    co_return co_await run_download(*download, exchange);
  if (exchange->upload) co_return co_await finish_upload(exchange);
  if (std::holds_alternative<LiveStream>(handler)) co_return co_await live_stream(exchange);
  co_return co_await long_poll(exchange);
}

asio::awaitable<Answer> ApiServer::Impl::run_read(ReadHandler handler,
                                                  std::shared_ptr<ApiExchange> exchange) {
  Work<Response> work = [this, exchange, handler](ReaderPool::Connection& connection,
                                                  Done<Response> const& done) {
    with_snapshot(connection, done, [&](store::Snapshot& snapshot) {
      auto answer = handler(context, exchange->call, snapshot);
      if (answer) compress(*answer, exchange->call.accept_encoding);
      return answer;
    });
  };
  auto const reads = is_page(*exchange->route) ? Reads::much : Reads::little;
  auto result = co_await asker.ask(std::move(work), options.limits.read_answer_timeout, reads);
  co_return result;
}

asio::awaitable<Answer> ApiServer::Impl::run_write(WriteHandler handler,
                                                   std::shared_ptr<ApiExchange> exchange) {
  std::shared_ptr<KeysInUse::Place> place;
  if (auto const& key = exchange->call.idempotency_key) {
    place = keys.take(exchange->call.caller.name, *key);
    if (!place)
      co_return refuse(Problem::idempotency_key_in_use,
                       "the request that came first under this Idempotency-Key is under way");
  }
  Work<Response> work = [this, exchange, handler, place](ReaderPool::Connection&,
                                                         Done<Response> done) {
    // Freed before the answer is given, which may bring the next request of this key.
    handler(context, exchange->call, [place, done = std::move(done)](Answer answer) {
      if (place) place->free();
      done(std::move(answer));
    });
  };
  auto result =
      co_await asker.ask(std::move(work), options.limits.write_answer_timeout, Reads::little);
  co_return result;
}

asio::awaitable<Answer> ApiServer::Impl::run_lookup(LookupHandler handler,
                                                    std::shared_ptr<ApiExchange> exchange) {
  Work<Response> work = [this, exchange, handler](ReaderPool::Connection& connection,
                                                  Done<Response> done) {
    auto snapshot = connection.snapshot();
    if (!snapshot) return done(tl::unexpected<Refusal>(snapshot.error()));
    handler(context, exchange->call, **snapshot, std::move(done));
  };
  auto result = co_await asker.ask(std::move(work), options.limits.write_answer_timeout);
  co_return result;
}

asio::awaitable<Answer> ApiServer::Impl::run_health(HealthHandler handler,
                                                    std::shared_ptr<ApiExchange> exchange) {
  Work<Response> work = [this, exchange, handler](ReaderPool::Connection& connection,
                                                  Done<Response> const& done) {
    auto snapshot = connection.snapshot();
    done(snapshot ? handler(context, exchange->call, snapshot->get(), {})
                  : handler(context, exchange->call, nullptr, snapshot.error().what));
  };
  auto result = co_await asker.ask(std::move(work), options.limits.ready_timeout, Reads::little);
  if (!result) result = handler(context, exchange->call, nullptr, result.error().detail);
  co_return result;
}

asio::awaitable<Answer> ApiServer::Impl::run_download(DownloadHandler handler,
                                                      std::shared_ptr<ApiExchange> exchange) {
  auto begun = handler(context, exchange->call);
  if (!begun) co_return tl::unexpected<Refusal>(std::move(begun.error()));
  auto response = begun->head;
  auto const body =
      std::make_shared<DownloadBody>(asker, std::move(*begun), options.limits.read_answer_timeout);
  auto first = co_await body->first();
  if (!first) co_return tl::unexpected<Refusal>(std::move(first.error()));
  response.body = std::move(*first);
  if (!response.body.empty()) response.source = body;
  co_return response;
}

asio::awaitable<std::optional<Response>> ApiServer::Impl::take(std::shared_ptr<Exchange> base,
                                                               std::string piece) {
  auto exchange = std::static_pointer_cast<ApiExchange>(base);
  if (!is_allowed(*exchange))
    co_return settle(tl::unexpected(revoked("; what was taken in before stays")),
                     exchange->request.request_id);
  Work<void> work = [upload = exchange->upload, bytes = std::move(piece)](ReaderPool::Connection&,
                                                                          Done<void> more) mutable {
    upload->take(std::move(bytes), std::move(more));
  };
  auto taken = co_await asker.ask(std::move(work), options.limits.write_answer_timeout);
  if (taken) co_return std::nullopt;
  co_return settle(tl::unexpected(std::move(taken.error())), exchange->request.request_id);
}

asio::awaitable<Answer> ApiServer::Impl::finish_upload(std::shared_ptr<ApiExchange> exchange) {
  Work<Response> work = [upload = exchange->upload](ReaderPool::Connection&, Done<Response> done) {
    upload->finish(std::move(done));
  };
  auto result = co_await asker.ask(std::move(work), options.limits.write_answer_timeout);
  co_return result;
}

asio::awaitable<Answer> ApiServer::Impl::long_poll(std::shared_ptr<ApiExchange> exchange) {
  auto query = parse_events_query(exchange->call);
  if (!query) co_return tl::unexpected<Refusal>(query.error());
  auto const deadline = Steady::now() + query->wait;
  while (true) {
    Work<EventsPage> work = [asked = *query](ReaderPool::Connection& connection,
                                             Done<EventsPage> const& done) {
      with_snapshot(connection, done,
                    [&](store::Snapshot& snapshot) { return read_events(asked, snapshot); });
    };
    auto found = co_await asker.ask(std::move(work), options.limits.read_answer_timeout,
                                    bell.reads_after(query->after));
    if (!found) co_return tl::unexpected<Refusal>(std::move(found.error()));
    if (!is_allowed(*exchange)) co_return tl::unexpected(revoked());
    bool const may_wait = !found->has_events && Steady::now() < deadline && !waits.is_stopping();
    if (!may_wait || exchange->is_abandoned) {
      compress(found->response, exchange->call.accept_encoding);
      co_return std::move(found->response);
    }
    query->after = found->next;
    if (found->next < found->head) continue;  // a filter passed nothing so far: look further
    if (waiters >= options.limits.waiters)
      co_return refuse(Problem::overloaded, "too many requests wait for events");
    Place const place(waiters);
    co_await bell.wait(found->head, deadline, exchange);
  }
}

asio::awaitable<Answer> ApiServer::Impl::live_stream(std::shared_ptr<ApiExchange> exchange) {
  auto query = parse_stream_query(exchange->call);
  if (!query) co_return tl::unexpected<Refusal>(query.error());
  if (streams >= options.limits.streams)
    co_return refuse(Problem::overloaded, "too many event streams are open");
  auto const stream = std::make_shared<EventStream>(
      asker, bell, streams, options.limits, *query, exchange, exchange->call.caller.name,
      [this, asked = exchange.get()] { return is_allowed(*asked); });
  auto first = co_await stream->first();
  if (!first) co_return tl::unexpected<Refusal>(std::move(first.error()));
  Response response{200, "text/event-stream", std::move(*first), {}};
  response.source = stream;
  co_return response;
}

void ApiServer::Impl::stop() {
  if (waits.is_stopping()) return;
  waits.stop();
  if (http) http->stop();
  http.reset();  // its connections still hold it, and it holds us: no circle must remain
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(asio::io_context& net, ApiOptions options,
                                                    ApiPorts ports) {
  static RouteTable const table(routes());
  return start(net, std::move(options), std::move(ports), table);
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(asio::io_context& net, ApiOptions options,
                                                    ApiPorts ports, RouteTable const& table) {
  invariant(sodium_init() >= 0, "libsodium starts");
  auto const endpoint = parse_listen(options.listen);
  if (!endpoint) return fail(endpoint.error());
  if (!endpoint->address().is_loopback() && !options.tokens)
    return fail(Fault::rejected, "http.listen '" + options.listen +
                                     "' is not loopback: http.tokens_file is required");
  if (char const* const folder = std::getenv("HOTSIDE_DASHBOARD_DIR"))
    if (!options.dashboard_dir) options.dashboard_dir = folder;
  auto impl = std::make_shared<Impl>(net, std::move(options), std::move(ports), table);
  impl->http = std::make_shared<HttpServer>(net, impl->options.limits, impl);
  if (impl->options.tls) {
    auto context = make_tls(*impl->options.tls);
    if (!context) {
      impl->stop();
      return fail(std::move(context.error()));
    }
    impl->http->use(std::move(*context));
  }
  if (auto listening = impl->http->listen(impl->options.listen); !listening) {
    impl->stop();
    return fail(std::move(listening.error()));
  }
  impl->port = impl->http->port();
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

ApiServer::ApiServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ApiServer::~ApiServer() {
  stop();
  impl_->pool.stop();
}

void ApiServer::wake(EventSeq seq) {
  asio::post(impl_->net, [impl = impl_, seq] { impl->bell.ring(seq); });
}

Result<void> ApiServer::reload(std::optional<std::vector<Token>> tokens,
                               std::optional<TlsFiles> tls) {
  HS_TRY(use, prepare_reload(std::move(tokens), std::move(tls)));
  use();
  return {};
}

Result<std::function<void()>> ApiServer::prepare_reload(std::optional<std::vector<Token>> tokens,
                                                        std::optional<TlsFiles> tls) {
  if (tls.has_value() != impl_->options.tls.has_value())
    return fail(Fault::rejected, "http.tls_cert: TLS is switched on or off by a restart only");
  TlsContext context;
  if (tls) {
    HS_TRY(made, make_tls(*tls));
    context = std::move(made);
  }
  // Boxed: g++ 12 loses sight of the optional's flag on the way through the queue.
  auto const box = std::make_shared<std::optional<std::vector<Token>>>(std::move(tokens));
  auto replace = [impl = impl_, box, context] {
    impl->authorizer.replace(std::move(*box));
    impl->bell.ring({});  // who waits for events may not be allowed to any more
    if (impl->http) impl->http->use(context);
  };
  return [impl = impl_, replace = std::move(replace)] { asio::post(impl->net, replace); };
}

std::uint16_t ApiServer::port() const { return impl_->port; }

void ApiServer::stop() { impl_->stop(); }

}  // namespace hotside::api
