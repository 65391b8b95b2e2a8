#include "explorer/app/service.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <thread>

#include "chainclient/node/link.hpp"
#include "explorer/api/api_server.hpp"
#include "explorer/api/readiness.hpp"
#include "explorer/app/feed_log.hpp"
#include "explorer/app/log.hpp"
#include "explorer/app/version.hpp"
#include "explorer/cold/bundle_maker.hpp"
#include "explorer/cold/outputs.hpp"
#include "explorer/ingest/writer.hpp"
#include "explorer/relay/server.hpp"
#include "explorer/webhook/configure.hpp"
#include "explorer/webhook/dispatcher.hpp"
#include "store/database.hpp"

namespace hotside::app {
namespace {

namespace asio = boost::asio;

void log_link(node::Link::LogLevel level, std::string const& text) {
  switch (level) {
    case node::Link::LogLevel::debug:
      return spdlog::debug("{}", text);
    case node::Link::LogLevel::info:
      return spdlog::info("{}", text);
    case node::Link::LogLevel::warn:
      return spdlog::warn("{}", text);
    case node::Link::LogLevel::error:
      return spdlog::error("{}", text);
  }
}

node::LinkOptions link_options(Settings const& settings) {
  node::LinkOptions options;
  for (auto const& node : settings.nodes)
    options.nodes.push_back({node.name, node.endpoint, node.token_file});
  options.follower.network = settings.network;
  options.follower.start_epoch = settings.start_epoch;
  options.follower.confirm_nodes = settings.confirm_nodes;
  options.follower.revert_grace = settings.revert_grace;
  options.follower.stall_after = settings.stall_after;
  return options;
}

// nullopt without a tokens file: then every caller is admin, on loopback only (checked before).
Result<std::optional<std::vector<api::Token>>> tokens_of(Settings const& settings) {
  if (settings.tokens_file.empty()) return std::optional<std::vector<api::Token>>();
  HS_TRY(tokens, api::read_tokens(settings.tokens_file));
  return std::optional(std::move(tokens));
}

std::optional<api::TlsFiles> tls_of(Settings const& settings) {
  if (settings.tls_cert.empty()) return std::nullopt;
  return api::TlsFiles{settings.tls_cert, settings.tls_key};
}

// Every connection takes a descriptor, and without one left neither a known caller nor the store
// gets through. So all that may be had are taken, and connections leave some to the others.
std::size_t connections_that_fit(std::size_t wanted) {
  constexpr rlim_t kForOthers = 256;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  rlim_t const fit = std::max<rlim_t>(limit.rlim_cur, kForOthers + 1) - kForOthers;
  if (fit >= wanted) return wanted;
  spdlog::warn("http.max_connections is {}, but {} open files (ulimit -n) leave room for {}",
               wanted, limit.rlim_cur, fit);
  return fit;
}

api::ApiOptions api_options(Settings const& settings) {
  api::ApiOptions options;
  options.listen = settings.listen.text();
  options.version = kVersion;
  options.network = settings.network.name;
  options.hrp = settings.network.hrp;
  options.genesis = *settings.network.genesis;
  options.health = {settings.max_lag, settings.stall_after};
  options.limits.body_bytes = settings.max_body_bytes;
  options.limits.bodies_bytes =
      std::max<std::uint64_t>(options.limits.bodies_bytes, settings.max_body_bytes);
  options.limits.connections = connections_that_fit(settings.max_connections);
  options.limits.requests_per_second = settings.requests_per_second;
  options.tls = tls_of(settings);
  return options;
}

// A node's answer to outputs_list, in the words of the cold side.
Result<std::vector<Bytes>> outputs_of(Result<wire::NodeMessage> answer) {
  if (!answer) return fail(std::move(answer.error()));
  if (auto* const reply = std::get_if<wire::OutputsReply>(&answer->body))
    return std::move(reply->blobs);
  if (auto const* const error = std::get_if<wire::ErrorReply>(&answer->body))
    return fail(Fault::rejected, "the node says: " + error->text);
  return fail(Fault::peer, "the node answered something else than outputs");
}

// What the link hands over goes to the writer as it is.
class WriterSink final : public node::EventSink {
 public:
  WriterSink(ingest::Writer& writer, relay::Transactions& transactions)
      : writer_(writer), transactions_(transactions) {}
  bool room() const override { return writer_.room(); }
  void submit(model::ChainEvent event, Instant received) override {
    writer_.submit(std::move(event), received);
  }
  void connected() override { transactions_.wake(); }

