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

#include "explorer/api/handlers.hpp"
#include "explorer/api/http_server.hpp"
#include "explorer/api/problem.hpp"
#include "explorer/api/reader_pool.hpp"
#include "explorer/api/routes.hpp"
#include "proto/base/invariant.hpp"

namespace hotside::api {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
using Steady = std::chrono::steady_clock;

struct ApiExchange : Exchange {
  Route const* route = nullptr;
  std::string_view path = "unmatched";  // for the metrics
  Call call;
  Steady::time_point since = Steady::now();
};

bool is_json(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(type, std::string_view("application/json"), {}, lower);
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

Response settle(Answer answer, std::string const& id) {
  if (answer) return std::move(*answer);
  return problem_response(answer.error().problem, answer.error().detail, id);
}

using Done = std::function<void(Answer)>;
using Work = std::function<void(ReaderPool::Connection&, Done)>;

}  // namespace

struct ApiServer::Impl : Service, std::enable_shared_from_this<ApiServer::Impl> {
  Impl(asio::io_context& io, ApiOptions given_options, ApiPorts given_ports)
      : net(io),
        options(std::move(given_options)),
        ports(std::move(given_ports)),
        authorizer(options.tokens),
        pool(ports.open_reader, options.limits.reader_queue) {}

  std::shared_ptr<Exchange> open(Request head) override;
  asio::awaitable<Response> answer(std::shared_ptr<Exchange> exchange) override;
  Response refuse_unread(Request head, int status, std::string why) override;
  void finish(Exchange const& exchange, Response& response) override;

