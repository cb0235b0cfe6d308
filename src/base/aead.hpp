#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ice/base/bytes.hpp"

/// Authenticated encryption on OpenSSL: AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 5116 §5.1, §5.2). Private, like
/// crypto.hpp.
namespace ice::crypto {

inline constexpr std::size_t gcm_tag_size = 16;
using GcmNonce = std::array<std::uint8_t, 12>;

/// Encrypts `plain` into `out`, which has room for that and the tag that follows. The key is 16 or 32 bytes. No two
/// plaintexts may have the same key and nonce. False where OpenSSL refuses.
bool seal_gcm(Bytes key, const GcmNonce& nonce, Bytes associated, Bytes plain, MutableBytes out) noexcept;

/// Decrypts what seal_gcm() has made into `out`, which has room for all but the tag. False, and `out` is zeros, where
/// key, nonce, associated data or a bit of `sealed` is another one (RFC 5116 §2.2: FAIL).
bool open_gcm(Bytes key, const GcmNonce& nonce, Bytes associated, Bytes sealed, MutableBytes out) noexcept;

}  // namespace ice::crypto
