#pragma once

#include <array>
#include <cstdint>

#include "ice/base/random.hpp"

namespace ice::stun {

/// The 96 bits that tie a response to its request (RFC 8489 §5). They are also what keeps a stranger who is not on
/// the path from answering, so they come from the cryptographic source and nowhere else.
using TransactionId = std::array<std::uint8_t, 12>;

/// A fresh id, uniformly random over all 2^96 (RFC 8489 §5).
inline TransactionId make_transaction_id(RandomSource& random) noexcept {
  TransactionId id;
  random.fill(id);
  return id;
}

}  // namespace ice::stun
