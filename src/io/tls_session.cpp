#include "io/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace ice::io {
namespace {

// A handshake must get through any path: what a DTLS record may fill of an IPv6 minimum MTU of 1280 bytes, less IPv6
// and UDP headers and room for a tunnel's (RFC 9147 §4.4 has PMTU guidance; application data is not cut).
constexpr long handshake_mtu = 1'200;

// What a peer may say of the handshake's kind between two pieces of data, once the handshake is over: tickets, a new
// key (RFC 8446 §4.6), a renegotiation that is refused. Each costs us work, and some an answer.
constexpr int most_messages_without_data = 32;

TlsSession::Wire& wire_of(BIO* bio) noexcept { return *static_cast<TlsSession::Wire*>(BIO_get_data(bio)); }

int read_wire(BIO* bio, char* out, int capacity) noexcept {
  BIO_clear_retry_flags(bio);
  TlsSession::Wire& wire = wire_of(bio);
  if (wire.in.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t size = std::min(wire.in.size(), static_cast<std::size_t>(capacity));
  std::memcpy(out, wire.in.data(), size);
  wire.in = wire.datagrams ? Bytes{} : wire.in.subspan(size);
  return static_cast<int>(size);
}

int write_wire(BIO* bio, const char* bytes, int size) noexcept {
  BIO_clear_retry_flags(bio);
  wire_of(bio).sink(bytes_of({bytes, static_cast<std::size_t>(size)}));
  return size;
}

long control_wire(BIO*, int what, long, void*) noexcept {
  switch (what) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
    case BIO_CTRL_DGRAM_QUERY_MTU:
      return handshake_mtu;
    default:
      return 0;
  }
}

int create_wire(BIO* bio) noexcept {
  BIO_set_init(bio, 1);
  return 1;
}

// A memory BIO would join what comes in into one stream; a datagram must stay one.
BIO_METHOD* wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "icebreaker");
    if (made == nullptr) throw std::bad_alloc{};
    BIO_meth_set_read(made, read_wire);
    BIO_meth_set_write(made, write_wire);
    BIO_meth_set_ctrl(made, control_wire);
    BIO_meth_set_create(made, create_wire);
    return made;
  }();
  return method;
}

}  // namespace

TlsSession::TlsSession(SslPtr ssl, Sink sink, std::shared_ptr<const void> owner)
    : owner_{std::move(owner)}, ssl_{std::move(ssl)}, wire_{{}, std::move(sink), SSL_is_dtls(ssl_.get()) != 0} {
  BIO* bio = BIO_new(wire_method());
  if (bio == nullptr) throw std::bad_alloc{};
  BIO_set_data(bio, &wire_);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (wire_.datagrams) SSL_set_mtu(ssl_.get(), handshake_mtu);
  SSL_set_msg_callback(ssl_.get(), [](int is_sent, int, int type, const void*, std::size_t, SSL*, void* session) {
    if (is_sent == 0 && type == SSL3_RT_HANDSHAKE) static_cast<TlsSession*>(session)->hear_message();
  });
  SSL_set_msg_callback_arg(ssl_.get(), this);
}

void TlsSession::hear_message() noexcept {
  // Nothing of what is behind it is looked at: OpenSSL finds no more input, and read() says why.
  if (established_ && ++messages_without_data_ > most_messages_without_data) wire_.in = {};
}

TlsSession::~TlsSession() = default;

result<bool> TlsSession::shake_hands() noexcept {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  if (done == 1) return established_ = true;
  if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ) return false;
  return fail(make_error_code(why_failed(ssl_.get())));
}

result<Bytes> TlsSession::read(MutableBytes into) noexcept {
  ERR_clear_error();
  const int size = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
  if (messages_without_data_ > most_messages_without_data) return fail(errc::limit_reached);
  if (size > 0) {
    messages_without_data_ = 0;
    return Bytes{into.first(static_cast<std::size_t>(size))};
  }
  switch (SSL_get_error(ssl_.get(), size)) {
    case SSL_ERROR_WANT_READ:
      return Bytes{};
    case SSL_ERROR_ZERO_RETURN:
      return fail(errc::closed);
    default:
      return fail(make_error_code(why_failed(ssl_.get())));
  }
}

result<void> TlsSession::write(Bytes plaintext) noexcept {
  if (plaintext.size() > tls_record_size) return fail(errc::limit_reached);
  if (plaintext.empty()) return {};  // OpenSSL has no empty record to send
  ERR_clear_error();
  if (SSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size())) > 0) return {};
  return fail(make_error_code(why_failed(ssl_.get())));
}

void TlsSession::say_goodbye() noexcept {
  ERR_clear_error();
  static_cast<void>(SSL_shutdown(ssl_.get()));
  ERR_clear_error();
}

std::optional<Duration> TlsSession::retransmission() const noexcept {
  timeval left{};
  if (DTLSv1_get_timeout(ssl_.get(), &left) != 1) return std::nullopt;
  return std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec};
}

void TlsSession::retransmit() noexcept {
  ERR_clear_error();
  static_cast<void>(DTLSv1_handle_timeout(ssl_.get()));
  ERR_clear_error();
}

}  // namespace ice::io
