#include "turn/client_channels.hpp"

#include <algorithm>

#include "ice/turn/allocation.hpp"

namespace ice::turn {

namespace {

void unwant(ClientChannel& channel) noexcept {
  channel.wanted = channel.due = channel.told = false;
  channel.refresh_at = TimePoint::max();
}

}  // namespace

ClientChannel* ClientChannels::add(TimePoint now, const Endpoint& peer) {
  // One that a request rides on stays, however late: the request is written from it.
  std::erase_if(channels_, [&](const ClientChannel& c) {
    return !c.wanted && c.request == RequestId::none && now >= c.reserved_until;
  });
  const auto known =
      std::find_if(channels_.begin(), channels_.end(), [&](const ClientChannel& c) { return c.peer == peer; });
  if (known != channels_.end()) {
    if (!known->wanted) known->wanted = known->due = true;
    return &*known;
  }
  if (channels_.size() == Allocation::most_channels) return nullptr;
  channels_.push_back({.peer = peer, .number = free_number()});
  return &channels_.back();
}

std::uint16_t ClientChannels::free_number() noexcept {
  static_assert(Allocation::most_channels <= last_channel - first_channel, "some number is always free");
  const auto taken = [&](const ClientChannel& c) { return c.number == next_number_; };
  do {
    next_number_ = next_number_ == last_channel ? first_channel : static_cast<std::uint16_t>(next_number_ + 1);
  } while (std::any_of(channels_.begin(), channels_.end(), taken));
  return next_number_;
}

void ClientChannels::forget(const Address& peer) noexcept {
  std::erase_if(channels_, [&](const ClientChannel& c) { return c.peer.address == peer && !c.asked; });
  for (ClientChannel& channel : channels_)
    if (channel.peer.address == peer) unwant(channel);
}

void ClientChannels::reset() noexcept {
  std::erase_if(channels_, [](const ClientChannel& c) { return !c.wanted; });
  for (ClientChannel& channel : channels_) channel = {.peer = channel.peer, .number = channel.number};
}

ClientChannel* ClientChannels::next_due() noexcept {
  const auto found = std::find_if(channels_.begin(), channels_.end(),
                                  [](const ClientChannel& c) { return c.due && c.request == RequestId::none; });
  return found == channels_.end() ? nullptr : &*found;
}

void ClientChannels::asked(TimePoint now, ClientChannel& channel) noexcept {
  channel.asked = true;
  channel.reserved_until = now + Allocation::channel_lifetime + Allocation::channel_quarantine;
}

bool ClientChannels::bound(TimePoint now, ClientChannel& channel) noexcept {
  channel.request = RequestId::none;
  channel.due = false;
  channel.expires = now + Allocation::channel_lifetime;
  channel.reserved_until = channel.expires + Allocation::channel_quarantine;
  if (!channel.wanted) return false;
  channel.refresh_at = now + Allocation::channel_refresh;
  if (channel.told) return false;
  channel.told = true;
  return true;
}

void ClientChannels::refused(ClientChannel& channel) noexcept {
  channel.request = RequestId::none;
  unwant(channel);
}

ClientChannel* ClientChannels::find(RequestId request) noexcept {
  const auto found =
      std::find_if(channels_.begin(), channels_.end(), [&](const ClientChannel& c) { return c.request == request; });
  return found == channels_.end() ? nullptr : &*found;
}

const ClientChannel* ClientChannels::find(RequestId request) const noexcept {
  const auto found =
      std::find_if(channels_.begin(), channels_.end(), [&](const ClientChannel& c) { return c.request == request; });
  return found == channels_.end() ? nullptr : &*found;
}

const ClientChannel* ClientChannels::find(const Endpoint& peer) const noexcept {
  const auto found =
      std::find_if(channels_.begin(), channels_.end(), [&](const ClientChannel& c) { return c.peer == peer; });
  return found == channels_.end() ? nullptr : &*found;
}

const ClientChannel* ClientChannels::incoming(TimePoint now, std::uint16_t number) const noexcept {
  const auto found =
      std::find_if(channels_.begin(), channels_.end(), [&](const ClientChannel& c) { return c.number == number; });
  if (found == channels_.end() || !found->wanted || !found->asked) return nullptr;
  // RFC 8656 §12: the server may use it before its answer to our request has arrived.
  const bool usable = found->bound(now) || found->request != RequestId::none;
  return usable ? &*found : nullptr;
}

std::size_t ClientChannels::count(TimePoint now) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(channels_.begin(), channels_.end(), [&](const ClientChannel& c) { return c.bound(now); }));
}

void ClientChannels::handle_timeout(TimePoint now) noexcept {
  for (ClientChannel& channel : channels_) {
    if (now < channel.refresh_at) continue;
    channel.due = true;
    channel.refresh_at = TimePoint::max();
  }
}

std::optional<TimePoint> ClientChannels::next_timeout() const noexcept {
  std::optional<TimePoint> next;
  for (const ClientChannel& channel : channels_)
    if (channel.refresh_at != TimePoint::max() && (!next || channel.refresh_at < *next)) next = channel.refresh_at;
  return next;
}

}  // namespace ice::turn