 private:
  ingest::Writer& writer_;
  relay::Transactions& transactions_;
};

class RunningService final : public Service {
 public:
  explicit RunningService(Settings settings) : settings_(std::move(settings)) {}
  ~RunningService() override { stop(); }

  Result<void> start();
  std::uint16_t port() const override { return api_->port(); }
  std::optional<std::string> stuck() const override;

  Result<void> reload(Settings const& settings) override {
    HS_TRY(tokens, tokens_of(settings));
    HS_TRY(use, api_->prepare_reload(std::move(tokens), tls_of(settings)));
    HS_DO(configure_webhooks(settings));
    use();
    set_log_level(settings.log_level);
    return {};
  }

 private:
  Result<void> open_store();
  Result<void> open_webhooks();
  Result<void> write_webhooks();
  Result<void> configure_webhooks(Settings const& settings);
  Result<void> open_api();
  void open_transactions();
  Result<void> open_relay();
  relay::AskNode ask_link();
  void ask_node(std::vector<Hash> ids, std::function<void(Result<std::vector<Bytes>>)> done);
  void run_net();
  void beat();
  void stop();

  // On the writer's thread; everything it touches is there before that starts, and goes after it
  // has ended.
  void on_committed(EventSeq head) {
    api_->wake(head);
    feed_log_->wake(head);
    if (webhooks_) webhooks_->wake();
  }

