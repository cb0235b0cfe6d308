#pragma once

#include <bitset>
#include <cstdint>
#include <optional>

#include "ice/base/random.hpp"
#include "ice/base/socket.hpp"

namespace ice::turn {

/// The ports of one family's relayed addresses: which are ours already, and a random one that is not (RFC 8656 §7.2,
/// RFC 6056 §3.3.1: from a random one onwards, the first that is free).
class RelayPorts {
 public:
  explicit RelayPorts(PortRange range) noexcept : range_{range} {}

  /// True where the system chooses.
  bool any() const noexcept { return range_.last == 0; }
  PortRange range() const noexcept { return range_; }

  /// A free port, even where asked for, and with `pair` the one behind it free as well. It is not taken yet.
  std::optional<std::uint16_t> choose(RandomSource& random, bool even, bool pair) const noexcept;

  void take(std::uint16_t port) noexcept { taken_.set(port); }
  void release(std::uint16_t port) noexcept { taken_.reset(port); }

 private:
  PortRange range_;
  std::bitset<65536> taken_;
};

}  // namespace ice::turn
