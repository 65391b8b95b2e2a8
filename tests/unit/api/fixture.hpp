#pragma once
// A server of its own for each test, and a client that speaks raw bytes to it.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "explorer/api/api_server.hpp"
#include "tests/unit/api/fake_store.hpp"

namespace hotside::api::testing {

constexpr std::chrono::seconds kPatience{120};  // only failures wait this long

// Looks until it is so, or patience is over.
bool eventually(std::function<bool()> const& is_so);

// A blocking TCP connection; a read for which nothing comes fails the test.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(RawClient const&) = delete;
  RawClient& operator=(RawClient const&) = delete;
  void send(std::string_view bytes);
  void hang_up();               // no more bytes from us, and none wanted
  void finish();                // no more bytes from us; returns when the server has closed, too
  std::size_t pending() const;  // bytes that came and were not read
  std::string read_some();      // empty at the end of the stream
  std::string read_all();

  struct Reply {
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    bool is_whole = false;  // the body ended as it said it would
  };
  Reply reply(bool is_head = false);  // status 0: the connection ended instead
  std::string line();                 // with its end; empty: the connection ended
  std::string chunk();                // of a chunked answer; empty: its end, or the connection's

 private:
  bool await(std::size_t size);  // that many bytes in the buffer
  std::string cut(std::size_t size);
  int fd_ = -1;
  std::string buffer_;
  bool saw_end_ = false;  // of the last chunked answer
};

class TestServer {
 public:
  explicit TestServer(ApiOptions options = {}, RouteTable const* routes = nullptr);
  ~TestServer();
  RawClient::Reply get(std::string const& target, std::string const& headers = {});
  RawClient::Reply request(std::string const& method, std::string const& target,
                           std::string const& body = {},
                           std::string const& headers = "Content-Type: application/json\r\n");
  std::uint16_t port() const;
  void stop();  // as the service does, on the net thread
  ApiServer& server() { return *server_; }

  FakeStore store;
  FakeBook book{store};
  model::StatusBoard board;
  Metrics metrics{"test"};
  FakeClock clock;

 private:
  struct Net;
  std::unique_ptr<Net> net_;
  std::unique_ptr<ApiServer> server_;
};

bool contains(std::string const& text, std::string_view part);

// Addresses of testnet with valid points, and one chain state with deposits.
std::string test_address(std::size_t i);
PublicKey test_key(std::size_t i);
void fill(TestServer& server);
store::DepositRow test_deposit(std::uint8_t id, std::uint64_t epoch,
                               std::optional<std::uint32_t> offset, std::int64_t amount,
                               model::DepositState state);

}  // namespace hotside::api::testing
