#include "explorer/app/exchange.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "explorer/app/files.hpp"
#include "explorer/app/settings.hpp"

namespace hotside::app {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kAnswerMax = std::uint64_t{1} << 30;

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Result<Certificate> read_certificate(std::string const& file) {
  HS_TRY(pem, read_small_file(file));
  std::unique_ptr<BIO, decltype(&BIO_free)> const bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  Certificate found(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  if (!found) return fail(Fault::rejected, file + ": is not a certificate (PEM)");
  return found;
}

class Exchange {
 public:
  Exchange(Peer const& peer, std::chrono::seconds deadline) : peer_(peer), deadline_(deadline) {
    parser_.body_limit(kAnswerMax);
  }

  Result<Answer> run(std::string const& request, Upload const* upload) {
    if (peer_.has_tls) HS_DO(use_tls());
    beast::error_code error;
    tcp::resolver resolver(io_);
    auto const found = resolver.resolve(peer_.host, std::to_string(peer_.port), error);
    if (error) return failed(error);
    asio::co_spawn(io_, all(found, request, upload),
                   [&](std::exception_ptr thrown, beast::error_code done) {
                     if (thrown) std::rethrow_exception(thrown);
                     error = done;
                   });
    io_.run();
    if (upload != nullptr && upload->body.bad())
      return fail(Fault::rejected, "what is to be sent cannot be read to its end");
    if (error) return failed(error);
    return Answer{parser_.get().result_int(), std::move(parser_.get().body())};
  }

 private:
  tl::unexpected<Error> failed(beast::error_code error) const {
    return fail(Fault::transient,
                "no answer from " + peer_.text() + ": " + (why_.empty() ? error.message() : why_));
  }

  Result<void> use_tls() {
    beast::error_code error;
    context_.emplace(ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context_->native_handle(), TLS1_2_VERSION);
    if (peer_.certificate.empty()) {
      context_->set_default_verify_paths(error);
    } else {
      HS_TRY(certificate, read_certificate(peer_.certificate));
      expected_ = std::move(certificate);
    }
    tls_.emplace(stream_, *context_);
    tls_->set_verify_mode(ssl::verify_peer, error);
    if (expected_) {
      auto is_expected = [this](bool, ssl::verify_context& shown) { return check(shown); };
      tls_->set_verify_callback(is_expected, error);
    } else {
      // Its macro, without the cast in it.
      auto name = peer_.host;
      SSL_ctrl(tls_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               name.data());
      tls_->set_verify_callback(ssl::host_name_verification(peer_.host), error);
    }
    return {};
  }

  // The service's own file says which one it shows: who signed it does not matter then.
  bool check(ssl::verify_context& shown) {
    auto* const store = shown.native_handle();
    if (X509_STORE_CTX_get_error_depth(store) > 0) return true;
    if (X509_cmp(X509_STORE_CTX_get_current_cert(store), expected_.get()) == 0) return true;
    why_ = "it shows another certificate than the one in " + peer_.certificate +
           "; was the service reloaded since that was changed?";
    return false;
  }

  asio::awaitable<beast::error_code> all(tcp::resolver::results_type found, std::string request,
                                         Upload const* upload) {
    stream_.expires_after(deadline_);
    auto [refused, endpoint] = co_await stream_.async_connect(found, kAwait);
    if (refused) co_return refused;
    if (tls_) {
      auto [unproven] = co_await tls_->async_handshake(ssl::stream_base::client, kAwait);
      if (unproven) co_return unproven;
    }
    // A service that refuses what it has seen answers and reads no further: its answer says more
    // than our broken pipe.
    auto unsent = co_await write(request);
    if (!unsent && upload != nullptr) {
      unsent = co_await send(*upload);
      if (upload->body.bad()) co_return unsent;
      stream_.expires_after(deadline_);
    }
    auto const unread = co_await read();
    co_return unread&& unsent ? unsent : unread;
  }

  asio::awaitable<beast::error_code> write(std::string_view bytes) {
    auto const buffer = asio::buffer(bytes.data(), bytes.size());
    std::tuple<beast::error_code, std::size_t> written;
    if (tls_)
      written = co_await asio::async_write(*tls_, buffer, kAwait);
    else
      written = co_await asio::async_write(stream_, buffer, kAwait);
    co_return std::get<0>(written);
  }

  asio::awaitable<beast::error_code> read() {
    std::tuple<beast::error_code, std::size_t> done;
    if (tls_)
      done = co_await http::async_read(*tls_, buffer_, parser_, kAwait);
    else
      done = co_await http::async_read(stream_, buffer_, parser_, kAwait);
    co_return std::get<0>(done);
  }

  asio::awaitable<beast::error_code> send(Upload upload) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::vector<char> piece(std::size_t{64} * 1024);
    std::uint64_t total = 0;
    while (upload.body.read(piece.data(), static_cast<std::streamsize>(piece.size())) ||
           upload.body.gcount() > 0) {
      auto const size = static_cast<std::size_t>(upload.body.gcount());
      std::string chunk;
      for (auto rest = size; rest > 0; rest /= 16) chunk.insert(chunk.begin(), digits[rest % 16]);
      chunk.append("\r\n").append(piece.data(), size).append("\r\n");
      stream_.expires_after(deadline_);
      auto const error = co_await write(chunk);
      if (error) co_return error;
      upload.sent(total += size);
    }
    // What could not be read to its end is not to look as if it ended here.
    if (upload.body.bad()) co_return beast::error_code{};
    auto const error = co_await write("0\r\n\r\n");
    co_return error;
  }

  Peer const& peer_;
  std::chrono::seconds deadline_;
  Certificate expected_{nullptr, X509_free};
  std::string why_;  // what OpenSSL has no words for
  asio::io_context io_{1};
  beast::tcp_stream stream_{io_};
  std::optional<ssl::context> context_;
  std::optional<ssl::stream<beast::tcp_stream&>> tls_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

}  // namespace

std::string Peer::text() const { return Listen{host, port}.text(); }

Result<Answer> exchange(Peer const& peer, std::string const& request, std::chrono::seconds deadline,
                        Upload const* upload) {
  try {
    return Exchange(peer, deadline).run(request, upload);
  } catch (std::exception const& error) {
    return fail(Fault::transient, "no answer from " + peer.text() + ": " + error.what());
  }
}

}  // namespace hotside::app
