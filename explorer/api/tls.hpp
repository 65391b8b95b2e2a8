#pragma once
// The server's side of TLS: 1.2 and 1.3, forward secrecy and authenticated ciphers only.

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "explorer/api/api_server.hpp"
#include "proto/base/result.hpp"

namespace hotside::api {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

// Reads both files; the error names the one that is wrong, and never what is in it.
Result<TlsContext> make_tls(TlsFiles const& files);

}  // namespace hotside::api
