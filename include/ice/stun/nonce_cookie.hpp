#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/stun/message.hpp"

namespace ice::stun {

/// The 24 STUN Security Features (RFC 8489 §18.1). Bit 0 of the RFC is the most significant one.
struct SecurityFeatures {
  std::uint32_t bits = 0;

  static constexpr std::uint32_t password_algorithms = 1U << 23;
  static constexpr std::uint32_t username_anonymity = 1U << 22;

  constexpr bool has(std::uint32_t feature) const noexcept { return (bits & feature) != 0; }
  friend constexpr bool operator==(SecurityFeatures, SecurityFeatures) noexcept = default;
};

/// "obMatJos2" and four characters of base64: what a server of RFC 8489 begins each NONCE with (§9.2).
inline constexpr std::size_t nonce_cookie_size = 13;
ICE_API std::array<char, nonce_cookie_size> make_nonce_cookie(SecurityFeatures features) noexcept;

/// The features that a NONCE announces; nothing where it does not begin with a nonce cookie.
ICE_API std::optional<SecurityFeatures> read_nonce_cookie(std::string_view nonce) noexcept;

/// What a client checks in every response (RFC 8489 §9.2.5): a NONCE that announces password algorithms comes with
/// PASSWORD-ALGORITHMS, else somebody on the way has removed it. errc::bid_down: neither retry nor use the response.
ICE_API result<void> check_bid_down(const Message& response) noexcept;

/// What a server checks in a request whose NONCE announces password algorithms (RFC 8489 §9.2.4): the request repeats
/// the list that was offered, and its own algorithm is on it; or it has neither attribute and means MD5. The algorithm
/// whose key signs it. errc::bid_down: answer 400 (Bad Request).
ICE_API result<PasswordAlgorithm> check_password_algorithm(const Message& request,
                                                           const PasswordAlgorithms& offered) noexcept;

}  // namespace ice::stun
