#pragma once
// The cold wallet of the demo: asks a node for create_raw_transaction over its WebSocket, as an
// operator does on the far side of the gap. It handles a key, so nothing of the service may use it.

#include <cstdint>
#include <string>

#include "proto/base/result.hpp"
#include "proto/wire/frame.hpp"

namespace hotside::app {

class OfflineSigner {
 public:
  OfflineSigner(std::uint16_t port, wire::Token const& token) : port_(port), cipher_(token) {}

  // `request` is one of a bundle, as it stands there; `secret` is 64 hex digits, little-endian.
  // The node's whole answer, which POST /v1/transactions takes as it is. transient: no answer
  // within 10 s. rejected: the node's own words.
  Result<std::string> sign(std::string request, std::string const& secret) const;

 private:
  std::uint16_t port_;
  wire::FrameCipher cipher_;
};

}  // namespace hotside::app
