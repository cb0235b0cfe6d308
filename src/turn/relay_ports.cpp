#include "turn/relay_ports.hpp"

namespace ice::turn {

std::optional<std::uint16_t> RelayPorts::choose(RandomSource& random, bool even, bool pair) const noexcept {
  if (any() || range_.last < range_.first) return std::nullopt;
  const std::uint32_t count = std::uint32_t{range_.last} - range_.first + 1;
  const auto start = static_cast<std::uint32_t>(random.below(count));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t port = range_.first + (start + i) % count;
    if (taken_.test(port) || (even && port % 2 != 0)) continue;
    if (pair && (port == range_.last || taken_.test(port + 1))) continue;
    return static_cast<std::uint16_t>(port);
  }
  return std::nullopt;
}

}  // namespace ice::turn
