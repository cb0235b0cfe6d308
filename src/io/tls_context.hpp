#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "ice/base/endpoint.hpp"
#include "ice/base/result.hpp"
#include "ice/io/tls.hpp"
#include "io/tls_session.hpp"

namespace ice::io {

/// A TlsConfig as OpenSSL has it: files read, rules set. Sessions of earlier ones go on when it is replaced.
class TlsContext : public std::enable_shared_from_this<TlsContext> {
 public:
  /// The TlsError of the file that is wrong.
  static result<std::shared_ptr<const TlsContext>> make(const TlsConfig& config);

  /// True if there is a certificate to show.
  bool can_listen() const noexcept { return tls_server_ != nullptr; }

  /// For a client that wants to reach `name`, which is a host name or an IP address. errc::invalid_argument for
  /// anything else.
  result<std::unique_ptr<TlsSession>> client(Transport transport, const std::string& name, TlsSession::Sink sink) const;
  /// For a server, which can_listen().
  std::unique_ptr<TlsSession> server(Transport transport, TlsSession::Sink sink) const;

 private:
  struct Deleter {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  using ContextPtr = std::unique_ptr<SSL_CTX, Deleter>;

  explicit TlsContext(const TlsConfig& config);
  ContextPtr make_context(const SSL_METHOD* method) const;
  result<void> believe(const TlsConfig& config);
  result<void> prove(SSL_CTX* context, const TlsConfig& config);
  static int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                             const unsigned char* offered, unsigned int offered_size, void* self) noexcept;

  std::string protocols_;  // as ALPN has them: each with its length in front
  ContextPtr tls_client_;
  ContextPtr dtls_client_;
  ContextPtr tls_server_;
  ContextPtr dtls_server_;
};

}  // namespace ice::io
