#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include "ice/base/random.hpp"

namespace ice::stun {

/// The 96 bits that tie a response to its request (RFC 8489 §5). They are also what keeps a stranger who is not on
/// the path from answering, so they come from the cryptographic source and nowhere else.
struct TransactionId {
  std::array<std::uint8_t, 12> bytes{};

  static TransactionId random(RandomSource& random) noexcept {
    TransactionId id;
    random.fill(id.bytes);
    return id;
  }

  friend constexpr bool operator==(const TransactionId&, const TransactionId&) noexcept = default;
  friend constexpr auto operator<=>(const TransactionId&, const TransactionId&) noexcept = default;
};

}  // namespace ice::stun
