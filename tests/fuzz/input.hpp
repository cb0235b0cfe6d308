#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "ice/base/bytes.hpp"

namespace ice::fuzz {

/// The bytes of a fuzz input as a script: what is asked for beyond the end is zero, so that every prefix is a script.
class Input {
 public:
  explicit Input(Bytes bytes) noexcept : rest_{bytes} {}

  bool empty() const noexcept { return rest_.empty(); }

  template <std::unsigned_integral T = std::uint8_t>
  T number() noexcept {
    T value = 0;
    for (const std::uint8_t byte : take(sizeof(T))) value = static_cast<T>(value << 8 | byte);
    return value;
  }

  /// 0 to `bound` - 1.
  std::size_t below(std::size_t bound) noexcept { return number() % bound; }

  /// A length of one byte, then as many bytes as are left of it.
  Bytes chunk() noexcept { return take(number()); }
  /// The same with a length of two bytes.
  Bytes long_chunk() noexcept { return take(number<std::uint16_t>()); }

 private:
  Bytes take(std::size_t size) noexcept {
    const Bytes taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  Bytes rest_;
};

}  // namespace ice::fuzz
