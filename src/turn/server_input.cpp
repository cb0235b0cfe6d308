#include <utility>

#include "stun/trace.hpp"
#include "turn/server_impl.hpp"

namespace ice::turn {

using stun::Class;
using stun::Message;
using stun::Method;

Received Server::Impl::drop(std::uint64_t& counter, Verdict verdict) noexcept {
  ++counter;
  return {.verdict = verdict};
}

Received Server::Impl::handle_datagram(TimePoint now, const Datagram& in, MutableBytes scratch) {
  if (closed) return {.verdict = Verdict::not_mine};
  // The timer may be late; nothing outlives its time for that.
  if (const auto due = next_timeout(); due && *due <= now) {
    connections.touch(now, in.socket);  // one that speaks is not idle
    const auto is_to_peers = [&] {
      return table.find_relay(in.socket) != nullptr || peer_connections.find(in.socket) != nullptr;
    };
    const bool to_peers = is_to_peers();
    handle_timeout(now);
    if (to_peers && !is_to_peers()) return drop(counters.no_allocation);  // no client
  }
  if (peer_connections.size() > 0)
    if (PeerConnection* const connection = peer_connections.find(in.socket))
      return handle_peer_data(now, *connection, in);
  if (const AllocationTable::Owner* const owner = table.find_relay(in.socket))
    return handle_relay_socket(now, *owner, in, scratch);
  if (!in.payload.empty() && is_channel_data(in.payload[0])) return handle_channel_data(now, in, scratch);
  return handle_stun(now, in, scratch);
}

Received Server::Impl::handle_stun(TimePoint now, const Datagram& in, MutableBytes scratch) {
  connections.touch(now, in.socket);
  const result<Message> message = Message::parse(in.payload);
  // What is no STUN may be a client of RFC 3489.
  if (message ? message->method() == Method::binding : message.error() == errc::not_stun)
    return binding.handle_datagram(now, in, scratch);
  if (!message) return drop(counters.malformed, Verdict::malformed);
  if (message->has<stun::attr::Fingerprint>() && !message->check_fingerprint())
    return drop(counters.malformed, Verdict::malformed);  // RFC 8489 §6.3: silently discarded
  switch (message->message_class()) {
    case Class::request:
      return handle_request({now,
                             in,
                             scratch,
                             *message,
                             {in.socket, in.from, in.ip.local},
                             nullptr,
                             message->has<stun::attr::Fingerprint>()});
    case Class::indication:
      if (message->method() == Method::send) return handle_send(now, in, *message, scratch);
      break;
    case Class::success_response:
    case Class::error_response:
      break;
  }
  return drop(counters.not_mine, Verdict::not_mine);
}

Received Server::Impl::handle_request(const ServerRequest& arrived) {
  switch (arrived.message.method()) {
    case Method::allocate:
    case Method::refresh:
    case Method::create_permission:
    case Method::channel_bind:
    case Method::connect:
    case Method::connection_bind:
      break;
    default:
      return drop(counters.not_mine, Verdict::not_mine);
  }
  if (arrived.in.from.port == 0) return drop(counters.malformed, Verdict::malformed);  // nobody can be there
  ++counters.requests;
  ServerRequest request = arrived;
  request.allocation = table.find(request.tuple);
  const auto nonce = request.message.get<stun::attr::Nonce>();
  request.fresh_nonce = nonce && nonces.fresh(request.now, request.in.from.canonical(), *nonce);
  request.reachable = request.fresh_nonce || connections.find(request.in.socket) != nullptr;
  result<ProvenRequest, Received> proven = authenticate(request);
  if (!proven) return proven.error();
  return handle_proven(*proven);
}

Received Server::Impl::handle_proven(ProvenRequest& request) {
  using namespace stun;
  constexpr auto always =
      AttributeSet::of<attr::Username, attr::Userhash, attr::Realm, attr::Nonce, attr::PasswordAlgorithm,
                       attr::MessageIntegrity, attr::MessageIntegritySha256, attr::ChannelNumber, attr::Lifetime,
                       attr::XorPeerAddress, attr::RequestedAddressFamily, attr::EvenPort, attr::RequestedTransport,
                       attr::ReservationToken, attr::ConnectionId>();
  AttributeSet understood = always;  // RFC 8489 §6.3.1
  if (understands_dont_fragment(request)) understood = understood.with(AttributeSet::of<attr::DontFragment>());
  if (third_party.offered()) understood = understood.with(AttributeSet::of<attr::AccessToken>());  // RFC 7635 §7
  const AttributeTypeList unknown = request.message.unknown_required(understood);
  if (!unknown.empty() && !is_refused_by_tcp(request.message, unknown)) {
    return fail_with(request, ErrorCode::unknown_attribute,
                     [&](Builder& response) { response.add<attr::UnknownAttributes>(unknown); });
  }
  if (request.message.method() == Method::allocate) return handle_allocate(request);

  if (request.message.method() == Method::refresh && request.message.has<attr::MobilityTicket>())
    return handle_move(request);  // RFC 8016 §3.2.2: it is the ticket that says which allocation
  if (request.message.method() == Method::connection_bind) return handle_connection_bind(request);
  ServerAllocation* const allocation = request.allocation;
  if (allocation == nullptr || !allocation->live()) return fail_with(request, ErrorCode::allocation_mismatch);
  if (!is_from_owner(request, *allocation)) return fail_with(request, ErrorCode::wrong_credentials);
  adopt(*allocation, request);
  switch (request.message.method()) {
    case Method::refresh:
      return handle_refresh(request);
    case Method::create_permission:
      return handle_create_permission(request);
    case Method::connect:
      return handle_connect(request);
    default:
      return handle_channel_bind(request);
  }
}

/// RFC 8656 §7.2 item 4. Who asks for IPv6 by IPv4 must be refused, too, since nobody tells us of the DF bit of what
/// comes (§3.7).
bool Server::Impl::understands_dont_fragment(const ServerRequest& request) noexcept {
  const bool to_v6 = request.message.has<stun::attr::AdditionalAddressFamily>() ||
                     request.message.get<stun::attr::RequestedAddressFamily>().value_or(Family::none) == Family::ipv6;
  const bool from_v4 = !request.in.from.canonical().address.is_v6();
  return config.dont_fragment && !(from_v4 && to_v6 && !comes_by_stream(request.in.socket));
}

bool Server::Impl::comes_by_stream(SocketId id) const noexcept {
  if (const ServerSocket* const socket = find_socket(id)) return is_stream(socket->transport);
  const Connections::Connection* const connection = connections.find(id);
  return connection == nullptr || is_stream(connection->transport);
}

/// RFC 8656 §5: the same user. RFC 7635 §9: a new token, which is a session of its own, has to be good for an
/// allocation that was made with another one. Nothing in the two says that they belong together; the nonce says that
/// the client is at the same place.
bool Server::Impl::is_from_owner(const ProvenRequest& request, const ServerAllocation& allocation) noexcept {
  const UserId& owner = allocation.account->user;
  return owner == request.user || (owner.kind == UserId::Kind::token && request.good_until);
}

void Server::Impl::adopt(ServerAllocation& allocation, const ProvenRequest& request) {
  if (request.good_until) allocation.good_until = *request.good_until;
  if (allocation.account->user != request.user) {
    Account& next = account_of(request.user);
    ++next.held;
    release(*std::exchange(allocation.account, &next));
  }
  allocation.name = request.name;
  allocation.key = request.key;
  allocation.algorithm = request.algorithm;
}

void Server::Impl::handle_socket(TimePoint now, const SocketEvent& event) {
  if (const auto* const opened = std::get_if<SocketOpened>(&event)) {
    handle_opened(now, *opened);
  } else if (const auto* const failed = std::get_if<SocketFailed>(&event)) {
    handle_failed(now, *failed);
  } else if (const auto* const accepted = std::get_if<SocketAccepted>(&event)) {
    handle_accepted(now, *accepted);
  } else if (const auto* const gone = std::get_if<SocketClosed>(&event)) {
    handle_closed(now, *gone);
  } else if (const auto* const unreachable = std::get_if<SocketUnreachable>(&event)) {
    handle_unreachable(now, *unreachable);
  } else if (const auto* const flow = std::get_if<SocketFlow>(&event)) {
    handle_flow(*flow);
  }
}

void Server::Impl::handle_accepted(TimePoint now, const SocketAccepted& event) {
  handle_closed(now, {event.socket, {}});  // the id means another connection now
  if (const AllocationTable::Owner* const owner = table.find_relay(event.listener))
    return accept_peer(now, *owner, event);
  const ServerSocket* const listener = find_socket(event.listener);
  const Transport transport = listener != nullptr ? listener->transport : Transport::tcp;
  if (!closed && connections.accept(now, event.socket, event.listener, event.remote, transport)) {
    ++counters.connections_accepted;
  } else {
    ++counters.connections_refused;
    requests.emplace_back(CloseSocket{event.socket});
  }
}

void Server::Impl::handle_closed(TimePoint now, const SocketClosed& event) {
  if (const AllocationTable::Owner* const owner = table.find_relay(event.socket)) {
    lose_relay(now, event.socket, *owner);
    return;
  }
  if (find_socket(event.socket) != nullptr) {
    static_cast<void>(remove_socket(now, event.socket));
    return;
  }
  lose_connection(now, event.socket);
}

void Server::Impl::lose_connection(TimePoint now, SocketId socket) {
  if (PeerConnection* const data = peer_connections.find(socket)) return end_peer_connection(*data, socket);
  const Connections::Connection* const connection = connections.find(socket);
  if (connection == nullptr) return;
  if (connection->allocation != nullptr) lose_path(now, *connection->allocation, socket);
  connections.remove(socket);
}

}  // namespace ice::turn