  std::optional<Response> route(ApiExchange& exchange);
  std::optional<Response> admit(ApiExchange& exchange);
  asio::awaitable<Answer> ask(Work work, std::chrono::milliseconds limit);
  asio::awaitable<Answer> ask_health(HealthHandler handler, std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<Answer> long_poll(std::shared_ptr<ApiExchange> exchange);
  asio::awaitable<void> wait_for_bell(Steady::time_point deadline,
                                      std::shared_ptr<ApiExchange> exchange);
  void woken(EventSeq seq);
  void stop();

  asio::io_context& net;
  ApiOptions options;
  ApiPorts ports;
  Context context{options, ports};
  Authorizer authorizer;
  std::set<asio::steady_timer*> bells;    // all waits, to end them at stop()
  std::set<asio::steady_timer*> waiters;  // held /v1/events requests
  EventSeq head;                          // as the doorbell said
  bool is_stopping = false;
  std::uint16_t port = 0;
  std::shared_ptr<HttpServer> http;
  ReaderPool pool;  // last: its threads read the context
};

namespace {

// A wait that stop() can end.
struct Bell {
  Bell(asio::io_context& net, std::set<asio::steady_timer*>& among) : timer(net), all(among) {
    all.insert(&timer);
  }
  ~Bell() { all.erase(&timer); }
  Bell(Bell const&) = delete;
  Bell& operator=(Bell const&) = delete;
  asio::steady_timer timer;
  std::set<asio::steady_timer*>& all;
};

struct Pending {
  std::optional<Answer> answer;
  asio::steady_timer* bell = nullptr;  // null: nobody waits any more
};

}  // namespace

std::shared_ptr<Exchange> ApiServer::Impl::open(Request head_request) {
  auto exchange = std::make_shared<ApiExchange>();
  exchange->request = std::move(head_request);
  exchange->early = route(*exchange);
  if (!exchange->early) exchange->early = admit(*exchange);
  if (!exchange->early && exchange->route != nullptr) {
    exchange->takes_body = exchange->route->takes_body;
    exchange->may_wait = std::holds_alternative<LongPoll>(exchange->route->handler);
  }
  return exchange;
}

std::optional<Response> ApiServer::Impl::route(ApiExchange& exchange) {
  auto const& request = exchange.request;
  if (request.method == "OPTIONS" && request.target == "*") {
    auto response = no_content();
    response.headers.emplace_back("Allow", "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
    return response;
  }
  auto target = parse_target(request.target);
  if (!target)
    return problem_response(Problem::malformed_request, target.error().what, request.request_id);
  auto matched = match(request.method, target->segments);
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
  exchange.call.if_none_match = request.if_none_match;
  exchange.call.idempotency_key = request.idempotency_key;
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
      response.headers.emplace_back(
          "WWW-Authenticate",
          tried ? "Bearer realm=\"hotside\", error=\"invalid_token\"" : "Bearer realm=\"hotside\"");
      return response;
    }
    if (!allows(caller->role, wanted.needs))
      return problem_response(Problem::forbidden,
                              "the role of this token is " + std::string(to_string(caller->role)) +
                                  ", this request needs " + std::string(to_string(wanted.needs)),
                              id);
    exchange.call.caller = std::move(*caller);
  }
  if (auto const name = unknown_parameter(wanted, exchange.call.query))
    return problem_response(Problem::invalid_parameter,
                            "'" + name->substr(0, 64) + "' is not a parameter of this request", id);
  if (wanted.takes_body && !is_json(request.content_type))
    return problem_response(Problem::unsupported_media_type,
                            "the body must be Content-Type: application/json", id);
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
  // What a stranger can cause at will is for the counter and `debug`; our own mistakes are not.
  auto const level = response.status == 500 ? spdlog::level::warn : spdlog::level::debug;
  spdlog::log(level, "http {} {} {} {:.3f}s caller={} request_id={}", exchange.request.method,
              exchange.path, response.status, took.count(), exchange.call.caller.name,
              exchange.request.request_id);
}

asio::awaitable<Response> ApiServer::Impl::answer(std::shared_ptr<Exchange> base) {
  auto exchange = std::static_pointer_cast<ApiExchange>(base);
  exchange->call.body = std::move(exchange->request.body);
  auto const& handler = exchange->route->handler;
  Answer result = refuse(Problem::internal, "no handler");
  if (auto const* const plain = std::get_if<PlainHandler>(&handler)) {
    result = (*plain)(context, exchange->call);
  } else if (auto const* const read = std::get_if<ReadHandler>(&handler)) {
    Work work = [this, exchange, run = *read](ReaderPool::Connection& connection, Done done) {
      auto snapshot = connection.snapshot();
      done(snapshot ? run(context, exchange->call, **snapshot)
                    : Answer(tl::unexpected<Refusal>(snapshot.error())));
    };
    result = co_await ask(std::move(work), options.limits.read_answer_timeout);
  } else if (auto const* const write = std::get_if<WriteHandler>(&handler)) {
    Work work = [this, exchange, run = *write](ReaderPool::Connection&, Done done) {
      run(context, exchange->call, std::move(done));
    };
    result = co_await ask(std::move(work), options.limits.write_answer_timeout);
  } else if (auto const* const health = std::get_if<HealthHandler>(&handler)) {
    result = co_await ask_health(*health, exchange);
  } else {
    result = co_await long_poll(exchange);
  }
  co_return settle(std::move(result), exchange->call.request_id);
}

// Runs `work` on a reader thread and waits for its answer, but not for ever. The answer may come
// from any thread, late, or never (a writer that is shutting down drops its callbacks).
asio::awaitable<Answer> ApiServer::Impl::ask(Work work, std::chrono::milliseconds limit) {
  auto pending = std::make_shared<Pending>();
  Done done = [&io = net, pending](Answer answer) {
    auto arrive = [pending, answer = std::move(answer)]() mutable {
      pending->answer = std::move(answer);
      if (pending->bell != nullptr) pending->bell->cancel();
    };
    asio::post(io, std::move(arrive));
  };
  auto job = [work = std::move(work), done = std::move(done)](ReaderPool::Connection& connection) {
    work(connection, done);
  };
  if (!pool.submit(std::move(job)))
    co_return refuse(Problem::overloaded, "too many requests are waiting for the store");
  Bell bell(net, bells);
  pending->bell = &bell.timer;
  bell.timer.expires_after(limit);
  if (!is_stopping) co_await bell.timer.async_wait(kAwait);
  pending->bell = nullptr;
  if (pending->answer) co_return std::move(*pending->answer);
  co_return refuse(Problem::not_finished,
                   "no answer within " + std::to_string(limit.count()) + " ms");
}

asio::awaitable<Answer> ApiServer::Impl::ask_health(HealthHandler handler,
                                                    std::shared_ptr<ApiExchange> exchange) {
  Work work = [this, exchange, handler](ReaderPool::Connection& connection, Done done) {
    auto snapshot = connection.snapshot();
    done(snapshot ? handler(context, exchange->call, snapshot->get(), {})
                  : handler(context, exchange->call, nullptr, snapshot.error().what));
  };
  auto result = co_await ask(std::move(work), options.limits.ready_timeout);
  if (!result) result = handler(context, exchange->call, nullptr, result.error().detail);
  co_return result;
}

asio::awaitable<Answer> ApiServer::Impl::long_poll(std::shared_ptr<ApiExchange> exchange) {
  auto query = parse_events_query(exchange->call);
  if (!query) co_return tl::unexpected<Refusal>(query.error());
  auto const deadline = Steady::now() + query->wait;
  while (true) {
    auto page = std::make_shared<std::optional<EventsPage>>();
    Work work = [asked = *query, page](ReaderPool::Connection& connection, Done done) {
      auto snapshot = connection.snapshot();
      if (!snapshot) return done(tl::unexpected<Refusal>(snapshot.error()));
      auto found = read_events(asked, **snapshot);
      if (!found) return done(tl::unexpected<Refusal>(found.error()));
      *page = std::move(*found);
      done(no_content());  // the page is the answer
    };
    auto asked = co_await ask(std::move(work), options.limits.read_answer_timeout);
    if (!asked) co_return asked;
    auto& found = **page;
    bool const may_wait = !found.has_events && Steady::now() < deadline && !is_stopping;
    if (!may_wait || exchange->is_abandoned) co_return std::move(found.response);
    query->after = found.next;
    if (found.next < found.head) continue;  // a filter passed nothing so far: look further
    if (waiters.size() >= options.limits.waiters)
      co_return refuse(Problem::overloaded, "too many requests wait for events");
    // Between the reading and now the bell may have rung.
    if (head <= found.head) co_await wait_for_bell(deadline, exchange);
  }
}

// Until the doorbell rings, the client hangs up, or the time is over. A doorbell that was lost
// costs no more than this wait: the caller reads once more after it.
asio::awaitable<void> ApiServer::Impl::wait_for_bell(Steady::time_point deadline,
                                                     std::shared_ptr<ApiExchange> exchange) {
  Bell bell(net, bells);
  waiters.insert(&bell.timer);
  exchange->on_abandoned = [&bell] { bell.timer.cancel(); };
  bell.timer.expires_at(deadline);
  co_await bell.timer.async_wait(kAwait);
  exchange->on_abandoned = nullptr;
  waiters.erase(&bell.timer);
}

void ApiServer::Impl::woken(EventSeq seq) {
  head = std::max(head, seq);
  for (auto* const waiter : waiters) waiter->cancel();
}

void ApiServer::Impl::stop() {
  if (std::exchange(is_stopping, true)) return;
  if (http) http->stop();
  for (auto* const bell : bells) bell->cancel();
  http.reset();  // its connections still hold it, and it holds us: no circle must remain
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(asio::io_context& net, ApiOptions options,
                                                    ApiPorts ports) {
  invariant(sodium_init() >= 0, "libsodium starts");
  auto const endpoint = parse_listen(options.listen);
  if (!endpoint) return fail(endpoint.error());
  if (!endpoint->address().is_loopback() && !options.tokens)
    return fail(Fault::rejected, "http.listen '" + options.listen +
                                     "' is not loopback: http.tokens_file is required");
  if (char const* const folder = std::getenv("HOTSIDE_DASHBOARD_DIR"))
    if (!options.dashboard_dir) options.dashboard_dir = folder;
  auto impl = std::make_shared<Impl>(net, std::move(options), std::move(ports));
  impl->http = std::make_shared<HttpServer>(net, impl->options.limits, impl);
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
  asio::post(impl_->net, [impl = impl_, seq] { impl->woken(seq); });
}

void ApiServer::reload(std::optional<std::vector<Token>> tokens) {
  auto replace = [impl = impl_, tokens = std::move(tokens)]() mutable {
    impl->authorizer.replace(std::move(tokens));
  };
  asio::post(impl_->net, std::move(replace));
}

std::uint16_t ApiServer::port() const { return impl_->port; }

void ApiServer::stop() { impl_->stop(); }

}  // namespace hotside::api
