#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "ice/io/tls.hpp"
#include "io/tls_session.hpp"

namespace ice::io {
namespace {

const char* message_of(TlsError error) noexcept {
  switch (error) {
    case TlsError::name_mismatch:
      return "the server's certificate is for another name; use the name it was issued for";
    case TlsError::expired:
      return "the server's certificate has expired; renew it, and check the clock of this host";
    case TlsError::not_yet_valid:
      return "the server's certificate is not valid yet; check the clock of this host";
    case TlsError::unknown_authority:
      return "nobody who is believed vouches for the server's certificate; give the file of its authority (CA)";
    case TlsError::self_signed:
      return "the server's certificate vouches for itself; give it as a CA file, or get one from an authority";
    case TlsError::revoked:
      return "the server's certificate has been revoked; the server needs a new one";
    case TlsError::bad_certificate:
      return "the server's certificate cannot be believed; look at its key, signature and purpose";
    case TlsError::refused:
      return "the other side refused the connection with a TLS alert; its log says why";
    case TlsError::no_common_protocol:
      return "no TLS version, cipher or application protocol in common; TLS 1.2 or newer is needed";
    case TlsError::not_tls:
      return "what answers there does not speak TLS; check the port";
    case TlsError::broken:
      return "the other side broke the TLS protocol; look at what is there, and what is on the way";
    case TlsError::no_certificate:
      return "a server needs a certificate and its private key; give both files";
    case TlsError::bad_ca_file:
      return "the CA file cannot be read as PEM certificates; check its path and contents";
    case TlsError::bad_certificate_file:
      return "the certificate file cannot be read as PEM certificates; check its path and contents";
    case TlsError::bad_key_file:
      return "the key file cannot be read as a PEM private key without a passphrase; check its path and contents";
    case TlsError::wrong_key:
      return "the private key does not belong to the certificate; give the one it was made with";
  }
  return "unknown TLS error";
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int value) const override { return message_of(static_cast<TlsError>(value)); }
};

TlsError of_verification(long code) noexcept {
  switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return TlsError::name_mismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return TlsError::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return TlsError::not_yet_valid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      return TlsError::unknown_authority;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return TlsError::self_signed;
    case X509_V_ERR_CERT_REVOKED:
      return TlsError::revoked;
    default:
      return TlsError::bad_certificate;
  }
}

TlsError of_reason(int reason) noexcept {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return TlsError::not_tls;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
    case SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL:
      return TlsError::no_common_protocol;
    default:
      return reason >= SSL_AD_REASON_OFFSET ? TlsError::refused : TlsError::broken;
  }
}

}  // namespace

const std::error_category& tls_category() noexcept {
  static const Category category;
  return category;
}

TlsError why_failed(const SSL* ssl) noexcept {
  int reason = 0;
  // Other parts of OpenSSL say what they were doing, too.
  while (const unsigned long error = ERR_get_error()) {
    if (reason == 0 && ERR_GET_LIB(error) == ERR_LIB_SSL) reason = ERR_GET_REASON(error);
  }
  const long verified = SSL_get_verify_result(ssl);
  if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && verified != X509_V_OK) return of_verification(verified);
  return of_reason(reason);
}

}  // namespace ice::io