  Settings settings_;
  Metrics metrics_{kVersion};
  model::StatusBoard board_;
  asio::io_context net_{1};
  std::optional<chain::Stored> stored_;  // until the link has taken it
  std::unique_ptr<FeedLog> feed_log_;
  std::unique_ptr<webhook::Dispatcher> webhooks_;  // rung by the writer until its thread ends
  std::unique_ptr<ingest::Writer> writer_;
  std::unique_ptr<store::ReaderPool> readers_;
  std::unique_ptr<relay::Transactions> transactions_;
  std::unique_ptr<WriterSink> sink_;
  std::unique_ptr<node::Link> link_;
  std::unique_ptr<cold::BundleMaker> bundles_;
  std::shared_ptr<cold::Outputs> outputs_;
  std::unique_ptr<api::ApiServer> api_;
  std::unique_ptr<relay::Server> relay_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  asio::steady_timer heart_{net_};
  std::atomic<std::int64_t> net_turned_ms_{0};
  std::promise<void> net_ended_;
  std::thread net_thread_;
};

Result<void> RunningService::open_store() {
  store::Identity const identity{settings_.network.hrp, *settings_.network.genesis};
  auto database = store::Database::open(settings_.store_url, identity, system_clock());
  if (!database)
    return fail(database.error().fault, settings_.problem("store.url", database.error().what));
  HS_TRY(stored, ingest::stored_chain(**database));
  stored_ = std::move(stored);
  HS_TRY(feed_log, FeedLog::start(settings_.store_url));
  feed_log_ = std::move(feed_log);
  ingest::WriterHooks hooks;
  hooks.committed = [this](EventSeq head) { on_committed(head); };
  hooks.room = [this] { link_->resume(); };
  hooks.violation_cleared = [this] { link_->violation_cleared(); };
  HS_TRY(writer, ingest::Writer::open(std::move(*database), system_clock(), metrics_, board_,
                                      std::move(hooks)));
  writer_ = std::move(writer);
  board_.update([](model::Live& live) { live.started = true; });
  return {};
}

Result<void> RunningService::open_webhooks() {
  HS_TRY(webhooks, webhook::Dispatcher::start(
                       {[url = settings_.store_url] { return store::open_reader(url); }, *writer_,
                        metrics_, system_clock(), "hotside/" + std::string(kVersion)}));
  webhooks_ = std::move(webhooks);
  return {};
}

Result<void> RunningService::write_webhooks() {
  auto const done = configure_webhooks(settings_);
  if (done) return {};
  if (done.error().fault == Fault::rejected)
    return fail(Fault::rejected, settings_.problem("webhook.url", done.error().what));
  // A full disk must not keep the rest from being read.
  spdlog::error("the webhooks of the configuration are as they were before: {}", done.error().what);
  return {};
}

Result<void> RunningService::configure_webhooks(Settings const& settings) {
  constexpr auto written_within = std::chrono::seconds(60);
  auto const written = std::make_shared<std::promise<Result<void>>>();
  auto const work = [hooks = settings.webhooks](store::WriteTxn& txn) {
    return webhook::configure(txn, hooks, system_clock().now());
  };
  auto answer = written->get_future();
  writer_->write(work, [written](Result<void> result) { written->set_value(std::move(result)); });
  if (answer.wait_for(written_within) != std::future_status::ready)
    return fail(Fault::transient, "the webhooks could not be written in time");
  return answer.get();
}

relay::AskNode RunningService::ask_link() {
  return [this](wire::Request request, std::chrono::milliseconds within, node::Link::Reply done) {
    link_->request(std::move(request), within, std::move(done));
  };
}

void RunningService::open_transactions() {
  constexpr std::size_t kReadsWaiting = 256;
  readers_ = std::make_unique<store::ReaderPool>(
      [url = settings_.store_url] { return store::open_reader(url); }, kReadsWaiting, 1);
  relay::TransactionOptions options;
  options.hrp = settings_.network.hrp;
  options.limits.fee_max = settings_.max_fee;
  transactions_ = std::make_unique<relay::Transactions>(
      net_, std::move(options),
      relay::TransactionPorts{*readers_, *writer_, *outputs_, ask_link(), system_clock()});
}

Result<void> RunningService::open_relay() {
  if (!settings_.relay_listen || !settings_.relay_token) return {};
  auto desk = std::make_shared<relay::Desk>(
      net_, relay::DeskOptions{kVersion, settings_.network.name},
      relay::DeskPorts{*readers_, *writer_, *outputs_, *transactions_, ask_link(), system_clock()});
  relay::ServerOptions options;
  options.host = settings_.relay_listen->host;
  options.port = settings_.relay_listen->port;
  auto server = relay::Server::start(net_, std::move(options), *settings_.relay_token,
                                     std::move(desk), metrics_);
  if (!server)
    return fail(server.error().fault, settings_.problem("relay.listen", server.error().what));
  relay_ = std::move(*server);
  return {};
}

Result<void> RunningService::open_api() {
  auto options = api_options(settings_);
  auto tokens = tokens_of(settings_);
  if (!tokens)
    return fail(tokens.error().fault, settings_.problem("http.tokens_file", tokens.error().what));
  options.tokens = std::move(*tokens);
  bundles_ = std::make_unique<cold::BundleMaker>(settings_.network, settings_.max_fee);
  outputs_ = std::make_shared<cold::Outputs>(
      [this](std::vector<Hash> ids, std::function<void(Result<std::vector<Bytes>>)> done) {
        ask_node(std::move(ids), std::move(done));
      });
  open_transactions();
  api::ApiPorts ports{[url = settings_.store_url] { return store::open_reader(url); },
                      *writer_,
                      *writer_,
                      *writer_,
                      board_,
                      metrics_,
                      system_clock(),
                      bundles_.get(),
                      outputs_.get(),
                      transactions_.get()};
  // Only requests ask, and those come when the webhooks are there.
  ports.locate = [this](std::string url, webhook::Dispatcher::Found done) {
    webhooks_->locate(std::move(url), std::move(done));
  };
  auto api = api::ApiServer::start(net_, std::move(options), std::move(ports));
  if (!api) return fail(api.error().fault, settings_.problem("http.listen", api.error().what));
  api_ = std::move(*api);
  return {};
}

// Only requests ask, and those come when the link is there.
void RunningService::ask_node(std::vector<Hash> ids,
                              std::function<void(Result<std::vector<Bytes>>)> done) {
  constexpr std::chrono::milliseconds kAnswersWithin{10'000};
  auto request = wire::OutputsList::make(std::move(ids));
  if (!request) return done(fail(std::move(request.error())));
  link_->request(std::move(*request), kAnswersWithin,
                 [done = std::move(done)](Result<wire::NodeMessage> answer) {
                   done(outputs_of(std::move(answer)));
                 });
}

// Nothing runs on the net thread or the writer's until all of it is there: a writer that finds
// withheld events of a lifted hold commits them by itself, at once.
Result<void> RunningService::start() {
  HS_DO(open_store());
  HS_DO(open_api());
  HS_DO(open_relay());
  HS_DO(open_webhooks());
  sink_ = std::make_unique<WriterSink>(*writer_, *transactions_);
  link_ = std::make_unique<node::Link>(net_, link_options(settings_), std::move(*stored_), *sink_,
                                       board_, metrics_, system_clock(), log_link);
  stored_.reset();
  writer_->start();
  HS_DO(write_webhooks());
  link_->start();
  transactions_->start();
  work_.emplace(net_.get_executor());
  beat();
  net_thread_ = std::thread([this] { run_net(); });
  if (relay_)
    spdlog::info("relay on ws://{}/", Listen{settings_.relay_listen->host, relay_->port()}.text());
  spdlog::info("listening on {}://{}/", settings_.tls_cert.empty() ? "http" : "https",
               Listen{settings_.listen.host, port()}.text());
  return {};
}

// The net thread shows that it turns; the main thread looks.
void RunningService::beat() {
  constexpr auto every = std::chrono::seconds(1);
  net_turned_ms_ = system_clock().instant().time_since_epoch().count();
  heart_.expires_after(every);
  heart_.async_wait([this](boost::system::error_code error) {
    if (!error) beat();
  });
}

std::optional<std::string> RunningService::stuck() const {
  auto const turned = Instant(std::chrono::milliseconds(net_turned_ms_.load()));
  if (system_clock().instant() - turned > api::kWriteDead)
    return "the net thread has not turned for two minutes";
  return api::stuck(board_.read(), system_clock().now());
}

void RunningService::run_net() {
  try {
    net_.run();
  } catch (std::exception const& error) {
    // Our own mistake: what it left behind is not known, and restarting is safe by design.
    spdlog::critical("an exception on the net thread: {}", error.what());
    spdlog::default_logger()->flush();
    std::abort();
  }
  net_ended_.set_value();
}

// Outside in: no more requests, no more blocks, then what was taken in is committed, and what still
// waits for an answer gets one before the net thread ends.
void RunningService::stop() {
  constexpr auto net_ends_within = std::chrono::seconds(5);
  bool const is_running = net_thread_.joinable();
  if (is_running) asio::post(net_, [this] { heart_.cancel(); });
  if (is_running && api_) asio::post(net_, [this] { api_->stop(); });
  if (is_running && relay_) asio::post(net_, [this] { relay_->stop(); });
  if (transactions_) transactions_->stop();
  if (is_running && link_) link_->stop();
  if (webhooks_) webhooks_->stop();
  if (readers_) readers_->stop();
  if (writer_) writer_->stop();
  if (!is_running) return;
  work_.reset();
  if (net_ended_.get_future().wait_for(net_ends_within) != std::future_status::ready) net_.stop();
  net_thread_.join();
}

}  // namespace

Result<std::unique_ptr<Service>> Service::start(Settings settings) {
  auto service = std::make_unique<RunningService>(std::move(settings));
  HS_DO(service->start());
  return std::unique_ptr<Service>(std::move(service));
}

}  // namespace hotside::app
