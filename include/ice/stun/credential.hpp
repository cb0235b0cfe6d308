#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/stun/password_algorithm.hpp"

namespace ice::stun {

/// A key that messages are signed and verified with, ready to use: its HMAC schedules are computed when it is made,
/// which takes microseconds, so make one a user and keep it. The password itself is not kept; what is, is overwritten
/// by the destructor. Signing and verifying do not allocate. A value of 104 bytes; const use is safe from any thread.
class ICE_API Credential {
 public:
  /// RFC 8489 §9.1.1: key = OpaqueString(password). errc::bad_text.
  static result<Credential> short_term(std::string_view password);

  /// RFC 8489 §9.2.2 and §18.5.1: key = hash(OpaqueString(username) ":" OpaqueString(realm) ":"
  /// OpaqueString(password)). Trailing NULs, and quotes around user name and realm, are removed before. errc::bad_text,
  /// errc::unsupported for another algorithm.
  static result<Credential> long_term(std::string_view username, std::string_view realm, std::string_view password,
                                      PasswordAlgorithm algorithm);

  /// From a key that is kept elsewhere: "H(A1)" of a user database (RFC 8489 §9.2.2), the session key of an access
  /// token (RFC 7635 §4).
  static Credential from_key(Bytes key) noexcept;

  Credential(const Credential& other) noexcept;
  Credential& operator=(const Credential& other) noexcept;
  ~Credential();

 private:
  friend struct CredentialAccess;  // src/stun: the HMACs
  explicit Credential(Bytes key) noexcept;

  static constexpr std::size_t storage_size = 104;
  alignas(std::uint32_t) std::array<std::byte, storage_size> storage_;
};

/// RFC 8265 §4.2, "OpaqueString": the form in which user names, realms and passwords are compared and hashed. Other
/// spaces become U+0020, then the text is normalised (NFC). errc::bad_text: empty, not UTF-8, or with characters that
/// the profile forbids, such as control characters.
ICE_API result<std::string> opaque_string(std::string_view text);

/// RFC 8489 §14.4: the value of USERHASH. errc::bad_text.
ICE_API result<std::array<std::uint8_t, 32>> userhash(std::string_view username, std::string_view realm);

}  // namespace ice::stun
