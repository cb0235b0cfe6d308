#pragma once

#include <string>
#include <system_error>
#include <vector>

#include "ice/base/export.hpp"

namespace ice::io {

/// Whom TLS and DTLS sockets believe, and how they prove who they are. See Context::configure_tls.
struct TlsConfig {
  /// PEM: the authorities that vouch for servers; "" for those of the system.
  std::string ca_file{};
  /// PEM: the certificate that listeners show, then those between it and its authority. "" for whoever only connects.
  std::string certificate_file{};
  /// PEM: the private key of that certificate, without a passphrase.
  std::string key_file{};
  /// False believes any server, and anybody on the way can then be it. For looking at one's own server, nothing else.
  bool verify = true;
  /// ALPN (RFC 7301): what is spoken inside, best first. "stun.turn" and "stun.nat-discovery" are those of RFC 7443. A
  /// peer that does not know ALPN is taken, one that wants only others is not. None: ALPN is not used.
  std::vector<std::string> protocols{"stun.turn"};
};

/// Why TLS or DTLS did not come about, or ended. Each message says what to do about it.
enum class TlsError {
  name_mismatch = 1,   ///< the certificate is for another name (RFC 9525)
  expired,             ///< the certificate, or one that it stands on, is no longer valid
  not_yet_valid,       ///< likewise, not yet
  unknown_authority,   ///< no authority that is believed vouches for the certificate
  self_signed,         ///< the certificate vouches for itself
  revoked,             ///< its authority has taken it back
  bad_certificate,     ///< it cannot be believed for another reason, such as a weak key or a wrong purpose
  refused,             ///< the peer ended it with an alert: it believes us not, or wants something else
  no_common_protocol,  ///< no version, cipher or application protocol that both sides have
  not_tls,             ///< what answers there does not speak TLS
  broken,              ///< the peer broke the protocol
  no_certificate,      ///< listening wants a certificate and its key
  bad_ca_file,         ///< no PEM file with certificates
  bad_certificate_file,
  bad_key_file,
  wrong_key,  ///< the key is not that of the certificate
};

/// The category of a TlsError, named "tls".
ICE_API const std::error_category& tls_category() noexcept;

inline std::error_code make_error_code(TlsError error) noexcept { return {static_cast<int>(error), tls_category()}; }

}  // namespace ice::io

template <>
struct std::is_error_code_enum<ice::io::TlsError> : std::true_type {};
