#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/time.hpp"
#include "turn/channel_data.hpp"
#include "turn/client_requests.hpp"

namespace ice::turn {

/// A channel number and the peer it means (RFC 8656 §12).
struct ClientChannel {
  Endpoint peer;
  std::uint16_t number = 0;
  RequestId request = RequestId::none;
  bool wanted = true;
  bool due = true;     // to be bound, or refreshed, at the next chance
  bool asked = false;  // the server may use it from now on
  bool told = false;
  TimePoint refresh_at = TimePoint::max();
  TimePoint expires = TimePoint::min();
  TimePoint reserved_until = TimePoint::min();  // until when number and peer belong together

  bool bound(TimePoint now) const noexcept { return wanted && now < expires; }
};

/// The channels of an allocation. RFC 8656 §12: neither the number nor the peer is used with another one until five
/// minutes after the binding has expired; with the same one they may be at any time.
class ClientChannels {
 public:
  /// Wants a channel to the peer. Null if there is no room.
  ClientChannel* add(TimePoint now, const Endpoint& peer);
  /// No longer wants those to this address; the server keeps them until they expire.
  void forget(const Address& peer) noexcept;
  void clear() noexcept { channels_.clear(); }
  /// The allocation is another one: those that are wanted are to be bound anew, nothing is reserved.
  void reset() noexcept;

  /// The next one to be bound or refreshed; or null.
  ClientChannel* next_due() noexcept;
  /// A request for it has left.
  static void asked(TimePoint now, ClientChannel& channel) noexcept;
  /// The server has bound it. True the first time.
  static bool bound(TimePoint now, ClientChannel& channel) noexcept;
  /// The server has not. It is no longer wanted, and number and peer stay reserved: a binding that was there before may
  /// still be.
  static void refused(ClientChannel& channel) noexcept;

  ClientChannel* find(RequestId request) noexcept;
  const ClientChannel* find(RequestId request) const noexcept;
  const ClientChannel* find(const Endpoint& peer) const noexcept;
  /// The peer that sends on this channel; or null.
  const ClientChannel* incoming(TimePoint now, std::uint16_t number) const noexcept;
  std::size_t count(TimePoint now) const noexcept;

  template <class F>
  void drop_family(Family family, F tell) {
    for (const ClientChannel& channel : channels_)
      if (channel.wanted && channel.peer.address.family() == family) tell(channel.peer);
    std::erase_if(channels_, [&](const ClientChannel& c) { return c.peer.address.family() == family; });
  }

  void handle_timeout(TimePoint now) noexcept;
  std::optional<TimePoint> next_timeout() const noexcept;

 private:
  std::uint16_t free_number() noexcept;

  std::vector<ClientChannel> channels_;
  std::uint16_t next_number_ = last_channel;  // the last one given
};

}  // namespace ice::turn
