#include "explorer/api/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace hotside::api {

namespace ssl = boost::asio::ssl;

namespace {

constexpr char const* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";  // of TLS 1.2; 1.3 has no others

// We speak HTTP/1.1 only; a client that offers nothing of it is not refused for that.
int choose_protocol(SSL*, unsigned char const** out, unsigned char* size, unsigned char const* in,
                    unsigned in_size, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  int const found = SSL_select_next_proto(&chosen, size, kHttp11, sizeof kHttp11 - 1, in, in_size);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<TlsContext> make_tls(TlsFiles const& files) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  auto* const native = context->native_handle();
  boost::system::error_code error;
  auto const failed = [&](std::string const& file, char const* what) {
    ERR_clear_error();
    return fail(Fault::rejected, file + ": " + what);
  };
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  if (SSL_CTX_set_cipher_list(native, kCiphers) != 1)
    return failed("tls", "this OpenSSL has none of the ciphers");
  // A key under a passphrase would make OpenSSL ask the terminal.
  context->set_password_callback([](std::size_t, auto) { return std::string(); }, error);
  if (context->use_certificate_chain_file(files.cert, error))
    return failed(files.cert, "is not a readable certificate chain (PEM)");
  if (context->use_private_key_file(files.key, ssl::context::pem, error))
    return failed(files.key,
                  "is not a readable private key (PEM, without passphrase) of the "
                  "certificate");
  if (SSL_CTX_check_private_key(native) != 1)
    return failed(files.key, "is not the private key of the certificate");
  return context;
}

Result<void> check_tls(TlsFiles const& files) {
  auto context = make_tls(files);
  if (!context) return fail(std::move(context.error()));
  return {};
}

}  // namespace hotside::api
