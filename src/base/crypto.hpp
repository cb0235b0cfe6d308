#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "ice/base/bytes.hpp"

/// What the STUN floor needs of cryptography, on OpenSSL. Private: no public header includes it, and
/// src/base/crypto.cpp and src/base/aead.cpp are the only files below the io floor that include OpenSSL.
namespace ice::crypto {

using Md5Digest = std::array<std::uint8_t, 16>;
using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

Md5Digest md5(std::initializer_list<Bytes> parts) noexcept;
Sha1Digest sha1(Bytes data) noexcept;
Sha256Digest sha256(std::initializer_list<Bytes> parts) noexcept;

/// HMAC-SHA1 (RFC 2104) with the key schedule done once: both padded-key blocks are hashed in the constructor, and a
/// MAC starts from those two states. Trivially copyable; the destructor wipes it. Safe to share between threads.
class HmacSha1 {
 public:
  explicit HmacSha1(Bytes key) noexcept;
  HmacSha1(const HmacSha1&) noexcept = default;
  HmacSha1& operator=(const HmacSha1&) noexcept = default;
  ~HmacSha1();

  /// The MAC of the parts, one after the other.
  Sha1Digest operator()(std::initializer_list<Bytes> parts) const noexcept;

 private:
  using State = std::array<std::uint32_t, 5>;
  State inner_{};
  State outer_{};
};

/// HMAC-SHA256, likewise.
class HmacSha256 {
 public:
  explicit HmacSha256(Bytes key) noexcept;
  HmacSha256(const HmacSha256&) noexcept = default;
  HmacSha256& operator=(const HmacSha256&) noexcept = default;
  ~HmacSha256();

  Sha256Digest operator()(std::initializer_list<Bytes> parts) const noexcept;

 private:
  using State = std::array<std::uint32_t, 8>;
  State inner_{};
  State outer_{};
};

/// True if both have the same bytes; the time it takes tells nothing but the length.
bool equal_in_constant_time(Bytes a, Bytes b) noexcept;

/// Overwrites a secret in a way the compiler may not leave out.
void cleanse(MutableBytes secret) noexcept;

/// RFC 4648 §4, with padding: four characters for each three bytes begun, which `out` must have room for.
void base64(Bytes data, std::span<char> out) noexcept;

/// The CRC-32 of FINGERPRINT (RFC 8489 §14.7: ITU-T V.42, before the XOR with 0x5354554e).
std::uint32_t crc32(Bytes data) noexcept;

}  // namespace ice::crypto
