#include "explorer/webhook/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace hotside;
using namespace std::chrono_literals;
using webhook::Client;

namespace {

// Listens on loopback and answers by hand, so that a test sees each connection and each byte.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_, 8) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() {
    if (peer_ >= 0) ::close(peer_);
    ::close(fd_);
  }
  Listener(Listener const&) = delete;
  Listener& operator=(Listener const&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  static bool has_input(int fd) {
    pollfd wanted{fd, POLLIN, 0};
    return ::poll(&wanted, 1, 0) == 1;
  }
  bool has_caller() const { return has_input(fd_); }
  // Reads what has come, and answers once a whole request is there. true: answered.
  bool serve(std::string const& answer) {
    if (peer_ < 0 && has_caller()) peer_ = ::accept(fd_, nullptr, nullptr);
    if (peer_ < 0 || !has_input(peer_)) return false;
    char chunk[4096];
    auto const got = ::recv(peer_, chunk, sizeof chunk, 0);
    if (got <= 0) {  // it was hung up; the next caller comes on a new connection
      ::close(std::exchange(peer_, -1));
      return false;
    }
    request_.append(chunk, static_cast<std::size_t>(got));
    if (!request_.ends_with("\r\n\r\nbody")) return false;
    last_ = std::exchange(request_, {});
    REQUIRE(::send(peer_, answer.data(), answer.size(), MSG_NOSIGNAL) > 0);
    return true;
  }
  std::string const& last() const { return last_; }

 private:
  int fd_, peer_ = -1;
  std::uint16_t port_ = 0;
  std::string request_, last_;
};

webhook::Reply wait(Client& client, Client::Ticket ticket, Listener* listener = nullptr,
                    std::string const& answer = {}) {
  auto const end = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < end) {
    if (listener != nullptr) listener->serve(answer);
    for (auto& [done, reply] : client.run(10ms))
      if (done == ticket) return reply;
  }
  FAIL("no reply in time");
  return {};
}

std::unique_ptr<Client> make(std::chrono::milliseconds within = 30s) {
  auto client = Client::make(within, "hotside/test");
  REQUIRE(client);
  return std::move(*client);
}

std::string ok(std::string const& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a private address is not connected to, whatever led there") {
  Listener listener;
  auto const client = make();
  auto const reply = wait(*client, client->start({listener.url(), "body", {}, false}));
  CHECK_FALSE(reply.status);
  REQUIRE(reply.error);
  CHECK(reply.error->starts_with("the target is at 127.0.0.1, which is not a public address"));
  CHECK_FALSE(listener.has_caller());
}

TEST_CASE("nor is a connection used that another endpoint was allowed to make") {
  Listener listener;
  auto const client = make();
  auto const first = client->start({listener.url(), "body", {"webhook-id: a:1"}, true});
  auto const allowed = wait(*client, first, &listener, ok("thanks"));
  CHECK(allowed.status == 200);
  CHECK(allowed.response == "thanks");
  CHECK_FALSE(allowed.error);
  CHECK(listener.last().find("POST / HTTP/1.1\r\n") == 0);
  CHECK(listener.last().find("\r\nwebhook-id: a:1\r\n") != std::string::npos);
  CHECK(listener.last().find("Expect") == std::string::npos);
  auto const reply =
      wait(*client, client->start({listener.url(), "body", {}, false}), &listener, ok("thanks"));
  CHECK_FALSE(reply.status);
  CHECK(listener.last().find("webhook-id") != std::string::npos);  // nothing came after the first
  auto const again =
      wait(*client, client->start({listener.url(), "body", {}, true}), &listener, ok("again"));
  CHECK(again.status == 200);
}

TEST_CASE("a look at where a name leads connects to nothing") {
  Listener listener;
  auto const client = make();
  auto const first =
      wait(*client, client->start({listener.url(), "body", {}, true}), &listener, ok("thanks"));
  CHECK(first.status == 200);  // a connection that could be used again
  // Escaped, so that only who resolves it knows that it is an address.
  auto url = listener.url();
  url.replace(url.find("127"), 3, "%31%32%37");
  for (auto const& each : {url, listener.url()}) {
    auto const reply =
        wait(*client, client->start({each, "", {}, false, true}), &listener, ok("x"));
    CHECK(reply.refused == "127.0.0.1");
    CHECK_FALSE(reply.status);
  }
  CHECK_FALSE(listener.has_caller());
  auto const open = wait(*client, client->start({"http://1.1.1.1/", "", {}, false, true}));
  CHECK_FALSE(open.refused);
  CHECK(open.error);
}

TEST_CASE("redirects are an answer like any other") {
  Listener listener, elsewhere;
  auto const client = make();
  auto const reply =
      wait(*client, client->start({listener.url(), "body", {}, true}), &listener,
           "HTTP/1.1 307 Go\r\nLocation: " + elsewhere.url() + "\r\nContent-Length: 0\r\n\r\n");
  CHECK(reply.status == 307);
  CHECK_FALSE(elsewhere.has_caller());
}

TEST_CASE("of a long answer the first kilobyte is kept, and no more read than need be") {
  Listener listener;
  auto const client = make();
  auto const reply = wait(*client, client->start({listener.url(), "body", {}, true}), &listener,
                          "HTTP/1.1 500 No\r\n\r\n" + std::string(70'000, 'x'));
  CHECK(reply.status == 500);
  CHECK(reply.response == std::string(webhook::kResponseKept, 'x'));
}

TEST_CASE("who does not answer in time, or not in HTTP, has not answered") {
  Listener listener;
  auto const client = make(200ms);
  auto const slow = wait(*client, client->start({listener.url(), "body", {}, true}), &listener,
                         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  CHECK_FALSE(slow.status);
  CHECK(slow.error == "no whole answer in time");
  Listener other;
  auto const patient = make();
  auto const odd = wait(*patient, patient->start({other.url(), "body", {}, true}), &other,
                        "\x01\x02 garbage, not HTTP\r\n\r\n");
  CHECK_FALSE(odd.status);
  CHECK(odd.error);
}

TEST_CASE("a cancelled request says nothing any more, and wake() ends a wait") {
  Listener listener;
  auto const client = make();
  client->cancel(client->start({listener.url(), "body", {}, true}));
  client->wake();
  CHECK(client->run(60s).empty());
}
