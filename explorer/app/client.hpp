#pragma once
// The HTTP API as a command sees it: one request, one answer, a deadline.

#include <chrono>
#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "explorer/app/exchange.hpp"
#include "proto/base/result.hpp"

namespace hotside::app {

// How a command finds the service: by its configuration or by its address.
struct Access {
  std::string config{}, url{}, token_file{};  // as given on the command line; empty: not given
  bool json = false;                          // print answers as they come
};

class Client {
 public:
  // Reads configuration and token. The error is one of usage.
  static Result<Client> open(Access const& access);
  explicit Client(Peer peer, std::string token = {})
      : peer_(std::move(peer)), token_(std::move(token)) {}

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

  std::string address() const { return peer_.text(); }  // "127.0.0.1:8080"

 private:
  using Field = std::pair<std::string_view, std::string_view>;
  // The head of a request, with the empty line that ends it.
  std::string head(std::string_view method, std::string_view target,
                   std::vector<Field> const& fields) const;

  Peer peer_;
  std::string token_;
};

std::string url_encode(std::string_view text);

}  // namespace hotside::app
