#include <algorithm>
#include <cassert>

#include "ice/stun/wire.hpp"
#include "turn/server_impl.hpp"

namespace ice::turn {

using stun::Builder;
using stun::Class;
using stun::Message;
using stun::Method;
namespace attr = stun::attr;
namespace wire = stun::wire;

namespace {

/// The largest UDP payload on IPv4, where the length counts its header of 8 bytes and IP's of 20 as well.
constexpr std::size_t longest_datagram = 65507;
/// What the length fields of STUN, of its attributes and of ChannelData can say.
constexpr std::size_t longest_field = 0xFFFF;

/// RFC 8656 §14: DSCP, ECN and the DF bit go on as they came. A DF bit that is not known counts as 0, as behind a
/// stream (§15).
constexpr IpMetadata markings_of(const IpMetadata& ip) noexcept {
  const bool known = ip.fragmentation != Fragmentation::unspecified;
  return {.dscp = ip.dscp, .ecn = ip.ecn, .fragmentation = known ? ip.fragmentation : Fragmentation::allowed};
}

/// RFC 8656 §13: where one IP version is translated into the other, and between clients and peers by IPv6 (§13.2),
/// DONT-FRAGMENT is ignored; behind a stream it counts for both (§15).
bool heeds_dont_fragment(const ServerAllocation& from, const Endpoint& peer) noexcept {
  return from.on_stream() || (!from.tuple.client.canonical().address.is_v6() && !peer.address.is_v6());
}

Received forward(const Transmit& transmit) noexcept { return {.verdict = Verdict::forward, .forward = transmit}; }

}  // namespace

// ---- from the client

/// RFC 8656 §11.2. Indications are not authenticated (§5); the permission was.
Received Server::Impl::handle_send(TimePoint now, const Datagram& in, const Message& message, MutableBytes scratch) {
  const FiveTuple tuple{in.socket, in.from, in.ip.local};
  ServerAllocation* const allocation = table.find(tuple);
  if (allocation == nullptr || !allocation->live()) return drop(counters.no_allocation);
  if (allocation->mobility != nullptr) came_by(now, *allocation, tuple);
  const auto peer = message.get<attr::XorPeerAddress>();
  const auto data = message.get<attr::Data>();
  constexpr auto always = stun::AttributeSet::of<attr::XorPeerAddress, attr::Data>();
  const auto understood = config.dont_fragment ? always.with(stun::AttributeSet::of<attr::DontFragment>()) : always;
  if (!peer || !data || peer->port == 0 || !message.unknown_required(understood).empty() ||
      allocation->protocol != stun::IpProtocol::udp)
    return drop(counters.bad_indications);
  IpMetadata ip = in.ip;
  if (message.has<attr::DontFragment>() && heeds_dont_fragment(*allocation, *peer))
    ip.fragmentation = Fragmentation::forbidden;
  return to_peer(now, *allocation, *peer, *data, ip, scratch);
}

/// RFC 8656 §12.6. More bytes than the length says may be padding; fewer make it worthless.
Received Server::Impl::handle_channel_data(TimePoint now, const Datagram& in, MutableBytes scratch) {
  const auto message = read_channel_data(in.payload);
  if (!message) return drop(counters.malformed, Verdict::malformed);
  const FiveTuple tuple{in.socket, in.from, in.ip.local};
  ServerAllocation* const allocation = table.find(tuple);
  if (allocation == nullptr || !allocation->live()) return drop(counters.no_allocation);
  if (allocation->mobility != nullptr) came_by(now, *allocation, tuple);
  const Endpoint* const peer = allocation->channels.peer(now, message->number);
  if (peer == nullptr) return drop(counters.no_channel);
  return to_peer(now, *allocation, *peer, message->data, in.ip, scratch);
}

Received Server::Impl::to_peer(TimePoint now, ServerAllocation& from, const Endpoint& peer, Bytes body,
                               const IpMetadata& ip, MutableBytes scratch) {
  const Relay& relay = from.relay(peer.address.family());
  const Permission* const permission = relay.socket ? relay.permissions.find(now, peer.address) : nullptr;
  if (permission == nullptr) return drop(counters.no_permission);
  if (policy.is_relay(peer.address)) {
    if (ServerAllocation* const other = find_relayed(peer, stun::IpProtocol::udp))
      return between_relays(now, from, *other, peer, body, ip, scratch);
  }
  if (permission->reach == Reach::relays_only || (permission->reach == Reach::host_allowed && is_own_socket(peer)))
    return drop(counters.forbidden);
  if (!within_bandwidth(now, from, body.size())) return drop(counters.over_bandwidth);
  count_to_peer(from, body.size());
  return forward({.socket = *relay.socket, .to = peer, .body = body, .ip = markings_of(ip)});
}

/// From one client of ours to another, as if it had gone through both their relay sockets.
Received Server::Impl::between_relays(TimePoint now, ServerAllocation& from, ServerAllocation& to, const Endpoint& peer,
                                      Bytes body, const IpMetadata& ip, MutableBytes scratch) {
  const Family family = peer.address.family();
  const Endpoint& source = from.relay(family).relayed;
  if (to.relay(family).permissions.find(now, source.address) == nullptr) return drop(counters.no_permission);
  if (!within_bandwidth(now, from, body.size())) return drop(counters.over_bandwidth);
  const Received received = to_client(now, to, source, body, ip, scratch);
  if (received.verdict == Verdict::forward) {
    count_to_peer(from, body.size());
    ++counters.between_relays;
  }
  return received;
}

void Server::Impl::count_to_peer(ServerAllocation& from, std::size_t bytes) noexcept {
  ++counters.to_peers;
  counters.to_peers_bytes += bytes;
  from.to_peers_bytes += bytes;
}

bool Server::Impl::within_bandwidth(TimePoint now, ServerAllocation& allocation, std::size_t bytes) noexcept {
  return config.limits.bytes_per_second == 0 || allocation.bandwidth.spend(now, bandwidth, bytes);
}

// ---- to the client

/// RFC 8656 §11.3.
Received Server::Impl::handle_relay_socket(TimePoint now, const AllocationTable::Owner& owner, const Datagram& in,
                                           MutableBytes scratch) {
  ServerAllocation* const allocation = owner.allocation;
  if (allocation == nullptr || !allocation->live()) return drop(counters.no_allocation);  // reserved, or not ready
  const Endpoint peer{in.from.address.scope() == 0 ? in.from.address : in.from.address.without_scope(), in.from.port};
  const Permission* const permission = allocation->relay(owner.family).permissions.find(now, peer.address);
  if (permission == nullptr) return drop(counters.no_permission);
  // What relays have for each other does not come this way.
  if (permission->reach == Reach::relays_only) return drop(counters.forbidden);
  return to_client(now, *allocation, peer, in.payload, in.ip, scratch);
}

/// ChannelData where a channel is bound (§12.7), else a Data indication (§11.3).
Received Server::Impl::to_client(TimePoint now, ServerAllocation& to, const Endpoint& peer, Bytes body,
                                 const IpMetadata& ip, MutableBytes scratch) {
  Transmit transmit;
  transmit.socket = to.tuple.socket;
  transmit.to = to.tuple.client;
  transmit.body = body;
  const auto channel = to.channels.number(now, peer);
  if (channel) {
    if (body.size() > longest_field) return drop(counters.too_large);
    write_channel_header(scratch.data(), *channel, body.size());
    transmit.head = scratch.first(channel_header_size);
    if (to.on_stream()) transmit.padding = padding_of(body.size());  // §12.5
  } else {
    if (body.size() > longest_field - padding_of(body.size())) return drop(counters.too_large);
    transmit.padding = padding_of(body.size());
    transmit.head = write_data_head(peer, body.size(), scratch);
    if (transmit.size() - stun::header_size > longest_field) return drop(counters.too_large);
  }
  if (!to.on_stream() && transmit.size() > longest_datagram) return drop(counters.too_large);
  if (!within_bandwidth(now, to, body.size())) return drop(counters.over_bandwidth);
  ++counters.to_clients;
  counters.to_clients_bytes += body.size();
  to.to_client_bytes += body.size();
  transmit.ip = markings_of(ip);
  transmit.ip.local = to.tuple.local;
  return forward(transmit);
}

/// A Data indication up to where the data begins. Its length counts them and their padding.
Bytes Server::Impl::write_data_head(const Endpoint& peer, std::size_t body, MutableBytes scratch) noexcept {
  const auto head = Builder{scratch, Method::data, Class::indication, stun::TransactionId::random(environment.random)}
                        .add<attr::XorPeerAddress>(peer)
                        .add_raw(attr::Data::type, {})
                        .finish();
  assert(head);
  const std::size_t size = head->size();
  wire::store_u16(scratch.data() + size - 2, static_cast<std::uint16_t>(body));
  wire::store_u16(scratch.data() + 2, static_cast<std::uint16_t>(size - stun::header_size + body + padding_of(body)));
  return *head;
}

// ---- ICMP

/// RFC 8656 §11.5.
void Server::Impl::handle_unreachable(TimePoint now, const SocketUnreachable& event) {
  const AllocationTable::Owner* const owner = table.find_relay(event.socket);
  if (owner == nullptr || owner->allocation == nullptr || !owner->allocation->live()) return;
  const std::uint8_t type = event.icmp_type;
  const bool told = owner->family == Family::ipv4 ? type == 3 || type == 11 : type >= 1 && type <= 3;
  const Endpoint peer{event.to.address.without_scope(), event.to.port};
  if (!told || owner->allocation->relay(owner->family).permissions.find(now, peer.address) == nullptr) return;
  if (icmp_errors.size() == most_icmp_errors) return;  // a hint, and there will be others
  // §18.13: the MTU where the packet was too big, and 0 for all else.
  const bool too_big = owner->family == Family::ipv4 ? type == 3 && event.icmp_code == 4 : type == 2;
  const stun::IcmpError error{type, event.icmp_code, too_big ? event.mtu : 0};
  icmp_errors.push_back({owner->allocation->number, peer, error});
}

Transmit Server::Impl::tell_icmp(ServerAllocation& allocation, const Endpoint& peer, const stun::IcmpError& error,
                                 MutableBytes scratch) {
  ++counters.icmp_errors;
  const auto indication =
      Builder{scratch, Method::data, Class::indication, stun::TransactionId::random(environment.random)}
          .add<attr::XorPeerAddress>(peer)
          .add<attr::Icmp>(error)
          .finish();
  assert(indication);
  Transmit transmit;
  transmit.socket = allocation.tuple.socket;
  transmit.to = allocation.tuple.client;
  transmit.head = *indication;
  transmit.ip.local = allocation.tuple.local;
  return transmit;
}

}  // namespace ice::turn
