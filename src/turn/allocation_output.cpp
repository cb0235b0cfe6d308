#include <algorithm>
#include <array>

#include "turn/allocation_impl.hpp"
#include "turn/channel_data.hpp"

// What leaves for the server: requests, keepalives, data for peers.

namespace ice::turn {

using namespace stun;

namespace {

/// ClientPermissions and channels leave room for what the allocation itself needs. Ours.
constexpr std::size_t most_for_peers = Allocation::most_requests - 2;

/// ADDITIONAL-ADDRESS-FAMILY of the drafts of RFC 8656, which coturn knows by no other number. Optional to understand,
/// so nobody else minds it.
constexpr AttributeType draft_additional_address_family{0x8032};
constexpr std::array<std::uint8_t, 4> draft_ipv6{2, 0, 0, 0};

}  // namespace

Transmit Allocation::Impl::to_server(TimePoint now, SocketId by, Bytes head) noexcept {
  last_out = now;
  keepalive_due = false;
  Transmit transmit;
  transmit.socket = by;
  transmit.to = server;
  transmit.head = head;
  return transmit;
}

std::optional<Transmit> Allocation::Impl::poll_transmit(TimePoint now, MutableBytes scratch) {
  if (is_allocated() && !moving) board_requests(now);
  for (;;) {
    const auto due =
        std::find_if(requests.begin(), requests.end(), [&](const ClientRequest& r) { return r.due() && may_leave(r); });
    if (due == requests.end()) break;
    if (auto transmit = send_request(now, *due, scratch)) return transmit;
  }
  if (!can_send() || !keepalive_due) return std::nullopt;
  const auto message =
      Builder{scratch, Method::binding, Class::indication, TransactionId::random(environment.random)}.finish();
  if (!message) return std::nullopt;
  return to_server(now, *socket, *message);
}

/// ClientPermissions and channels that are due get requests to ride on.
void Allocation::Impl::board_requests(TimePoint now) {
  while (requests.size() < most_for_peers) {
    ClientChannel* const channel = channels.next_due();
    if (channel == nullptr) break;
    channel->due = false;
    channel->request = requests.begin(now, Purpose::channel);
    ClientChannels::asked(now, *channel);
  }
  while (requests.size() < most_for_peers && permissions.has_due())
    permissions.board(now, requests.begin(now, Purpose::permissions));
}

std::optional<Transmit> Allocation::Impl::send_request(TimePoint now, ClientRequest& request, MutableBytes scratch) {
  const AuthSession::Generation generation = session_of(request).generation();
  // Another request has met a challenge meanwhile: signed anew, this one is another message.
  if (request.transaction.transmissions() > 0 && request.signed_at != generation && !requests.restart(now, request)) {
    failed(now, take(request), {make_error_code(errc::timed_out), {}, now});
    return std::nullopt;
  }
  request.signed_at = generation;
  const result<Bytes> message = write(request, scratch);
  if (!message) {
    failed(now, take(request), {message.error(), {}, now});
    return std::nullopt;
  }
  request.transaction.transmitted(now);
  ++counters.requests;
  return to_server(now, request.purpose == Purpose::move ? *moving->to : *socket, *message);
}

result<Bytes> Allocation::Impl::write(const ClientRequest& request, MutableBytes out) const {
  Builder builder{out, method_of(request.purpose), Class::request, request.transaction.id()};
  if (!config.software.empty() && method_of(request.purpose) != Method::create_permission &&
      request.purpose != Purpose::channel)
    builder.add<attr::Software>(config.software);
  switch (request.purpose) {
    case Purpose::allocate:
      write_allocate(builder);
      break;
    case Purpose::move:  // RFC 8016 §3.2.1: not from where it is
      builder.add<attr::MobilityTicket>(Bytes{ticket_to_move});
      [[fallthrough]];
    case Purpose::refresh:
      if (config.lifetime) builder.add<attr::Lifetime>(*config.lifetime);
      break;
    case Purpose::release:
    case Purpose::clean_up:
      builder.add<attr::Lifetime>(Seconds{0});
      break;
    case Purpose::permissions:
      permissions.each_of(request.id, [&](const Address& peer) {
        builder.add<attr::XorPeerAddress>(Endpoint{peer, 0});
      });
      break;
    case Purpose::channel: {
      const ClientChannel* const channel = channels.find(request.id);
      builder.add<attr::ChannelNumber>(channel->number).add<attr::XorPeerAddress>(channel->peer);
      break;
    }
  }
  // RFC 7635 §9: the token goes with Allocate and Refresh alone.
  const bool with_token = request.purpose != Purpose::permissions && request.purpose != Purpose::channel;
  session_of(request).sign(builder, with_token ? AuthSession::Token::included : AuthSession::Token::left_out);
  return builder.finish();
}

/// RFC 8656 §7.1
void Allocation::Impl::write_allocate(Builder& builder) const {
  builder.add<attr::RequestedTransport>(config.tcp_to_peers ? IpProtocol::tcp : IpProtocol::udp);
  if (family == RequestedFamily::ipv4) builder.add<attr::RequestedAddressFamily>(Family::ipv4);
  if (family == RequestedFamily::ipv6) builder.add<attr::RequestedAddressFamily>(Family::ipv6);
  if (family == RequestedFamily::both) {
    builder.add<attr::AdditionalAddressFamily>(Family::ipv6);
    builder.add_raw(draft_additional_address_family, draft_ipv6);
  }
  if (config.even_port) builder.add<attr::EvenPort>(*config.even_port);
  if (config.reservation_token) builder.add<attr::ReservationToken>(*config.reservation_token);
  if (config.lifetime) builder.add<attr::Lifetime>(*config.lifetime);
  if (dont_fragment) builder.add<attr::DontFragment>();
  if (asks_for_ticket()) builder.add<attr::MobilityTicket>(Bytes{});  // RFC 8016 §3.1.1
}

// --- data

result<Transmit> Allocation::Impl::wrap(TimePoint now, const Endpoint& peer, Bytes payload,
                                        MutableBytes scratch) noexcept {
  if (!can_send() || config.tcp_to_peers) return fail(errc::no_allocation);
  if (!permissions.active(now, peer.address)) return fail(errc::no_permission);
  const ClientChannel* const channel = channels.find(peer);
  const bool bound = channel != nullptr && channel->bound(now);
  const result<Bytes> prefix = bound ? channel_data_prefix(channel->number, payload.size(), scratch)
                                     : send_indication_prefix(peer, payload.size(), scratch);
  if (!prefix) return fail(prefix.error());
  if (!unanswered_since) unanswered_since = now;
  ++counters.datagrams_out;
  counters.bytes_out += payload.size();
  Transmit transmit = to_server(now, *socket, *prefix);
  transmit.body = payload;
  // RFC 8656 §12.5: over UDP, ChannelData needs no padding. An attribute always does.
  if (!bound || is_stream(config.transport)) transmit.padding = padding_of(payload.size());
  return transmit;
}

result<Bytes> Allocation::Impl::channel_data_prefix(std::uint16_t number, std::size_t size,
                                                    MutableBytes scratch) noexcept {
  if (size > longest_channel_data) return fail(errc::limit_reached);
  if (scratch.size() < channel_header_size) return fail(errc::buffer_too_small);
  write_channel_header(scratch.data(), number, size);
  return Bytes{scratch.first(channel_header_size)};
}

/// All of a Send indication (RFC 8656 §11.1) but the data itself.
result<Bytes> Allocation::Impl::send_indication_prefix(const Endpoint& peer, std::size_t size,
                                                       MutableBytes scratch) noexcept {
  constexpr std::size_t attribute_header = 4;
  Builder builder{scratch.first(std::min(scratch.size(), wrap_overhead)), Method::send, Class::indication,
                  TransactionId::random(environment.random)};
  builder.add<attr::XorPeerAddress>(peer);
  if (dont_fragment) builder.add<attr::DontFragment>();
  // An empty DATA attribute, whose length and the message's are then set to what follows.
  const result<Bytes> message = builder.add<attr::Data>(Bytes{}).finish();
  if (!message) return message;
  const std::size_t length = message->size() - header_size + size + padding_of(size);
  if (length > max_message_size - header_size) return fail(errc::limit_reached);
  wire::store_u16(scratch.data() + 2, static_cast<std::uint16_t>(length));
  wire::store_u16(scratch.data() + message->size() - attribute_header + 2, static_cast<std::uint16_t>(size));
  return message;
}

}  // namespace ice::turn
