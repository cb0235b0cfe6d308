#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "ice/base/endpoint.hpp"
#include "ice/base/random.hpp"
#include "ice/base/socket.hpp"
#include "ice/base/time.hpp"
#include "io/tls_context.hpp"
#include "io/tls_session.hpp"

namespace ice::io {

/// What one UDP socket with many DTLS peers has to know: who they are, and how to find out whether a stranger can hear
/// us before anything is kept of him (RFC 6347 §4.2.1).
class DtlsListener {
 public:
  /// A peer, and the address of ours that it talks to.
  using Path = std::pair<Endpoint, Address>;

  explicit DtlsListener(RandomSource& random) { random.fill(secret_); }

  /// Lets the sessions of a server's context answer with cookies.
  static void prepare(SSL_CTX* context) noexcept;

  /// True for what may begin a session: a record that holds the beginning of a ClientHello, before any key is agreed.
  static bool is_hello(Bytes datagram) noexcept;
  /// True if the ClientHello is the one that the session began with, which came twice.
  static bool began_with(TlsSession& session, Bytes hello) noexcept;

  /// Looks at a ClientHello. One without the right cookie is answered with one, through `answer`, and forgotten: null.
  /// With it a session of `context` is there, whose handshake goes on with its shake_hands(). `answer` is its sink.
  std::unique_ptr<TlsSession> hear(const std::shared_ptr<const TlsContext>& context, TimePoint now,
                                   const Endpoint& from, Bytes hello, TlsSession::Sink answer);

  std::map<Path, SocketId> peers;

 private:
  using Cookie = std::array<std::uint8_t, 32>;
  Cookie cookie(std::int64_t period) const noexcept;
  static int make_cookie(SSL* ssl, unsigned char* out, unsigned int* size) noexcept;
  static int check_cookie(SSL* ssl, const unsigned char* bytes, unsigned int size) noexcept;

  std::array<std::uint8_t, 32> secret_;
  std::shared_ptr<const TlsContext> context_;  // of the next one
  std::unique_ptr<TlsSession> next_;           // for whoever comes next; strangers cost no memory of their own
  Endpoint from_;
  std::int64_t period_ = 0;
};

}  // namespace ice::io
