#include <algorithm>
#include <cassert>
#include <utility>

#include "turn/server_impl.hpp"

/// TCP to peers (RFC 6062 §5).
namespace ice::turn {

using stun::Builder;
using stun::Class;
using stun::ErrorCode;
using stun::Method;
using State = PeerConnection::State;
namespace attr = stun::attr;

// ---- allocations

/// RFC 6062 §5.1: why a request for a TCP allocation is refused, if it is.
std::optional<ErrorCode> Server::Impl::refuse_tcp(const ServerRequest& request) const noexcept {
  const stun::Message& message = request.message;
  if (!config.tcp_allocations) return ErrorCode::unsupported_transport_protocol;
  if (!comes_by_stream(request.in.socket)) return ErrorCode::bad_request;
  if (message.has<attr::DontFragment>() || message.has<attr::EvenPort>() || message.has<attr::ReservationToken>())
    return ErrorCode::bad_request;
  // RFC 8016 knows nothing of data connections, which could not move with their allocation.
  if (message.has<attr::MobilityTicket>()) return ErrorCode::mobility_forbidden;
  return std::nullopt;
}

/// RFC 6062 §5.1 answers DONT-FRAGMENT with 400, known or not. What else is unknown comes first.
bool Server::Impl::is_refused_by_tcp(const stun::Message& message, const stun::AttributeTypeList& unknown) noexcept {
  const auto protocol = message.get<attr::RequestedTransport>();
  return protocol && *protocol == stun::IpProtocol::tcp && unknown.size() == 1 &&
         *unknown.begin() == attr::DontFragment::type;
}

// ---- where peers are

/// The live allocation of this protocol that has this relayed transport address.
ServerAllocation* Server::Impl::find_relayed(const Endpoint& relayed, stun::IpProtocol protocol) noexcept {
  ServerAllocation* const found = table.find_relayed(relayed);
  return found != nullptr && found->protocol == protocol ? found : nullptr;
}

/// Behind a 1:1 NAT, a relayed address of ours is reached by its local one.
Endpoint Server::Impl::inside_of(const Endpoint& peer) noexcept {
  if (ServerAllocation* const other = find_relayed(peer, stun::IpProtocol::tcp))
    return other->relay(peer.address.family()).local;
  return peer;
}

/// What peers are to clients, of another client of ours the relayed address.
Endpoint Server::Impl::outside_of(const Endpoint& from) noexcept {
  const Endpoint peer{from.address.without_scope(), from.port};
  const auto& relays = relay_addresses[index_of(peer.address.family())];
  if (!relays || relays->local.without_scope() != peer.address) return peer;
  const Endpoint relayed{relays->shown, peer.port};
  return find_relayed(relayed, stun::IpProtocol::tcp) != nullptr ? relayed : peer;
}

// ---- connections to peers

/// RFC 6062 §5.2.
Received Server::Impl::handle_connect(ProvenRequest& request) {
  ServerAllocation& allocation = *request.allocation;
  const auto peer = request.message.get<attr::XorPeerAddress>();
  if (allocation.protocol != stun::IpProtocol::tcp || !peer || peer->port == 0)
    return fail_with(request, ErrorCode::bad_request);
  const Family family = peer->address.family();
  if (!allocation.relay(family).socket) return fail_with(request, ErrorCode::peer_address_family_mismatch);
  if (peer_connections.find(allocation.number, *peer) != nullptr)
    return fail_with(request, ErrorCode::connection_already_exists);
  const auto refuse = [&](ErrorCode code) {
    ++counters.peer_connections_refused;
    return fail_with(request, code);
  };
  if (reach_of(*peer, stun::IpProtocol::tcp) == Reach::forbidden) return refuse(ErrorCode::forbidden);
  if (!has_room_for_peer(allocation)) return refuse(ErrorCode::insufficient_capacity);

  PeerConnection& connection = peer_connections.add(environment.random, allocation.number, *peer);
  const SocketTicket ticket{++last_ticket};
  const Endpoint& local = allocation.relay(family).local;
  connection.to_peer.remote = inside_of(*peer);
  peer_connections.add_connect(
      connection, {ticket, {request.message.transaction_id(), request.sha256, request.fingerprint}, request.key});
  peer_connections.set_due(connection, request.now + peer_connect_timeout);
  requests.emplace_back(OpenSocket{.ticket = ticket,
                                   .kind = OpenSocket::Kind::connect,
                                   .transport = Transport::tcp,
                                   .local = {local.address, 0},
                                   .remote = connection.to_peer.remote,
                                   .ports = {local.port, local.port},
                                   .shares_port = true});
  return {.verdict = Verdict::handled};
}

bool Server::Impl::has_room_for_peer(const ServerAllocation& allocation) const noexcept {
  return peer_connections.size() < config.limits.peer_connections &&
         peer_connections.count(allocation.number) < config.limits.peer_connections_per_allocation;
}

void Server::Impl::handle_peer_opened(TimePoint now, PeerConnection& connection, SocketId socket) {
  auto connect = peer_connections.take_connect(connection);
  await_bind(now, connection, socket);
  peer_answers.push_back({connection.allocation, connection.id, std::move(connect)});
}

/// The peer is not there, or took too long.
void Server::Impl::fail_connect(PeerConnection& connection) {
  ++counters.peer_connections_failed;
  peer_answers.push_back({connection.allocation, connection.id, peer_connections.take_connect(connection)});
  peer_connections.remove(connection);
}

/// RFC 6062 §5.3.
void Server::Impl::accept_peer(TimePoint now, const AllocationTable::Owner& owner, const SocketAccepted& event) {
  ServerAllocation* const allocation = owner.allocation;
  const Endpoint peer = outside_of(event.remote);
  if (allocation == nullptr || !may_connect(now, *allocation, peer) || !has_room_for_peer(*allocation) ||
      peer_connections.find(allocation->number, peer) != nullptr) {
    ++counters.peer_connections_refused;
    requests.emplace_back(CloseSocket{event.socket});
    return;
  }
  PeerConnection& connection = peer_connections.add(environment.random, allocation->number, peer);
  connection.to_peer.remote = event.remote;
  await_bind(now, connection, event.socket);
  peer_answers.push_back({allocation->number, connection.id, nullptr});
}

bool Server::Impl::may_connect(TimePoint now, ServerAllocation& allocation, const Endpoint& peer) noexcept {
  if (!allocation.live()) return false;
  const Permission* const permission = allocation.relay(peer.address.family()).permissions.find(now, peer.address);
  if (permission == nullptr) return false;
  return permission->reach != Reach::relays_only || find_relayed(peer, stun::IpProtocol::tcp) != nullptr;
}

/// The connection stands. What the peer sends waits in the system's buffer, whose window tells the peer of it.
void Server::Impl::await_bind(TimePoint now, PeerConnection& connection, SocketId socket) {
  ++counters.peer_connections_made;
  connection.state = State::unbound;
  connection.to_peer.socket = socket;
  peer_connections.add_socket(connection, socket);
  peer_connections.set_due(connection, now + connection_bind_timeout);
  requests.emplace_back(ReadSocket{socket, false});
}

// ---- connections of clients

/// RFC 6062 §5.4.
Received Server::Impl::handle_connection_bind(ProvenRequest& request) {
  const auto id = request.message.get<attr::ConnectionId>();
  PeerConnection* const connection = id ? peer_connections.find(ConnectionId{*id}) : nullptr;
  // A control connection stays one (§4.3: the data connection is another).
  if (!comes_by_stream(request.in.socket) || connection == nullptr || connection->state != State::unbound ||
      request.allocation != nullptr)
    return fail_with(request, ErrorCode::bad_request);
  if (table.find(connection->allocation)->account->user != request.user)
    return fail_with(request, ErrorCode::wrong_credentials);
  if (!transport_of(request)) return fail_with(request, ErrorCode::insufficient_capacity);
  connections.keep(request.in.socket);
  connection->state = State::bound;
  connection->to_client = {.socket = request.in.socket, .remote = request.in.from, .reads = true};
  peer_connections.add_socket(*connection, request.in.socket);
  peer_connections.set_due(*connection, std::nullopt);
  requests.emplace_back(FrameSocket{request.in.socket, Framing::none});
  set_reading(*connection);
  return succeed(request);
}

/// As it is, to the other side (§5.4). Whoever is full, or has spent what the bandwidth allows, stops the reading and
/// by that the sender, so that there is never more in hand than what one read has brought.
Received Server::Impl::handle_peer_data(TimePoint now, PeerConnection& connection, const Datagram& in) {
  if (connection.state != State::bound) return drop(counters.no_allocation);  // it is not read yet
  ServerAllocation& allocation = *table.find(connection.allocation);
  const std::size_t bytes = in.payload.size();
  const bool from_client = in.socket == connection.to_client.socket;
  (from_client ? counters.to_peers_bytes : counters.to_clients_bytes) += bytes;
  (from_client ? allocation.to_peers_bytes : allocation.to_client_bytes) += bytes;
  if (config.limits.bytes_per_second != 0) {
    const TimePoint rest = allocation.bandwidth.charge(now, bandwidth, bytes);
    if (rest > now) peer_connections.set_due(connection, rest);
    set_reading(connection);
  }
  const PeerConnection::Side& to = from_client ? connection.to_peer : connection.to_client;
  return {.verdict = Verdict::forward, .forward = Transmit{.socket = to.socket, .to = to.remote, .body = in.payload}};
}

void Server::Impl::handle_flow(const SocketFlow& event) {
  PeerConnection* const connection = peer_connections.find(event.socket);
  if (connection == nullptr) return;
  const bool client = connection->state == State::bound && event.socket == connection->to_client.socket;
  (client ? connection->to_client : connection->to_peer).full = event.full;
  if (connection->state == State::bound) set_reading(*connection);
}

/// RFC 6062 §3: each side is read while the other one takes what comes.
void Server::Impl::set_reading(PeerConnection& connection) {
  const auto set = [&](PeerConnection::Side& side, const PeerConnection::Side& other) {
    const bool reads = !other.full && !connection.due;
    if (std::exchange(side.reads, reads) != reads) requests.emplace_back(ReadSocket{side.socket, reads});
  };
  set(connection.to_peer, connection.to_client);
  set(connection.to_client, connection.to_peer);
}

// ---- the end of things

void Server::Impl::handle_peer_due(PeerConnection& connection) {
  switch (connection.state) {
    case State::connecting:
      return fail_connect(connection);
    case State::unbound:
      ++counters.peer_connections_unbound;
      return end_peer_connection(connection);
    case State::bound:
      peer_connections.set_due(connection, std::nullopt);
      return set_reading(connection);
  }
}

/// RFC 6062 §5.5: when one side is closed (`gone`), so is the other; with the allocation, both are.
void Server::Impl::end_peer_connection(PeerConnection& connection, std::optional<SocketId> gone) {
  if (connection.state != State::connecting && connection.to_peer.socket != gone)
    requests.emplace_back(CloseSocket{connection.to_peer.socket});
  if (connection.state == State::bound) {
    connections.remove(connection.to_client.socket);
    if (connection.to_client.socket != gone) requests.emplace_back(CloseSocket{connection.to_client.socket});
  }
  peer_connections.remove(connection);
}

void Server::Impl::end_peer_connections(const ServerAllocation& allocation, Family family) {
  while (PeerConnection* const connection = peer_connections.any(allocation.number, family))
    end_peer_connection(*connection);
}

// ---- what the client is told

/// The answer to a Connect, or a ConnectionAttempt indication.
std::optional<Transmit> Server::Impl::poll_peer_answer(MutableBytes scratch) {
  while (!peer_answers.empty()) {
    const PeerAnswer answer = std::move(peer_answers.front());
    peer_answers.pop_front();
    const ServerAllocation* const allocation = table.find(answer.allocation);
    const PeerConnection* const connection = peer_connections.find(answer.id);
    if (allocation == nullptr || (answer.connect == nullptr && connection == nullptr)) continue;
    Transmit transmit;
    transmit.socket = allocation->tuple.socket;
    transmit.to = allocation->tuple.client;
    transmit.ip.local = allocation->tuple.local;
    transmit.head = answer.connect != nullptr ? write_connect_answer(*answer.connect, connection, scratch)
                                              : write_connection_attempt(*connection, scratch);
    return transmit;
  }
  return std::nullopt;
}

Bytes Server::Impl::write_connect_answer(const PeerConnection::Connect& connect, const PeerConnection* connection,
                                         MutableBytes scratch) {
  const bool stands = connection != nullptr;
  ++(stands ? counters.successes : counters.errors);
  Builder response{scratch, Method::connect, stands ? Class::success_response : Class::error_response, connect.form.id};
  if (stands) {
    response.add<attr::ConnectionId>(connection->id);
  } else {
    response.add<attr::ErrorCode>({ErrorCode::connection_timeout_or_failure});
  }
  const result<Bytes> written = finish(response, Method::connect, connect.form, connect.key);
  assert(written);
  return *written;
}

Bytes Server::Impl::write_connection_attempt(const PeerConnection& connection, MutableBytes scratch) {
  const auto written =
      Builder{scratch, Method::connection_attempt, Class::indication, stun::TransactionId::random(environment.random)}
          .add<attr::ConnectionId>(connection.id)
          .add<attr::XorPeerAddress>(connection.peer)
          .finish();
  assert(written);
  return *written;
}

}  // namespace ice::turn
