#pragma once

#include <cstdint>
#include <new>

#include "base/crypto.hpp"
#include "ice/stun/credential.hpp"

namespace ice::stun {

/// RFC 8489 §14.7, so that the CRC of another protocol is never taken for FINGERPRINT.
inline constexpr std::uint32_t fingerprint_xor = 0x5354554e;

/// What is in the opaque bytes of a Credential.
struct CredentialAccess {
  struct Hmacs {
    explicit Hmacs(Bytes key) noexcept : sha1{key}, sha256{key} {}
    crypto::HmacSha1 sha1;
    crypto::HmacSha256 sha256;
  };
  static_assert(sizeof(Hmacs) == Credential::storage_size && alignof(Hmacs) <= alignof(Credential));

  static const Hmacs& hmacs(const Credential& credential) noexcept {
    return *std::launder(reinterpret_cast<const Hmacs*>(credential.storage_.data()));
  }
  static Hmacs& hmacs(Credential& credential) noexcept {
    return *std::launder(reinterpret_cast<Hmacs*>(credential.storage_.data()));
  }
};

}  // namespace ice::stun
