#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ice/io/tls.hpp"

namespace ice::io {

/// When a certificate is valid, in seconds from now.
struct Validity {
  long from = -3600;
  long to = 3600;
};

/// An authority of the test's own, which issues certificates into files that are there as long as it is.
class CertificateAuthority {
 public:
  CertificateAuthority();
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  /// PEM of the authority's own certificate.
  const std::string& file() const { return ca_file_; }

  /// A server's configuration with a new certificate for these names, as X.509 spells them ("DNS:turn.example" or
  /// "IP:127.0.0.1").
  TlsConfig issue(const std::string& names = "IP:127.0.0.1", Validity validity = {});
  /// Likewise, vouched for by nobody else.
  TlsConfig issue_self_signed(const std::string& names = "IP:127.0.0.1");
  /// A client's, which believes this authority.
  TlsConfig client() const;

  /// A file with this content.
  std::string write(const std::string& content);

 private:
  struct KeyDeleter {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  struct CertificateDeleter {
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;
  using Certificate = std::unique_ptr<X509, CertificateDeleter>;

  Certificate make(EVP_PKEY* key, const std::string& subject, const std::string& names, Validity validity, X509* issuer,
                   EVP_PKEY* issuer_key);
  TlsConfig files_of(EVP_PKEY* key, X509* certificate);

  std::filesystem::path folder_;
  int files_ = 0;
  Key key_;
  Certificate certificate_;
  std::string ca_file_;
};

}  // namespace ice::io
