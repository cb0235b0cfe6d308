#include "certificates.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <fstream>

#include "ice/base/bytes.hpp"

namespace ice::io {
namespace {

template <class Write>
std::string as_pem(Write write) {
  BIO* memory = BIO_new(BIO_s_mem());
  EXPECT_EQ(write(memory), 1);
  std::string text(BIO_ctrl_pending(memory), '\0');
  EXPECT_EQ(BIO_read(memory, text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
  BIO_free(memory);
  return text;
}

void extend(X509* certificate, int what, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  EXPECT_EQ(X509_add_ext(certificate, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

CertificateAuthority::CertificateAuthority() {
  std::string pattern = (std::filesystem::temp_directory_path() / "ice-certificates-XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  folder_ = pattern;
  key_.reset(EVP_EC_gen("P-256"));
  certificate_ = make(key_.get(), "Authority of " + folder_.filename().string(), "", {}, nullptr, key_.get());
  ca_file_ = write(as_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate_.get()); }));
}

CertificateAuthority::~CertificateAuthority() { std::filesystem::remove_all(folder_); }

std::string CertificateAuthority::write(const std::string& content) {
  const std::filesystem::path path = folder_ / (std::to_string(++files_) + ".pem");
  std::ofstream{path} << content;
  return path.string();
}

CertificateAuthority::Certificate CertificateAuthority::make(EVP_PKEY* key, const std::string& subject,
                                                             const std::string& names, Validity validity, X509* issuer,
                                                             EVP_PKEY* issuer_key) {
  Certificate made{X509_new()};
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++files_);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), validity.from);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), validity.to);
  X509_set_pubkey(made.get(), key);
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, bytes_of(subject).data(), -1, -1, 0);
  X509_set_issuer_name(made.get(), issuer == nullptr ? name : X509_get_subject_name(issuer));
  extend(made.get(), NID_basic_constraints, names.empty() ? "critical,CA:TRUE" : "CA:FALSE");
  if (!names.empty()) extend(made.get(), NID_subject_alt_name, names);
  EXPECT_GT(X509_sign(made.get(), issuer_key, EVP_sha256()), 0);
  return made;
}

TlsConfig CertificateAuthority::files_of(EVP_PKEY* key, X509* certificate) {
  TlsConfig made;
  made.certificate_file = write(as_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); }));
  made.key_file = write(
      as_pem([&](BIO* out) { return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); }));
  return made;
}

TlsConfig CertificateAuthority::issue(const std::string& names, Validity validity) {
  const Key key{EVP_EC_gen("P-256")};
  return files_of(key.get(), make(key.get(), "common.example", names, validity, certificate_.get(), key_.get()).get());
}

TlsConfig CertificateAuthority::issue_self_signed(const std::string& names) {
  const Key key{EVP_EC_gen("P-256")};
  return files_of(key.get(), make(key.get(), "Nobody else", names, {}, nullptr, key.get()).get());
}

TlsConfig CertificateAuthority::client() const {
  TlsConfig made;
  made.ca_file = ca_file_;
  return made;
}

}  // namespace ice::io
