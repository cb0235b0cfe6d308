#include <algorithm>
#include <cassert>
#include <vector>

#include "turn/server_impl.hpp"

namespace ice::turn {

using stun::Builder;
using stun::ErrorCode;
using stun::Method;
namespace attr = stun::attr;

namespace {

constexpr bool is_valid_channel(std::uint16_t number) noexcept {
  return number >= first_channel && number <= last_channel;
}

}  // namespace

/// RFC 8656 §7.2 and §8.2: at least the default, at most the maximum.
std::chrono::seconds Server::Impl::granted(std::optional<stun::Seconds> asked) const noexcept {
  const auto wanted = std::chrono::seconds{asked ? asked->count() : 0};
  return std::max(config.default_lifetime, std::min(wanted, config.max_lifetime));
}

TimePoint Server::Impl::end_of(const ServerAllocation& allocation, TimePoint now, std::chrono::seconds lifetime) {
  return std::min(now + lifetime, allocation.good_until);
}

Received Server::Impl::handle_refresh(ProvenRequest& request) {
  const stun::Message& message = request.message;
  ServerAllocation& allocation = *request.allocation;
  std::optional<Family> family;
  if (message.has<attr::RequestedAddressFamily>()) {
    const auto asked = message.get<attr::RequestedAddressFamily>();
    if (!asked && asked.error() != errc::unknown_address_family) return fail_with(request, ErrorCode::bad_request);
    if (!asked || !allocation.relay(*asked).socket) return fail_with(request, ErrorCode::peer_address_family_mismatch);
    family = *asked;
  }
  std::optional<stun::Seconds> asked;
  if (message.has<attr::Lifetime>()) {
    const auto lifetime = message.get<attr::Lifetime>();
    if (!lifetime) return fail_with(request, ErrorCode::bad_request);
    asked = *lifetime;
  }
  const bool release = asked == stun::Seconds{0};
  const TimePoint end = release ? request.now : end_of(allocation, request.now, granted(asked));
  const Received response =
      succeed(request, [&](Builder& b) { b.add<attr::Lifetime>(std::chrono::ceil<stun::Seconds>(end - request.now)); });
  // RFC 8656 §8.1: without a family it is about all there are.
  for (const Family one : both_families) {
    if (!allocation.relay(one).socket || (family && *family != one)) continue;
    if (release) {
      end_relay(allocation, one);
    } else {
      table.set_relay(allocation, one, end);
    }
  }
  if (!allocation.has_relay()) {
    ++counters.allocations_released;
    end_allocation(request.now, allocation, AllocationClosed::Why::released);
  }
  return response;
}

/// RFC 8656 §10.2: all the permissions, or none.
Received Server::Impl::handle_create_permission(ProvenRequest& request) {
  ServerAllocation& allocation = *request.allocation;
  struct Peer {
    Address address;
    Reach reach;
  };
  std::vector<Peer> peers;
  for (const stun::RawAttribute raw : request.message.attributes()) {
    if (raw.type != attr::XorPeerAddress::type) continue;
    const auto peer = attr::XorPeerAddress::decode(raw.value, request.message.header());
    if (!peer) return fail_with(request, ErrorCode::bad_request);
    if (peers.size() == config.limits.permissions) return refuse_peer(request, ErrorCode::insufficient_capacity);
    peers.push_back({peer->address, policy.judge(peer->address)});
  }
  if (peers.empty()) return fail_with(request, ErrorCode::bad_request);
  std::array<std::size_t, 2> more{};
  for (const Peer& peer : peers) {
    const std::size_t i = index_of(peer.address.family());
    if (!allocation.relays[i].socket) return fail_with(request, ErrorCode::peer_address_family_mismatch);
    if (peer.reach == Reach::forbidden) return refuse_peer(request, ErrorCode::forbidden);
    if (allocation.relays[i].permissions.find(request.now, peer.address) == nullptr) ++more[i];
  }
  for (const Family family : both_families)
    if (!has_room(request.now, allocation, family, more[index_of(family)]))
      return refuse_peer(request, ErrorCode::insufficient_capacity);
  for (const Peer& peer : peers) permit(request.now, allocation, peer.address, peer.reach);
  return succeed(request);
}

/// RFC 8656 §12.2.
Received Server::Impl::handle_channel_bind(ProvenRequest& request) {
  ServerAllocation& allocation = *request.allocation;
  // RFC 6062 §3: what a TCP allocation relays goes by data connections.
  if (allocation.protocol != stun::IpProtocol::udp) return fail_with(request, ErrorCode::bad_request);
  const auto number = request.message.get<attr::ChannelNumber>();
  const auto peer = request.message.get<attr::XorPeerAddress>();
  if (!number || !peer || !is_valid_channel(*number) || peer->port == 0)
    return fail_with(request, ErrorCode::bad_request);
  const Family family = peer->address.family();
  if (!allocation.relay(family).socket) return fail_with(request, ErrorCode::peer_address_family_mismatch);
  const Reach reach = reach_of(*peer, stun::IpProtocol::udp);
  if (reach == Reach::forbidden) return refuse_peer(request, ErrorCode::forbidden);
  if (!allocation.channels.may_bind(request.now, *number, *peer)) return fail_with(request, ErrorCode::bad_request);

  allocation.channels.clear_expired(request.now);
  const bool bound = allocation.channels.peer(request.now, *number) != nullptr;
  const bool permitted = allocation.relay(family).permissions.find(request.now, peer->address) != nullptr;
  if ((!bound && allocation.channels.size() >= config.limits.channels) ||
      !has_room(request.now, allocation, family, permitted ? 0 : 1))
    return refuse_peer(request, ErrorCode::insufficient_capacity);
  if (allocation.channels.bind(request.now, *number, *peer)) ++counters.channels_made;
  permit(request.now, allocation, peer->address, reach);
  return succeed(request);
}

/// How far data for this very endpoint may go: an address of relays is good for those of its ports that are relayed.
Reach Server::Impl::reach_of(const Endpoint& peer, stun::IpProtocol protocol) noexcept {
  const Reach reach = policy.judge(peer.address);
  if (reach == Reach::relays_only && find_relayed(peer, protocol) == nullptr) return Reach::forbidden;
  if (reach == Reach::host_allowed && is_own_socket(peer)) return Reach::forbidden;
  return reach;
}

bool Server::Impl::has_room(TimePoint now, ServerAllocation& allocation, Family family, std::size_t more) noexcept {
  Permissions& permissions = allocation.relay(family).permissions;
  permissions.clear_expired(now);
  return permissions.size() + more <= config.limits.permissions;
}

void Server::Impl::permit(TimePoint now, ServerAllocation& allocation, const Address& peer, Reach reach) {
  if (allocation.relay(peer.family()).permissions.install(now, peer, reach)) ++counters.permissions_made;
}

// ---- responses

Received Server::Impl::refuse_peer(const ProvenRequest& request, ErrorCode code) {
  ++counters.permissions_refused;
  return fail_with(request, code);
}

Received Server::Impl::fail_with(const ProvenRequest& request, ErrorCode code) {
  return fail_with(request, code, [](Builder&) {});
}

Received Server::Impl::succeed(const ProvenRequest& request) {
  return succeed(request, [](Builder&) {});
}

/// RFC 8489 §9.2.4: signed as the request was. SOFTWARE is for the methods that RFC 8656 §5 names.
result<Bytes> Server::Impl::finish(Builder& response, Method method, const ResponseForm& form,
                                   const stun::Credential& key) const {
  if (!config.software.empty() && (method == Method::allocate || method == Method::refresh))
    response.add<attr::Software>(config.software);
  if (form.sha256) {
    response.integrity_sha256(key);
  } else {
    response.integrity(key);
  }
  if (form.fingerprint) response.fingerprint();
  return response.finish();
}

Received Server::Impl::respond(const ServerRequest& request, const result<Bytes>& response) noexcept {
  assert(response);
  Transmit transmit;
  transmit.socket = request.in.socket;
  transmit.to = request.in.from;
  transmit.head = *response;
  transmit.ip.local = request.in.ip.local;  // from where it came to, which matters on a wildcard socket
  return {.verdict = Verdict::forward, .forward = transmit};
}

}  // namespace ice::turn
