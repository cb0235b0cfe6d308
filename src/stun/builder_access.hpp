#pragma once

#include "ice/stun/builder.hpp"

namespace ice::stun {

/// What no application may do: RFC 8489 §14 wants zeros as padding. The test vectors of RFC 5769 were made before, and
/// are padded with spaces.
struct BuilderAccess {
  static void pad_with(Builder& builder, std::uint8_t byte) noexcept { builder.padding_ = byte; }
};

}  // namespace ice::stun
