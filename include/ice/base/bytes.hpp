#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ice {

/// A view of bytes that somebody else owns. Where a function takes one, it is valid for the call alone.
using Bytes = std::span<const std::uint8_t>;

/// A view of bytes that may be written.
using MutableBytes = std::span<std::uint8_t>;

/// The bytes of a text, without a copy.
inline Bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The bytes seen as text, without a copy. Nothing is validated.
inline std::string_view text_of(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ice
