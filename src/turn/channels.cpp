#include "turn/channels.hpp"

#include <algorithm>

namespace ice::turn {
namespace {

constexpr auto number_before = [](const auto& channel, std::uint16_t number) { return channel.number < number; };
constexpr auto peer_before = [](const auto& bound, const Endpoint& peer) { return bound.peer < peer; };

}  // namespace

const Channels::Channel* Channels::find(TimePoint now, std::uint16_t number) const noexcept {
  const auto found = std::lower_bound(by_number_.begin(), by_number_.end(), number, number_before);
  return found != by_number_.end() && found->number == number && found->expires > now ? &*found : nullptr;
}

const Endpoint* Channels::peer(TimePoint now, std::uint16_t number) const noexcept {
  const Channel* const channel = find(now, number);
  return channel != nullptr ? &channel->peer : nullptr;
}

std::optional<std::uint16_t> Channels::number(TimePoint now, const Endpoint& peer) const noexcept {
  const auto found = std::lower_bound(by_peer_.begin(), by_peer_.end(), peer, peer_before);
  if (found == by_peer_.end() || found->peer != peer || find(now, found->number) == nullptr) return std::nullopt;
  return found->number;
}

bool Channels::may_bind(TimePoint now, std::uint16_t number, const Endpoint& peer) const noexcept {
  const Endpoint* const bound_to = this->peer(now, number);
  const auto bound_by = this->number(now, peer);
  return (bound_to == nullptr || *bound_to == peer) && (!bound_by || *bound_by == number);
}

bool Channels::bind(TimePoint now, std::uint16_t number, const Endpoint& peer) {
  clear_expired(now);
  const auto at = std::lower_bound(by_number_.begin(), by_number_.end(), number, number_before);
  if (at != by_number_.end() && at->number == number) {
    at->expires = now + channel_lifetime;
    return false;
  }
  by_number_.insert(at, {number, peer, now + channel_lifetime});
  by_peer_.insert(std::lower_bound(by_peer_.begin(), by_peer_.end(), peer, peer_before), {peer, number});
  return true;
}

template <class Gone>
void Channels::erase(Gone gone) noexcept {
  std::erase_if(by_peer_, [&](const Bound& bound) {
    return gone(*std::lower_bound(by_number_.begin(), by_number_.end(), bound.number, number_before));
  });
  std::erase_if(by_number_, gone);
}

void Channels::remove(Family family) noexcept {
  erase([&](const Channel& channel) { return channel.peer.address.family() == family; });
}

void Channels::clear_expired(TimePoint now) noexcept {
  erase([&](const Channel& channel) { return channel.expires <= now; });
}

}  // namespace ice::turn
