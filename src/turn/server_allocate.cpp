#include <algorithm>
#include <cassert>
#include <utility>

#include "stun/trace.hpp"
#include "turn/server_impl.hpp"

namespace ice::turn {

using stun::Builder;
using stun::Class;
using stun::ErrorCode;
using stun::Method;
namespace attr = stun::attr;

namespace {

/// A port that we have not may be another program's; another one is tried so often.
constexpr int most_attempts = 16;

/// Ours: well within the 39.5 s that a client waits for its answer (RFC 8489 §6.2.1). A driver needs no time at all.
constexpr std::chrono::seconds longest_opening{10};

constexpr std::uint16_t next_to(std::uint16_t port) noexcept { return static_cast<std::uint16_t>(port + 1); }

}  // namespace

/// What an Allocate asks for.
struct Server::Impl::Wanted {
  stun::IpProtocol protocol = stun::IpProtocol::udp;
  std::array<bool, 2> family{};                       ///< one to be opened
  std::array<std::optional<ErrorCode>, 2> refused{};  ///< one that was asked for and cannot be had
  bool even = false;
  bool reserve = false;
  std::optional<ReservationToken> token{};
  bool ticket = false;  ///< to move with
  std::chrono::seconds lifetime{};

  std::size_t holds() const noexcept { return reserve ? 2U : 1U; }
};

Received Server::Impl::handle_allocate(ProvenRequest& request) {
  policy.learn_own(request.in.ip.local);  // a wildcard socket has addresses that nobody told us of
  if (request.allocation != nullptr) {
    // RFC 8656 §7.2 item 2, and the note at its end: a retransmission is known by its transaction id. Another user who
    // repeats it is told nothing of the allocation.
    if (request.allocation->form.id != request.message.transaction_id() ||
        request.allocation->account->user != request.user)
      return fail_with(request, ErrorCode::allocation_mismatch);
    ++counters.retransmissions;
    if (!request.allocation->live()) return {.verdict = Verdict::handled};  // the answer to the first one is to come
    ++counters.successes;
    return respond(request, write_allocated(request.now, *request.allocation, request.scratch));
  }
  const auto refuse = [&](ErrorCode code) {
    ++counters.allocations_refused;
    return fail_with(request, code);
  };
  if (!accepting) {  // RFC 8489 §10: an alternate of the same family as the source of the request
    if (!alternate || alternate->address.family() != request.in.from.canonical().address.family())
      return refuse(ErrorCode::insufficient_capacity);
    ++counters.allocations_refused;
    return fail_with(request, ErrorCode::try_alternate,
                     [&](Builder& response) { response.add<attr::AlternateServer>(*alternate); });
  }
  auto wanted = read_allocate(request);
  if (!wanted) return refuse(wanted.error());
  if (const auto code = over_quota(request, *wanted)) return refuse(*code);
  if (!begin_allocation(request, *wanted)) return refuse(ErrorCode::insufficient_capacity);
  return {.verdict = Verdict::handled};
}

/// RFC 8656 §7.2, items 3 to 9.
result<Server::Impl::Wanted, ErrorCode> Server::Impl::read_allocate(const ProvenRequest& request) const {
  const stun::Message& message = request.message;
  Wanted wanted;
  const auto transport = message.get<attr::RequestedTransport>();
  if (!transport) return fail(ErrorCode::bad_request);
  if (*transport == stun::IpProtocol::tcp) {
    if (const auto code = refuse_tcp(request)) return fail(*code);
  } else if (*transport != stun::IpProtocol::udp) {
    return fail(ErrorCode::unsupported_transport_protocol);
  }
  wanted.protocol = *transport;

  if (message.has<attr::MobilityTicket>()) {  // RFC 8016 §3.1.2
    if (!message.get<attr::MobilityTicket>()->empty()) return fail(ErrorCode::bad_request);
    if (!config.mobility) return fail(ErrorCode::mobility_forbidden);
    wanted.ticket = true;
  }
  const bool one_family = message.has<attr::RequestedAddressFamily>();
  const bool more_families = message.has<attr::AdditionalAddressFamily>();
  if (message.has<attr::Lifetime>()) {
    const auto lifetime = message.get<attr::Lifetime>();
    if (!lifetime) return fail(ErrorCode::bad_request);
    wanted.lifetime = granted(*lifetime);
  } else {
    wanted.lifetime = granted(std::nullopt);
  }
  if (message.has<attr::ReservationToken>()) {
    const auto token = message.get<attr::ReservationToken>();
    if (!token || message.has<attr::EvenPort>() || one_family || more_families) return fail(ErrorCode::bad_request);
    wanted.token = *token;
    return wanted;
  }
  if (one_family && more_families) return fail(ErrorCode::bad_request);
  if (message.has<attr::EvenPort>()) {
    const auto even = message.get<attr::EvenPort>();
    if (!even || (even->reserve_next && more_families)) return fail(ErrorCode::bad_request);
    if (ports[0].any()) return fail(ErrorCode::insufficient_capacity);
    wanted.even = true;
    wanted.reserve = even->reserve_next;
  }

  Family asked = Family::ipv4;
  if (one_family) {
    const auto family = message.get<attr::RequestedAddressFamily>();
    if (!family && family.error() != errc::unknown_address_family) return fail(ErrorCode::bad_request);
    if (!family) return fail(ErrorCode::address_family_not_supported);
    asked = *family;
  }
  wanted.family[index_of(asked)] = true;
  if (more_families) {
    if (message.get<attr::AdditionalAddressFamily>().value_or(Family::none) != Family::ipv6)
      return fail(ErrorCode::bad_request);
    wanted.family = {true, true};
  }
  for (const Family family : both_families) {
    const std::size_t i = index_of(family);
    if (!wanted.family[i] || relay_addresses[i]) continue;
    wanted.family[i] = false;
    if (more_families) wanted.refused[i] = ErrorCode::address_family_not_supported;
  }
  if (!wanted.family[0] && !wanted.family[1]) return fail(ErrorCode::address_family_not_supported);
  return wanted;
}

/// RFC 8656 §7.2 item 10, and §5: the quota goes by user.
std::optional<ErrorCode> Server::Impl::over_quota(const ProvenRequest& request, const Wanted& wanted) const {
  const ServerLimits& limits = config.limits;
  if (table.size() >= limits.allocations) return ErrorCode::insufficient_capacity;
  if (wanted.reserve && reservations.size() + reserving >= limits.reservations) return ErrorCode::insufficient_capacity;
  const auto account = accounts.find(request.user);
  std::size_t held = account == accounts.end() ? 0 : account->second.held;
  if (wanted.token && held > 0) {  // what he has reserved is not counted twice
    const Reservation* const reserved = reservations.find(*wanted.token);
    if (reserved != nullptr && reserved->account == &account->second) --held;
  }
  if (held + wanted.holds() > limits.allocations_per_user) return ErrorCode::allocation_quota_reached;
  const auto source = sources.find(source_of(request.in.from.address));
  if (source != sources.end() && source->second >= limits.allocations_per_source)
    return ErrorCode::allocation_quota_reached;
  return std::nullopt;
}

/// What the client came by; none where its connection is one too many.
std::optional<Transport> Server::Impl::transport_of(const ServerRequest& request) {
  const SocketId id = request.in.socket;
  if (const ServerSocket* const socket = find_socket(id)) return socket->transport;
  // A connection that was never announced is announced now, so that its end is noticed.
  if (connections.find(id) == nullptr && !connections.accept(request.now, id, {}, request.in.from, Transport::tcp))
    return std::nullopt;
  return connections.find(id)->transport;
}

/// False where the token is not good, or the connection one too many.
bool Server::Impl::begin_allocation(ProvenRequest& request, const Wanted& wanted) {
  const std::optional<Transport> transport = transport_of(request);
  if (!transport) return false;
  std::optional<Reservation> reservation;
  if (wanted.token) {
    reservation = reservations.take(*wanted.token);
    if (!reservation) return false;
  }

  Account& account = account_of(request.user);
  account.held += wanted.holds();
  if (wanted.reserve) ++reserving;
  ++sources[source_of(request.in.from.address)];
  ServerAllocation& allocation =
      table.add({.tuple = request.tuple,
                 .transport = *transport,
                 .protocol = wanted.protocol,
                 .account = &account,
                 .name = std::move(request.name),
                 .key = request.key,
                 .algorithm = request.algorithm,
                 .good_until = request.good_until.value_or(TimePoint::max()),
                 .form = {request.message.transaction_id(), request.sha256, request.fingerprint},
                 .opening = std::make_unique<Opening>(),
                 .refused = wanted.refused});
  connections.occupy(request.in.socket, &allocation);
  if (wanted.ticket) grant_ticket(allocation);
  allocation.opening->even = wanted.even;
  allocation.opening->reserve = wanted.reserve;
  allocation.opening->lifetime = wanted.lifetime;
  if (reservation) {
    release(*reservation->account);
    take_relay(allocation, reservation->socket, reservation->local);
  } else {
    for (const Family family : both_families)
      if (wanted.family[index_of(family)]) open_relay(request.now, allocation, family);
  }
  settle(request.now, allocation);
  return true;
}

// ---- relay sockets

void Server::Impl::request_socket(TimePoint now, ServerAllocation& allocation, Family family, PortRange range,
                                  Part part) {
  const SocketTicket ticket{++last_ticket};
  const bool exact = range.first == range.last && range.first != 0;
  tickets[ticket] = {allocation.number, family, exact ? range.first : std::uint16_t{0}, part, now + longest_opening};
  if (exact) ports[index_of(family)].take(range.first);
  if (part == Part::first) ports[index_of(family)].take(next_to(range.first));
  const bool tcp = allocation.protocol == stun::IpProtocol::tcp;
  requests.emplace_back(OpenSocket{.ticket = ticket,
                                   .kind = tcp ? OpenSocket::Kind::listen : OpenSocket::Kind::datagram,
                                   .transport = tcp ? Transport::tcp : Transport::udp,
                                   .local = {relay_addresses[index_of(family)]->local, 0},
                                   .ports = range,
                                   .shares_port = tcp});
}

/// Asks for a relay socket. If none can be had, the side is left as it is, without one.
void Server::Impl::open_relay(TimePoint now, ServerAllocation& allocation, Family family) {
  Opening& opening = *allocation.opening;
  Opening::Side& side = opening.sides[index_of(family)];
  const RelayPorts& known = ports[index_of(family)];
  const auto port = known.choose(environment.random, opening.even, opening.reserve);
  if (++side.attempts > most_attempts || (!port && !known.any())) return;
  side.pending = true;
  request_socket(now, allocation, family, port ? PortRange{*port, *port} : known.range(),
                 opening.reserve ? Part::first : Part::alone);
}

void Server::Impl::take_relay(ServerAllocation& allocation, SocketId socket, const Endpoint& local) {
  const Family family = local.address.family();
  Relay& relay = allocation.relay(family);
  relay.socket = socket;
  relay.local = local;
  relay.relayed = {relay_addresses[index_of(family)]->shown, local.port};
  table.add_relay_socket(socket, {&allocation, family});
}

void Server::Impl::handle_opened(TimePoint now, const SocketOpened& event) {
  if (PeerConnection* const connection = peer_connections.find(event.ticket))
    return handle_peer_opened(now, *connection, event.socket);
  const auto found = tickets.find(event.ticket);
  const Ticket ticket = found == tickets.end() ? Ticket{} : found->second;
  if (found != tickets.end()) tickets.erase(found);
  ServerAllocation* const allocation = table.find(ticket.allocation);
  if (allocation == nullptr) {  // it has gone meanwhile
    release_ports(ticket);
    requests.emplace_back(CloseSocket{event.socket});
    return;
  }
  ports[index_of(ticket.family)].take(event.local.port);
  Opening::Side& side = allocation->opening->sides[index_of(ticket.family)];
  side.pending = ticket.part == Part::first;
  if (ticket.part != Part::second) {
    take_relay(*allocation, event.socket, event.local);
    const std::uint16_t next = next_to(event.local.port);
    if (ticket.part == Part::first) request_socket(now, *allocation, ticket.family, {next, next}, Part::second);
  } else if (allocation->relay(ticket.family).socket) {
    keep_reservation(now, *allocation, event);
  } else {  // the first one was lost meanwhile
    release_ports(ticket);
    requests.emplace_back(CloseSocket{event.socket});
  }
  settle(now, *allocation);
}

void Server::Impl::handle_failed(TimePoint now, const SocketFailed& event) {
  if (PeerConnection* const connection = peer_connections.find(event.ticket)) return fail_connect(*connection);
  const auto found = tickets.find(event.ticket);
  if (found == tickets.end()) return;
  const Ticket ticket = found->second;
  tickets.erase(found);
  release_ports(ticket);
  ServerAllocation* const allocation = table.find(ticket.allocation);
  if (allocation == nullptr) return;
  allocation->opening->sides[index_of(ticket.family)].pending = false;
  if (ticket.part == Part::second)
    end_relay(*allocation, ticket.family);  // the pair is not to be had; perhaps another one is
  if (event.error == std::errc::address_in_use) open_relay(now, *allocation, ticket.family);
  settle(now, *allocation);
}

void Server::Impl::release_ports(const Ticket& ticket) noexcept {
  if (ticket.port == 0) return;
  RelayPorts& known = ports[index_of(ticket.family)];
  known.release(ticket.port);
  if (ticket.part == Part::first) known.release(next_to(ticket.port));
}

void Server::Impl::fail_overdue_tickets(TimePoint now) {
  while (!tickets.empty() && tickets.begin()->second.deadline <= now)
    handle_failed(now, {tickets.begin()->first, make_error_code(std::errc::timed_out)});
}

void Server::Impl::keep_reservation(TimePoint now, ServerAllocation& allocation, const SocketOpened& event) {
  Reservation reservation{.socket = event.socket,
                          .local = event.local,
                          .account = allocation.account,
                          .expires = now + reservation_lifetime};
  environment.random.fill(reservation.token);
  reservations.add(reservation);
  allocation.reserved = reservation.token;
  table.add_relay_socket(event.socket, {nullptr, event.local.address.family()});
}

/// What was held for a reservation is the reservation's now, or free again.
void Server::Impl::stop_reserving(ServerAllocation& allocation) noexcept {
  if (!std::exchange(allocation.opening->reserve, false)) return;
  --reserving;
  if (!allocation.reserved) release(*allocation.account);
}

/// Makes the allocation live, or gives it up, when nothing is being opened any more.
void Server::Impl::settle(TimePoint now, ServerAllocation& allocation) {
  const Opening& opening = *allocation.opening;
  if (opening.sides[0].pending || opening.sides[1].pending) return;
  stop_reserving(allocation);
  answers.push_back(allocation.number);
  if (!allocation.has_relay()) return;
  for (const Family family : both_families) {
    const std::size_t i = index_of(family);
    if (allocation.relays[i].socket) {
      table.set_relay(allocation, family, end_of(allocation, now, opening.lifetime));
    } else if (opening.sides[i].attempts > 0) {
      allocation.refused[i] = ErrorCode::insufficient_capacity;
    }
  }
  allocation.opening.reset();
  ++counters.allocations_made;
  const Endpoint& v4 = allocation.relay(Family::ipv4).relayed;
  const Endpoint& v6 = allocation.relay(Family::ipv6).relayed;
  stun::trace(environment.trace, now, "turn-allocation-opened",
              {{"client", allocation.tuple.client}, {"relayed", v4 ? v4 : v6}});
  events.emplace_back(AllocationOpened{allocation.account->user.name, allocation.tuple.client, allocation.transport,
                                       allocation.protocol == stun::IpProtocol::tcp, v4, v6});
}

// ---- the answer

Bytes Server::Impl::write_allocated(TimePoint now, const ServerAllocation& allocation, MutableBytes scratch) const {
  Builder response{scratch, Method::allocate, Class::success_response, allocation.form.id};
  TimePoint expires = TimePoint::max();
  for (const Relay& relay : allocation.relays) {
    if (!relay.socket) continue;
    response.add<attr::XorRelayedAddress>(relay.relayed);
    expires = std::min(expires, relay.expires);
  }
  for (const Family family : both_families)
    if (const auto& code = allocation.refused[index_of(family)])
      response.add<attr::AddressErrorCode>({family, {*code}});
  const Endpoint client = allocation.tuple.client.canonical();
  response.add<attr::Lifetime>(std::chrono::ceil<stun::Seconds>(expires - now))
      .add<attr::XorMappedAddress>({client.address.without_scope(), client.port});
  if (allocation.reserved) response.add<attr::ReservationToken>(*allocation.reserved);
  if (allocation.mobility != nullptr) response.add<attr::MobilityTicket>(allocation.mobility->ticket);
  const result<Bytes> written = finish(response, Method::allocate, allocation.form, allocation.key);
  assert(written);
  return *written;
}

Transmit Server::Impl::answer_allocate(TimePoint now, ServerAllocation& allocation, MutableBytes scratch) {
  Transmit answer;
  answer.socket = allocation.tuple.socket;
  answer.to = allocation.tuple.client;
  answer.ip.local = allocation.tuple.local;
  if (allocation.live()) {
    ++counters.successes;
    answer.head = write_allocated(now, allocation, scratch);
    return answer;
  }
  ++counters.errors;
  ++counters.allocations_refused;
  Builder response{scratch, Method::allocate, Class::error_response, allocation.form.id};
  response.add<attr::ErrorCode>({ErrorCode::insufficient_capacity});
  const result<Bytes> written = finish(response, Method::allocate, allocation.form, allocation.key);
  assert(written);
  answer.head = *written;
  end_allocation(now, allocation, AllocationClosed::Why::relay_lost);
  return answer;
}

std::optional<Transmit> Server::Impl::poll_transmit(TimePoint now, MutableBytes scratch) {
  while (!answers.empty()) {
    ServerAllocation* const allocation = table.find(answers.front());
    answers.pop_front();
    if (allocation != nullptr) return answer_allocate(now, *allocation, scratch);
  }
  if (const auto answer = poll_peer_answer(scratch)) return answer;
  while (!icmp_errors.empty()) {
    const Icmp error = icmp_errors.front();
    icmp_errors.pop_front();
    if (ServerAllocation* const allocation = table.find(error.allocation))
      return tell_icmp(*allocation, error.peer, error.error, scratch);
  }
  return std::nullopt;
}

}  // namespace ice::turn
