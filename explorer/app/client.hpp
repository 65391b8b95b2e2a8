#pragma once
// The HTTP API as a command sees it: one request, one answer, a deadline.

#include <chrono>
#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <string_view>

#include "proto/base/result.hpp"

namespace hotside::app {

// How a command finds the service: by its configuration or by its address.
struct Access {
  std::string config{}, url{}, token_file{};  // as given on the command line; empty: not given
  bool json = false;                          // print answers as they come
};

struct Answer {
  unsigned status = 0;
  std::string body;
};

class Client {
 public:
  // Reads configuration and token. The error is one of usage.
  static Result<Client> open(Access const& access);
  Client(std::string host, std::uint16_t port, std::string token = {})
      : host_(std::move(host)), port_(port), token_(std::move(token)) {}

  // Whatever the service answers; the error says that it did not.
  Result<Answer> ask(std::string_view method, std::string_view target, std::string body = {},
                     std::chrono::seconds deadline = std::chrono::seconds(75),
                     std::string const& idempotency_key = {}) const;
  // The body of a 2xx answer; any other is an error with the service's own words.
  Result<std::string> get(std::string_view target) const;
  Result<std::string> send(std::string_view method, std::string_view target, std::string body,
                           std::string const& idempotency_key = {}) const;

  // POSTs what `body` gives, however long, in pieces; `sent` is told how many bytes went so far.
  // The deadline is for each piece. The answer is as that of send().
  Result<std::string> upload(std::string_view target, std::string_view content_type,
                             std::istream& body,
                             std::function<void(std::uint64_t)> const& sent) const;

  std::string address() const;  // "127.0.0.1:8080"

 private:
  std::string host_;
  std::uint16_t port_ = 0;
  std::string token_;
};

std::string url_encode(std::string_view text);

}  // namespace hotside::app
