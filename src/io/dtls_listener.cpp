#include "io/dtls_listener.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>

namespace ice::io {
namespace {

// A cookie is good for this long, and at most for twice as long. RFC 6347 §4.2.1 wants old ones to end.
constexpr std::chrono::seconds cookie_period{60};

// RFC 6347 §4.1 and §4.2.2: where things are in the first record of a ClientHello.
constexpr std::size_t record_header = 13;
constexpr std::size_t handshake_header = 12;
constexpr std::size_t epoch_at = 3;
constexpr std::size_t random_at = record_header + handshake_header + 2;
constexpr std::size_t random_size = SSL3_RANDOM_SIZE;
constexpr std::uint8_t handshake_record = 22;
constexpr std::uint8_t dtls_major = 0xfe;
constexpr std::uint8_t client_hello = 1;

struct BioAddressDeleter {
  void operator()(BIO_ADDR* address) const noexcept { BIO_ADDR_free(address); }
};

}  // namespace

void DtlsListener::prepare(SSL_CTX* context) noexcept {
  SSL_CTX_set_options(context, SSL_OP_COOKIE_EXCHANGE);
  SSL_CTX_set_cookie_generate_cb(context, make_cookie);
  SSL_CTX_set_cookie_verify_cb(context, check_cookie);
}

bool DtlsListener::is_hello(Bytes datagram) noexcept {
  return datagram.size() >= random_at + random_size && datagram[0] == handshake_record && datagram[1] == dtls_major &&
         datagram[epoch_at] == 0 && datagram[epoch_at + 1] == 0 && datagram[record_header] == client_hello;
}

bool DtlsListener::began_with(TlsSession& session, Bytes hello) noexcept {
  std::array<std::uint8_t, random_size> random;
  return SSL_get_client_random(session.native(), random.data(), random.size()) == random.size() &&
         std::equal(random.begin(), random.end(), hello.begin() + random_at);
}

std::unique_ptr<TlsSession> DtlsListener::hear(const std::shared_ptr<const TlsContext>& context, TimePoint now,
                                               const Endpoint& from, Bytes hello, TlsSession::Sink answer) {
  from_ = from;
  period_ = now.time_since_epoch() / cookie_period;
  if (!next_ || context_ != context) next_ = context->server(Transport::dtls, {});
  context_ = context;
  next_->set_sink(std::move(answer));
  next_->feed(hello);
  SSL_set_app_data(next_->native(), this);
  const std::unique_ptr<BIO_ADDR, BioAddressDeleter> unused{BIO_ADDR_new()};
  if (!unused) throw std::bad_alloc{};
  ERR_clear_error();
  const int heard = DTLSv1_listen(next_->native(), unused.get());
  ERR_clear_error();
  SSL_set_app_data(next_->native(), nullptr);
  next_->feed({});
  if (heard != 1) return nullptr;
  return std::move(next_);
}

DtlsListener::Cookie DtlsListener::cookie(std::int64_t period) const noexcept {
  std::array<char, sizeof period + Endpoint::max_text> text;
  std::memcpy(text.data(), &period, sizeof period);
  const std::size_t size = sizeof period + from_.format(std::span{text}.subspan(sizeof period)).size();
  Cookie made{};
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes_of({text.data(), size}).data(), size,
       made.data(), nullptr);
  return made;
}

int DtlsListener::make_cookie(SSL* ssl, unsigned char* out, unsigned int* size) noexcept {
  const auto* listener = static_cast<const DtlsListener*>(SSL_get_app_data(ssl));
  if (listener == nullptr) return 0;
  const Cookie made = listener->cookie(listener->period_);
  std::copy(made.begin(), made.end(), out);
  *size = static_cast<unsigned>(made.size());
  return 1;
}

int DtlsListener::check_cookie(SSL* ssl, const unsigned char* bytes, unsigned int size) noexcept {
  const auto* listener = static_cast<const DtlsListener*>(SSL_get_app_data(ssl));
  if (listener == nullptr) return 1;  // the handshake reads the ClientHello again, whose cookie was checked
  const auto is = [&](std::int64_t period) {
    const Cookie right = listener->cookie(period);
    return size == right.size() && CRYPTO_memcmp(bytes, right.data(), size) == 0;
  };
  return is(listener->period_) || is(listener->period_ - 1) ? 1 : 0;
}

}  // namespace ice::io
