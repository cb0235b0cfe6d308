#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ice/base/bytes.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"
#include "ice/io/tls.hpp"

/// TLS and DTLS by OpenSSL, without a socket.
namespace ice::io {

/// The largest piece of plaintext that one record carries (RFC 8446 §5.1).
inline constexpr std::size_t tls_record_size = 16'384;

/// What the error queue of this thread and the session say of a call that failed. Empties the queue.
TlsError why_failed(const SSL* ssl) noexcept;

struct SslDeleter {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

/// One connection: what the peer sent is fed to it, what the peer shall get comes out of its sink, inside the calls.
/// Over DTLS each piece is one datagram, in both directions.
class TlsSession {
 public:
  /// The bytes are valid for the call. It must not throw.
  using Sink = std::function<void(Bytes)>;

  /// `ssl` knows its role and method; what its callbacks need lives as long as `owner`.
  TlsSession(SslPtr ssl, Sink sink, std::shared_ptr<const void> owner);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// What came. It must live until read() has nothing more.
  void feed(Bytes ciphertext) noexcept { wire_.in = ciphertext; }

  /// Begins the handshake, or goes on with it: true when it has ended well. A TlsError.
  result<bool> shake_hands() noexcept;

  /// The next plaintext: over TLS some of it, over DTLS one message. Empty when more has to come. `into` holds
  /// tls_record_size bytes. errc::closed when the peer has said goodbye, errc::limit_reached when it goes on with the
  /// handshake's messages and says nothing else, else a TlsError.
  result<Bytes> read(MutableBytes into) noexcept;

  /// At most tls_record_size bytes, as one record. errc::limit_reached, or a TlsError.
  result<void> write(Bytes plaintext) noexcept;

  /// Says goodbye (close_notify).
  void say_goodbye() noexcept;

  /// DTLS: when the last flight shall be sent again, counted from now; nothing when the peer is not waited for.
  std::optional<Duration> retransmission() const noexcept;
  /// DTLS: sends it again if it is time.
  void retransmit() noexcept;

  void set_sink(Sink sink) { wire_.sink = std::move(sink); }
  SSL* native() noexcept { return ssl_.get(); }

  /// What the session reads from and writes to; the data of its BIO.
  struct Wire {
    Bytes in;
    Sink sink;
    bool datagrams = false;
  };

 private:
  void hear_message() noexcept;

  std::shared_ptr<const void> owner_;
  SslPtr ssl_;
  Wire wire_;
  bool established_ = false;
  int messages_without_data_ = 0;
};

}  // namespace ice::io
