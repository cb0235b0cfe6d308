#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/bytes.hpp"
#include "ice/base/export.hpp"
#include "ice/base/random.hpp"
#include "ice/base/result.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/auth_session.hpp"

/// The self-contained tokens of RFC 7635: an authorization server makes them, a STUN or TURN server reads them, and a
/// client passes them on unread (stun::Login::with_token()).
namespace ice::stun {

/// How a token is encrypted (RFC 5116 §5.1, §5.2). RFC 7635 §4.1.1 wants A256GCM of every server.
enum class TokenAlgorithm : std::uint8_t {
  a256gcm,  ///< AEAD_AES_256_GCM, a key of 32 bytes
  a128gcm,  ///< AEAD_AES_128_GCM, a key of 16 bytes
};

/// The session key that client and server sign with: "mac_key" (RFC 7635 §6.2). Wiped when it is no longer needed.
class ICE_API MacKey {
 public:
  static constexpr std::size_t least_size = 20;  ///< RFC 7635 §6.2: 160 bits must be supported
  static constexpr std::size_t most_size = 64;   ///< the block of an HMAC, beyond which a key gains nothing

  /// errc::invalid_argument for another size.
  static result<MacKey> make(Bytes bytes) noexcept;
  static MacKey random(RandomSource& random) noexcept;  ///< of 160 bits

  MacKey(const MacKey&) noexcept = default;
  MacKey& operator=(const MacKey&) noexcept = default;
  ~MacKey();

  Bytes bytes() const noexcept { return Bytes{bytes_}.first(size_); }

 private:
  MacKey() noexcept = default;

  std::array<std::uint8_t, most_size> bytes_{};
  std::size_t size_ = 0;
};

/// The long-term key that an authorization server shares with a STUN or TURN server: "AS-RS", and the "kid" that tells
/// which one it is (RFC 7635 §4.1). Wiped when it is no longer needed.
class ICE_API TokenKey {
 public:
  /// errc::bad_text for a `kid` that OpaqueString forbids, errc::text_too_long for one that does not fit into USERNAME;
  /// errc::invalid_argument for a key of the wrong size.
  static result<TokenKey> make(std::string_view kid, Bytes key, TokenAlgorithm algorithm = TokenAlgorithm::a256gcm);

  TokenKey(const TokenKey&) = default;
  TokenKey& operator=(const TokenKey&) = default;
  ~TokenKey();

  const std::string& kid() const noexcept { return kid_; }
  Bytes bytes() const noexcept { return Bytes{bytes_}.first(size_); }

 private:
  TokenKey() = default;

  std::string kid_;
  std::array<std::uint8_t, 32> bytes_{};
  std::size_t size_ = 0;
};

/// What is in a token (RFC 7635 §6.2).
struct AccessToken {
  MacKey mac_key;
  std::chrono::milliseconds issued;  ///< since 1970
  std::chrono::seconds lifetime;

  /// How long a server should take it yet (RFC 7635 §9: "lifetime + Delta - abs(RDnew - TS)"), never longer than
  /// `lifetime`. Zero or less: not any more, or not yet. `since_1970` is the time at the server.
  std::chrono::milliseconds left(std::chrono::milliseconds since_1970) const noexcept;

  /// By so much the clocks of the two servers may differ (RFC 7635 §7).
  static constexpr std::chrono::seconds allowed_delta{5};
};

/// The token as it goes into ACCESS-TOKEN; whoever hands it out in JSON writes it in base64. `server_name` is the one
/// that the server tells in THIRD-PARTY-AUTHORIZATION: the token is good for no other. No two tokens of a key may have
/// the same nonce. errc::invalid_argument for a time before 1970 or after the year 8000000, or a lifetime that is no 32
/// bits.
ICE_API result<std::vector<std::uint8_t>> seal_access_token(const AccessToken& token, const TokenKey& key,
                                                            std::string_view server_name,
                                                            const std::array<std::uint8_t, 12>& nonce);

/// What only the server with this key and name can read. errc::bad_token. Does not look at the time.
ICE_API result<AccessToken> open_access_token(Bytes token, const TokenKey& key, std::string_view server_name) noexcept;

/// What an authorization server does for a client: a session key, the token that has it, and what the client signs in
/// with. `since_1970` is what time it is; the Login says that it ends `lifetime` after `now`. Errors as of
/// seal_access_token().
ICE_API result<Login> make_token_login(const TokenKey& key, std::string_view server_name, TimePoint now,
                                       std::chrono::milliseconds since_1970, std::chrono::seconds lifetime,
                                       RandomSource& random);

}  // namespace ice::stun
