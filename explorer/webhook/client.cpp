#include "explorer/webhook/client.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "proto/base/bytes.hpp"
#include "proto/base/invariant.hpp"
#include "proto/model/webhook.hpp"

namespace hotside::webhook {
namespace {

struct Transfer {
  Post post;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> said{};
  std::optional<std::string> refused;  // the address that was not connected to
  std::string response;
  std::size_t head_bytes = 0, body_bytes = 0;
  bool is_cut = false;  // the answer was longer than we read

  Transfer() = default;
  ~Transfer() {
    if (easy != nullptr) curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Transfer(Transfer const&) = delete;
  Transfer& operator=(Transfer const&) = delete;
};

ByteView address_bytes(sockaddr const& address) {
  if (address.sa_family == AF_INET) {
    auto const& four = reinterpret_cast<sockaddr_in const&>(address).sin_addr;
    return {reinterpret_cast<std::uint8_t const*>(&four), sizeof four};
  }
  if (address.sa_family == AF_INET6) {
    auto const& six = reinterpret_cast<sockaddr_in6 const&>(address).sin6_addr;
    return {reinterpret_cast<std::uint8_t const*>(&six), sizeof six};
  }
  return {};
}

std::string address_text(int family, ByteView bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (bytes.empty() || ::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr)
    return "an unknown kind of address";
  return text.data();
}

// Before a connection is made: whatever the name led to is judged here.
curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* to) {
  auto& transfer = *static_cast<Transfer*>(user);
  auto const bytes = address_bytes(to->addr);
  if (!transfer.post.allow_private && !model::is_public_address(bytes)) {
    transfer.refused = address_text(to->family, bytes);
    return CURL_SOCKET_BAD;
  }
  if (transfer.post.is_search) return CURL_SOCKET_BAD;  // this one is good: on to the next
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

// Before a request is sent, also on a connection that another endpoint was allowed to make.
int before_request(void* user, char* primary_ip, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.post.is_search) return CURL_PREREQFUNC_ABORT;
  if (transfer.post.allow_private) return CURL_PREREQFUNC_OK;
  in_addr four{};
  in6_addr six{};
  ByteView bytes;
  if (::inet_pton(AF_INET, primary_ip, &four) == 1)
    bytes = {reinterpret_cast<std::uint8_t const*>(&four), sizeof four};
  else if (::inet_pton(AF_INET6, primary_ip, &six) == 1)
    bytes = {reinterpret_cast<std::uint8_t const*>(&six), sizeof six};
  if (model::is_public_address(bytes)) return CURL_PREREQFUNC_OK;
  transfer.refused = primary_ip;
  return CURL_PREREQFUNC_ABORT;
}

std::size_t take_head(char*, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.head_bytes += size;
  return transfer.head_bytes <= kResponseMax ? size : 0;
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  auto const room = kResponseKept - transfer.response.size();
  transfer.response.append(data, std::min(size, room));
  transfer.body_bytes += size;
  transfer.is_cut = transfer.body_bytes > kResponseMax;
  return transfer.is_cut ? 0 : size;
}

void set_policy(CURL* easy, Transfer& transfer) {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  // A proxy of the environment would connect in our place, to addresses that we do not see.
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer must not hold up the others when time is over.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &before_request);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_head);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.said.data());
}

Reply reply_of(Transfer& transfer, CURLcode code) {
  Reply reply;
  curl_off_t took = 0;
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_TOTAL_TIME_T, &took);
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  reply.latency = std::chrono::milliseconds(took / 1000);
  // What is longer than we read has said all that counts with its status.
  bool const is_whole = code == CURLE_OK || (code == CURLE_WRITE_ERROR && transfer.is_cut);
  if (transfer.body_bytes > 0) reply.response = std::move(transfer.response);
  if (is_whole && status >= 100 && status <= 999) {
    reply.status = static_cast<int>(status);
    if (!reply.response) reply.response.emplace();
    return reply;
  }
  reply.refused = std::move(transfer.refused);
  if (reply.refused)
    reply.error = "the target is at " + *reply.refused +
                  ", which is not a public address; allow_private is not set";
  else if (code == CURLE_OPERATION_TIMEDOUT)
    reply.error = "no whole answer in time";
  else
    reply.error = transfer.said[0] != '\0' ? transfer.said.data() : curl_easy_strerror(code);
  return reply;
}

