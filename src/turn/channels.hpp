#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/time.hpp"
#include "turn/channel_data.hpp"

namespace ice::turn {

/// RFC 8656 §12: "A channel binding lasts for 10 minutes unless refreshed".
inline constexpr std::chrono::seconds channel_lifetime{600};

/// The channels of one allocation (RFC 8656 §12). A dual allocation has one set for both its addresses, since
/// ChannelData says a number and nothing else. Each number is bound to one peer, each peer to one number. One that has
/// expired is as good as none, and is cleared away when another one is made.
class Channels {
 public:
  /// The peer that a channel is bound to.
  const Endpoint* peer(TimePoint now, std::uint16_t number) const noexcept;
  std::optional<std::uint16_t> number(TimePoint now, const Endpoint& peer) const noexcept;

  /// False where the number is bound to another peer, or the peer to another number (§12.2: 400).
  bool may_bind(TimePoint now, std::uint16_t number, const Endpoint& peer) const noexcept;
  /// Binds or refreshes what may_bind() allows. True if it was not bound.
  bool bind(TimePoint now, std::uint16_t number, const Endpoint& peer);
  /// Those of one family, whose relayed address is gone (§8.1).
  void remove(Family family) noexcept;
  void clear_expired(TimePoint now) noexcept;

  std::size_t size() const noexcept { return by_number_.size(); }

 private:
  struct Channel {
    std::uint16_t number;
    Endpoint peer;
    TimePoint expires;
  };
  struct Bound {
    Endpoint peer;
    std::uint16_t number;
  };

  const Channel* find(TimePoint now, std::uint16_t number) const noexcept;
  template <class Gone>
  void erase(Gone gone) noexcept;

  std::vector<Channel> by_number_;  // both in order
  std::vector<Bound> by_peer_;
};

}  // namespace ice::turn
