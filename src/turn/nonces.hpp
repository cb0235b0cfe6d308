#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "base/crypto.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/random.hpp"
#include "ice/base/time.hpp"
#include "ice/stun/nonce_cookie.hpp"

namespace ice::turn {

/// Nonces that need not be kept (RFC 8489 §9.2.4): the nonce cookie, when it was made, and a MAC over that and the
/// client's address and port. So no two clients get the same one, and one that somebody has listened to is of no use
/// from elsewhere.
class Nonces {
 public:
  // 3 bytes of seconds, which begin anew after 194 days, and 8 of MAC, in base64 without padding. As short as can be:
  // it is in what strangers are answered.
  static constexpr std::size_t size = stun::nonce_cookie_size + 15;
  using Text = std::array<char, size>;

  Nonces(stun::SecurityFeatures features, std::chrono::seconds lifetime, RandomSource& random);

  Text make(TimePoint now, const Endpoint& client) const noexcept;
  /// False for one that is too old, of another client, or not ours.
  bool fresh(TimePoint now, const Endpoint& client, std::string_view nonce) const noexcept;

 private:
  Text made_at(std::uint32_t second, const Endpoint& client) const noexcept;

  std::array<char, stun::nonce_cookie_size> cookie_;
  std::chrono::seconds lifetime_;
  crypto::HmacSha1 key_;
};

}  // namespace ice::turn