class CurlClient final : public Client {
 public:
  CurlClient(CURLM* multi, std::chrono::milliseconds within, std::string user_agent)
      : multi_(multi), within_(within), user_agent_(std::move(user_agent)) {}
  ~CurlClient() override {
    for (auto const& [ticket, transfer] : transfers_)
      curl_multi_remove_handle(multi_, transfer->easy);
    transfers_.clear();
    curl_multi_cleanup(multi_);
  }
  CurlClient(CurlClient const&) = delete;
  CurlClient& operator=(CurlClient const&) = delete;

  Ticket start(Post post) override;
  void cancel(Ticket ticket) override { drop(transfers_.find(ticket)); }
  std::vector<std::pair<Ticket, Reply>> run(std::chrono::milliseconds timeout) override;
  void wake() override { curl_multi_wakeup(multi_); }

 private:
  using Transfers = std::map<Ticket, std::unique_ptr<Transfer>>;
  void drop(Transfers::iterator at) {
    if (at == transfers_.end()) return;
    curl_multi_remove_handle(multi_, at->second->easy);
    transfers_.erase(at);
  }
  std::vector<std::pair<Ticket, Reply>> collect();

  CURLM* multi_;
  std::chrono::milliseconds within_;
  std::string user_agent_;
  Transfers transfers_;
  Ticket last_ = 0;
};

Client::Ticket CurlClient::start(Post post) {
  auto transfer = std::make_unique<Transfer>();
  transfer->post = std::move(post);
  transfer->easy = curl_easy_init();
  invariant(transfer->easy != nullptr, "curl has memory for a transfer");
  auto* const easy = transfer->easy;
  set_policy(easy, *transfer);
  auto const& what = transfer->post;
  // Without "Expect:" a receiver that does not know it would cost a second each time.
  transfer->headers = curl_slist_append(nullptr, "Expect:");
  for (auto const& header : what.headers)
    transfer->headers = curl_slist_append(transfer->headers, header.c_str());
  curl_easy_setopt(easy, CURLOPT_URL, what.url.c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent_.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, what.body.data());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(within_.count()));
  if (what.is_search) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  auto const ticket = ++last_;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer.get());
  curl_multi_add_handle(multi_, easy);
  transfers_.emplace(ticket, std::move(transfer));
  return ticket;
}

std::vector<std::pair<Client::Ticket, Reply>> CurlClient::run(std::chrono::milliseconds timeout) {
  int running = 0;
  curl_multi_perform(multi_, &running);
  auto done = collect();
  if (!done.empty()) return done;
  curl_multi_poll(multi_, nullptr, 0, static_cast<int>(timeout.count()), nullptr);
  curl_multi_perform(multi_, &running);
  return collect();
}

std::vector<std::pair<Client::Ticket, Reply>> CurlClient::collect() {
  std::vector<std::pair<Ticket, Reply>> done;
  int left = 0;
  while (auto const* const message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    auto const found = std::ranges::find_if(
        transfers_, [&](auto const& each) { return each.second->easy == message->easy_handle; });
    invariant(found != transfers_.end(), "a transfer that ends was started");
    done.emplace_back(found->first, reply_of(*found->second, message->data.result));
    drop(found);
  }
  return done;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::make(std::chrono::milliseconds within,
                                             std::string user_agent) {
  static auto const ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  auto* const multi = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi == nullptr) return fail(Fault::transient, "webhooks: libcurl cannot be set up");
  return std::unique_ptr<Client>(
      std::make_unique<CurlClient>(multi, within, std::move(user_agent)));
}

}  // namespace hotside::webhook
