#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ice/base/bytes.hpp"

namespace ice::io::detail {

/// Datagrams that wait to be received: a ring of bytes that grows up to a limit and keeps its memory, so that in steady
/// state nothing is allocated.
class DatagramQueue {
 public:
  /// What each datagram costs beside its bytes.
  static constexpr std::size_t overhead = sizeof(std::uint32_t);

  explicit DatagramQueue(std::size_t limit) noexcept : limit_{limit} {}

  /// False when there is no room for it.
  bool push(Bytes datagram);

  bool empty() const noexcept { return used_ == 0; }

  /// Takes the oldest, as much of it as `out` can hold, and returns its size. The queue must not be empty.
  std::size_t pop(MutableBytes out) noexcept;

 private:
  void grow(std::size_t needed);
  void write(Bytes bytes) noexcept;
  void read(MutableBytes out) noexcept;
  void skip(std::size_t size) noexcept;

  std::size_t limit_;
  std::vector<std::uint8_t> ring_;
  std::size_t begin_ = 0;
  std::size_t used_ = 0;
};

}  // namespace ice::io::detail
