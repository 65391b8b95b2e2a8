#pragma once
// One HTTP request and its answer, over TCP or TLS.

#include <chrono>
#include <cstdint>
#include <functional>
#include <istream>
#include <string>

#include "proto/base/result.hpp"

namespace hotside::app {

struct Peer {
  std::string host;
  std::uint16_t port = 0;
  bool has_tls = false;
  // With TLS, a PEM file: the first certificate in it, and no other, is to be shown. Empty: one of
  // the host's name, by an authority that the system trusts.
  std::string certificate{};

  std::string text() const;  // "127.0.0.1:8080"
};

struct Answer {
  unsigned status = 0;
  std::string body;
};

// What follows the header, made while it is sent (chunked); `sent` is told how many bytes went.
struct Upload {
  std::istream& body;
  std::function<void(std::uint64_t)> const& sent;
};

// `request` is all of it, or its header where an upload follows. The deadline is for all of it;
// with an upload, for each piece. The error says who did not answer, and why.
Result<Answer> exchange(Peer const& peer, std::string const& request, std::chrono::seconds deadline,
                        Upload const* upload = nullptr);

}  // namespace hotside::app
