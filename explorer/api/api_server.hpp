#pragma once
// The HTTP side of the service: API, health, metrics and dashboard on one port.
//
// Everything but reading the store happens on the thread that runs the io_context; the store is
// read by two threads of its own, each with its own connection. start(), stop() and the destructor
// belong to the io_context's thread, or to any thread while nobody runs it. After stop() every
// coroutine ends as soon as the io_context runs; ports must live until it has returned from run().

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "explorer/api/readiness.hpp"
#include "explorer/api/tokens.hpp"
#include "proto/base/bytes.hpp"
#include "proto/base/metrics.hpp"
#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/node_status.hpp"
#include "proto/model/ports.hpp"
#include "store/database.hpp"
#include "store/store.hpp"

namespace boost::asio {
class io_context;
}

namespace hotside::api {

struct HttpLimits {
  std::uint32_t header_bytes = 64 * 1024;
  std::uint64_t body_bytes = 8 * 1024 * 1024;
  std::uint64_t bodies_bytes = 128 * 1024 * 1024;   // held at once, of all requests
  std::uint64_t answers_bytes = 128 * 1024 * 1024;  // being taken at once, by all clients
  std::size_t connections = 1024;
  std::size_t waiters = 200;                         // held /v1/events requests
  std::size_t streams = 100;                         // open /v1/events/stream
  std::uint64_t requests_per_second = 0;             // of one caller; 0: no limit
  std::size_t reader_queue = 512;                    // requests waiting for a reader, of each kind
  std::chrono::milliseconds idle_timeout{75'000};    // between requests
  std::chrono::milliseconds header_timeout{10'000};  // first byte to end of header
  std::chrono::milliseconds body_timeout{60'000};    // of an upload: for each 64 KiB
  std::chrono::milliseconds write_timeout{60'000};   // of a streamed answer: for each piece
  std::chrono::milliseconds read_answer_timeout{15'000};   // for the store to be read
  std::chrono::milliseconds write_answer_timeout{60'000};  // for the writer to commit
  std::chrono::milliseconds ready_timeout{5'000};          // for /readyz to say something
  std::chrono::milliseconds stop_grace{3'000};             // for answers under way at stop()
  std::chrono::milliseconds stream_heartbeat{15'000};      // a comment when nothing happens
  std::chrono::milliseconds stream_slow{10'000};           // to take the last events, or be dropped
};

struct TlsFiles {
  std::string cert, key;  // PEM: a chain, and the key of its first certificate
};
// Whether a server can be made of them; the error names the file.
Result<void> check_tls(TlsFiles const& files);

struct ApiOptions {
  std::string listen = "127.0.0.1:8080";  // address:port, "[::1]:0" for a free IPv6 port
  std::string version;
  std::string network;  // "testnet"
  std::string hrp;      // "stt"
  Hash genesis;
  HealthLimits health;
  HttpLimits limits;
  std::optional<std::vector<Token>> tokens;            // required when listen is not loopback
  std::optional<TlsFiles> tls;                         // nullopt: plain HTTP
  std::optional<std::filesystem::path> dashboard_dir;  // development: files from disk, also
                                                       // HOTSIDE_DASHBOARD_DIR
};

struct ApiPorts {
  // Makes one connection for one reader thread; called on that thread, again after a failure. The
  // app gives store::open_reader(url).
  std::function<Result<std::unique_ptr<store::Reader>>()> open_reader;
  store::AddressBook& addresses;
  model::ViolationDesk& violations;
  store::WriteDesk& desk;
  model::StatusBoard const& board;
  Metrics& metrics;
  Clock const& clock;
  // Of the cold side; a service has them, a test that asks for none of it may not.
  store::BundleMaker const* bundles = nullptr;
  model::OutputSource* outputs = nullptr;
  store::TransactionRelay* transactions = nullptr;
  // Where the host of a webhook's URL leads: calls back once, from any thread, with an address that
  // is not public, or with nothing when none is known to be. Unset: nobody knows.
  std::function<void(std::string url, std::function<void(std::optional<std::string>)> done)>
      locate{};
};

class RouteTable;

class ApiServer {
 public:
  static Result<std::unique_ptr<ApiServer>> start(boost::asio::io_context& net, ApiOptions options,
                                                  ApiPorts ports);
  // With other routes than ours, which must outlive the server.
  static Result<std::unique_ptr<ApiServer>> start(boost::asio::io_context& net, ApiOptions options,
                                                  ApiPorts ports, RouteTable const& routes);
  ~ApiServer();
  ApiServer(ApiServer const&) = delete;
  ApiServer& operator=(ApiServer const&) = delete;

  // The doorbell: something was committed, up to this number. From any thread.
  void wake(EventSeq head);
  // From any thread; requests that are under way keep the caller they came with, except that nobody
  // is given events under a token that is gone; connections keep their certificate. TLS cannot be
  // switched on or off while the service runs. After an error everything is as before.
  Result<void> reload(std::optional<std::vector<Token>> tokens, std::optional<TlsFiles> tls);
  // The same in two steps, for what has to change together: only the first one can fail.
  Result<std::function<void()>> prepare_reload(std::optional<std::vector<Token>> tokens,
                                               std::optional<TlsFiles> tls);

  std::uint16_t port() const;
  // Answers under way get HttpLimits::stop_grace; every other connection closes. May be called
  // twice.
  void stop();

 private:
  struct Impl;
  explicit ApiServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace hotside::api
